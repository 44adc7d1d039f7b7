/*
 * lookup.h - the first lines of nearly every handler: find the key, or reply why not.
 *
 * All functions want the execution lock. A value that was found is borrowed until it is released.
 */
#ifndef SCDB_COMMANDS_LOOKUP_H
#define SCDB_COMMANDS_LOOKUP_H

#include "base/slice.h"
#include "keyspace/keyspace.h"
#include "server/command.h"

enum lookup {
    LOOKUP_FOUND,
    LOOKUP_ABSENT,
    LOOKUP_REPLIED /* an error was replied already; nothing is left to do */
};

/* A key of any type in the session's database, its value not verified. To read it counts a hit or a
 * miss, to write it does not. */
enum lookup lookup_to_read(struct call *call, struct slice key, struct value *out);
enum lookup lookup_to_write(struct call *call, struct slice key, struct value *out);

/* As lookup_to_write, in another database. */
enum lookup lookup_in_database(struct call *call, unsigned database, struct slice key,
                               struct value *out);

/* As lookup_to_read, but a miss is no keyspace event (OBJECT). */
enum lookup lookup_quietly(struct call *call, struct slice key, struct value *out);

/* The same as the first two, and a value that isn't a string is an error (WRONGTYPE). */
enum lookup lookup_string_to_read(struct call *call, struct slice key, struct value *out);
enum lookup lookup_string_to_write(struct call *call, struct slice key, struct value *out);

/* Loads all of the value into value->bytes; false: an error was replied. */
bool lookup_load(struct call *call, struct value *value);

/* [offset, offset+size) of the value, cut at its end; false: an error was replied. */
bool lookup_part(struct call *call, const struct value *value, size_t offset, size_t size,
                 struct slice *out);

/* Replies with [offset, offset+size) of the value, which are in it, as a bulk string, verified; by
 * reference where that is large. False: an error was replied instead. */
bool lookup_reply_part(struct call *call, const struct value *value, size_t offset, size_t size);

/* Replies with all of it. */
bool lookup_reply_value(struct call *call, const struct value *value);

#endif
