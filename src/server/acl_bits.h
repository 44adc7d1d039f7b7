/*
 * acl_bits.h - the set of commands that a selector allows: one bit for each command, and one for
 * those that are yet to come, which only +@all sets and only -@all clears.
 *
 * Pure, any thread; the caller keeps others off what it changes.
 */
#ifndef SCDB_SERVER_ACL_BITS_H
#define SCDB_SERVER_ACL_BITS_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/word_list.h"
#include "server/acl_commands.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_BITS_WORDS (ACL_COMMANDS_MAX / 64)

struct acl_bits {
    uint64_t words[ACL_BITS_WORDS];
};

static inline bool acl_bits_has(const struct acl_bits *bits, size_t command)
{
    return (bits->words[command / 64] >> (command % 64) & 1) != 0;
}

/* All commands, those to come included, or none. */
void acl_bits_set_all(struct acl_bits *bits, bool allow);

/* A command and its subcommands. */
void acl_bits_set(struct acl_bits *bits, const struct acl_commands *commands, size_t command,
                  bool allow);

/* Appends the rules that make these bits, as Redis puts them: "+@all -@dangerous +info". First it
 * takes the categories that fit best, one after the other, then single commands. Words of
 * `first_arguments`, whose tags are the numbers of commands, are told as "+select|0". */
enum status acl_bits_describe(const struct acl_bits *bits, const struct acl_commands *commands,
                              const struct word_list *first_arguments,
                              struct buffer *out) MUST_CHECK;

#endif
