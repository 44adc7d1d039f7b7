/*
 * acl_selector.h - one set of rights: which commands, on which keys, in which channels.
 *
 * A user has one selector of its own and any number beside it; a command goes ahead if one selector
 * allows all of it. Rules are words as ACL SETUSER takes them: +get, -@admin, ~key*, &channel*.
 *
 * Pure; the caller keeps others off a selector that it changes. A rule that is refused changes
 * nothing.
 */
#ifndef SCDB_SERVER_ACL_SELECTOR_H
#define SCDB_SERVER_ACL_SELECTOR_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/word_list.h"
#include "server/acl_bits.h"
#include "server/acl_commands.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, "text"): why a rule is refused, in Redis's words. */
#define ACL_ERRORS_LIST(X)                                                                         \
    X(NONE, "")                                                                                    \
    X(SYNTAX, "Syntax error")                                                                      \
    X(UNKNOWN_COMMAND, "Unknown command or category name in ACL")                                  \
    X(KEYS_AFTER_ALL,                                                                              \
      ("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not "   \
       "have any effect. Try 'resetkeys' to start with an empty list of patterns"))                \
    X(CHANNELS_AFTER_ALL,                                                                          \
      ("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does "   \
       "not have any effect. Try 'resetchannels' to start with an empty list of channels"))        \
    X(NO_SUCH_PASSWORD, "The password you are trying to remove from the user does not exist")      \
    X(BAD_HASH, "The password hash must be exactly 64 characters and contain only lowercase "      \
                "hexadecimal characters")                                                          \
    X(FIRST_ARGUMENT, "Allowing first-arg of a subcommand is not supported")                       \
    X(NO_MEMORY, "out of memory")

enum acl_error {
#define ACL_ERRORS_ENUM(name, text) ACL_ERROR_##name,
    ACL_ERRORS_LIST(ACL_ERRORS_ENUM)
#undef ACL_ERRORS_ENUM
};

/* A static string. */
const char *acl_error_text(enum acl_error error);

/* What a key pattern allows, and what a command wants with a key. */
enum acl_access { ACL_READ = 1 << 0, ACL_WRITE = 1 << 1 };

struct acl_selector {
    struct acl_bits commands;
    bool all_commands; /* +@all, and nothing taken away since: spares looking at the bits */
    bool all_keys;
    bool all_channels;
    struct word_list first_arguments; /* "+select|0"; tags are numbers of commands */
    struct word_list keys;            /* patterns; tags are enum acl_access */
    struct word_list channels;        /* patterns */
};

/* No rights at all; `all_channels` as the directive acl-pubsub-default has it. */
void acl_selector_init(struct acl_selector *selector, bool all_channels);
void acl_selector_deinit(struct acl_selector *selector);

/* *to, not initialised before, becomes a copy. NO_MEMORY: nothing to deinit. */
enum status acl_selector_copy(const struct acl_selector *from, struct acl_selector *to) MUST_CHECK;

enum acl_error acl_selector_set(struct acl_selector *selector, const struct acl_commands *commands,
                                struct slice rule) MUST_CHECK;

/* --- as text, as Redis writes it --- */

enum status acl_selector_describe_keys(const struct acl_selector *selector,
                                       struct buffer *out) MUST_CHECK;
enum status acl_selector_describe_channels(const struct acl_selector *selector,
                                           struct buffer *out) MUST_CHECK;

/* All rules: "~key* resetchannels &channel -@all +get". */
enum status acl_selector_describe(const struct acl_selector *selector,
                                  const struct acl_commands *commands,
                                  struct buffer *out) MUST_CHECK;

/* --- questions --- */

/* `first_argument` is what follows the command's name; NULL: nothing does. */
bool acl_selector_allows_command(const struct acl_selector *selector, size_t command,
                                 const struct slice *first_argument);
bool acl_selector_allows_key(const struct acl_selector *selector, struct slice key,
                             uint32_t access); /* enum acl_access; 0: only its existence */

/* A pattern to subscribe to is allowed only where the very same pattern is. */
bool acl_selector_allows_channel(const struct acl_selector *selector, struct slice channel,
                                 bool is_pattern);

#endif
