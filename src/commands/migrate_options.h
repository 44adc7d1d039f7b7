/*
 * migrate_options.h - the arguments of MIGRATE. Pure except for the error that is replied.
 */
#ifndef SCDB_COMMANDS_MIGRATE_OPTIONS_H
#define SCDB_COMMANDS_MIGRATE_OPTIONS_H

#include "base/slice.h"
#include "server/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrows from the arguments. */
struct migrate_options {
    const struct slice *keys;
    size_t key_count;
    int64_t database; /* of the other server */
    int64_t timeout_ms;
    bool copies;
    bool replaces;
    struct slice user;     /* data NULL: none */
    struct slice password; /* data NULL: none */
};

/* False: the error was replied. */
bool migrate_options_parse(struct call *call, struct migrate_options *out);

/* Is the argument a name or a password to log in with? */
bool migrate_options_hide(const struct slice *arguments, size_t count, size_t index);

/* Index of the first key and, in *count, how many there are: those behind the word KEYS (none where
 * there is one in front as well, which is an error), or one. Pure. */
size_t migrate_options_keys(const struct slice *arguments, size_t argument_count, size_t *count);

#endif
