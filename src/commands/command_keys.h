/*
 * command_keys.h - which arguments of a call are keys, and what the command does with each.
 *
 *     struct command_keys keys = command_keys_of(command, arguments, count);
 *     struct command_key key;
 *     while (command_keys_next(&keys, &key)) {
 *         use(arguments[key.index], key.flags);
 *     }
 *
 * The number of arguments must fit the command's arity. Pure, any thread.
 */
#ifndef SCDB_COMMANDS_COMMAND_KEYS_H
#define SCDB_COMMANDS_COMMAND_KEYS_H

#include "base/slice.h"
#include "server/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command_key {
    size_t index;   /* among the arguments, the command's name being 0 */
    uint32_t flags; /* enum key_flag; KEY_VARIABLE_FLAGS is settled by the arguments */
};

struct command_keys {
    const struct command *command;
    const struct slice *arguments; /* borrowed */
    size_t count;
    size_t spec;  /* index of the key specification at hand */
    size_t index; /* of the next key; 0: the specification has not begun */
};

struct command_keys command_keys_of(const struct command *command, const struct slice *arguments,
                                    size_t count);
bool command_keys_next(struct command_keys *keys, struct command_key *key);

/* Has each of the command's key specifications a key in a call of `count` arguments? Where one has
 * not (PFMERGE without sources), Redis tells nobody which keys there are. */
bool command_keys_are_whole(const struct command *command, size_t count);

#endif
