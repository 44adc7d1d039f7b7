/*
 * store.h - the last lines of handlers that build a string: store it, or reply why not.
 *
 * All functions want the execution lock. False: the error was replied, and nothing has changed.
 */
#ifndef SCDB_COMMANDS_STORE_H
#define SCDB_COMMANDS_STORE_H

#include "base/slice.h"
#include "keyspace/keyspace.h"
#include "server/command.h"

#include <stdbool.h>
#include <stddef.h>

/* Sets a key of the session's database. What is no change to Redis (see
 * keyspace_put_string_quietly) goes with is_change false. */
bool store_string(struct call *call, struct slice key, const struct string_content *content,
                  bool is_change);

/*
 * Overwrites the string at the first argument's key from `offset` on; a gap between is filled with
 * zeros. `old` is what is there now (size 0 and EXPIRY_NONE: nothing); its expiry stays.
 */
bool store_patched(struct call *call, const struct value *old, size_t offset, struct slice patch,
                   bool is_change);

#endif
