/*
 * acl_user.h - a user: a name, passwords, and selectors with what it may do.
 *
 * Rules are the words of ACL SETUSER: on, off, >password, nopass, reset, (selector), and those of
 * acl_selector.h, which change the user's own selector. Pure; the caller keeps others off a user
 * that it changes. A rule that is refused changes nothing.
 */
#ifndef SCDB_SERVER_ACL_USER_H
#define SCDB_SERVER_ACL_USER_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/word_list.h"
#include "server/acl_commands.h"
#include "server/acl_selector.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether what RESTORE brings is looked through; kept for the sake of Redis's files. */
enum acl_sanitize { ACL_SANITIZE_UNSAID, ACL_SANITIZE_SKIP, ACL_SANITIZE };

struct acl_user {
    struct slice name; /* owned */
    bool enabled;
    bool no_password; /* any password is right */
    enum acl_sanitize sanitize;
    struct word_list passwords;     /* hashes */
    struct acl_selector *selectors; /* owned; the first is the user's own and always there */
    size_t selector_count;
    /* One selector allows everything: nothing has to be looked at. */
    bool is_unrestricted;
};

/* What rules mean depends on these. */
struct acl_terms {
    const struct acl_commands *commands;
    bool all_channels; /* acl-pubsub-default: what a new selector may do in channels */
};

/* A user that is off and may do nothing. NO_MEMORY: nothing to destroy. */
enum status acl_user_create(struct slice name, bool all_channels, struct acl_user **out) MUST_CHECK;
void acl_user_destroy(struct acl_user *user); /* may be NULL */

/* A user of the same name and rights. */
enum status acl_user_copy(const struct acl_user *user, struct acl_user **out) MUST_CHECK;

/* Exchanges all but the names. */
void acl_user_swap(struct acl_user *a, struct acl_user *b);

enum acl_error acl_user_set(struct acl_user *user, const struct acl_terms *terms,
                            struct slice rule) MUST_CHECK;

/* May a client be this user with that password? */
bool acl_user_accepts(const struct acl_user *user, struct slice password);

/* "on nopass ~* &* +@all", as the user's line in a file says it. */
enum status acl_user_describe(const struct acl_user *user, const struct acl_commands *commands,
                              struct buffer *out) MUST_CHECK;

/* The names of what is set ("on", "nopass" ...); returns how many. */
#define ACL_USER_FLAGS_MAX 3
size_t acl_user_flags(const struct acl_user *user, const char *names[ACL_USER_FLAGS_MAX]);

/* Does any selector allow the channel? See acl_selector_allows_channel. */
bool acl_user_allows_channel(const struct acl_user *user, struct slice channel, bool is_pattern);

/* Are names of users and patterns free of blanks and NULs? */
bool acl_user_is_valid_name(struct slice name);

/*
 * A selector may be spread over several words, "(+get" "~key" ")": copies the words to `rules`,
 * such words as one. INVALID: *culprit is the word with the parenthesis that is not closed.
 */
enum status acl_user_join_rules(const struct slice *words, size_t count, struct word_list *rules,
                                struct slice *culprit) MUST_CHECK;

#endif
