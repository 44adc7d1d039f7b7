/*
 * reserve.h - room on the disk that is kept for compactions, and for starts.
 *
 * A file that holds nothing but its space. On a full disk a compaction could make room, but needs
 * some first: for what it copies, for a manifest, for the next segment of the log. It then gives
 * this file's space back to the file system, keeps the writers from taking it, and so gets on. In
 * the end space is set aside again, as much as there is by then, but for what the next segment of
 * the log needs to take deletions; the next rounds of maintenance add to it. A start that finds no
 * room for what it has to write uses it as well (recovery_room.h).
 *
 * Its size follows the store's: the records of the store at most, a segment at most, and a little.
 * Every victim fits into one output, and is removed when that is sealed; so a segment is enough.
 * (Not for a victim larger than a segment, of several records, some of them dead: only a batch of
 * writes makes those.)
 *
 * Threads: the maintenance thread's own; or the opener's. No lock held.
 */
#ifndef SCDB_ENGINE_RESERVE_H
#define SCDB_ENGINE_RESERVE_H

#include "engine/file.h"

#include <stdbool.h>
#include <stdint.h>

#define RESERVE_NAME "RESERVE"

struct engine;

struct reserve {
    struct file *file; /* owned; NULL: not open */
    uint64_t size;     /* bytes that are set aside */
    bool is_no_file;   /* something else has its name: nothing can be set aside */
};

void reserve_deinit(struct reserve *reserve);

/* Sets aside what should be, or what there is room for. */
void reserve_refill(struct engine *engine);

/* The same while values take no room (appender.room_is_kept), at the end of a compaction. */
void reserve_take_back(struct engine *engine);

/* Gives all of it back to the file system. False: there was nothing. */
bool reserve_release(struct engine *engine);

#endif
