/*
 * recovery_settle.h - from the newest record of each key that was read to the index that serves.
 *
 * Used by one thread, while the store is being opened; the caller holds no lock, and needs none.
 */
#ifndef SCDB_ENGINE_RECOVERY_SETTLE_H
#define SCDB_ENGINE_RECOVERY_SETTLE_H

#include "base/status.h"
#include "engine/engine_state.h"
#include "engine/recovery_table.h"

/* Borrows all of it. The table's entries are used up. */
struct recovery_settlement {
    struct engine *engine; /* its spaces are made, its segments stand in the table */
    struct recovery_table *table;
    int64_t now_ms; /* one moment for all keys */
};

/* Without a checkpoint: the table knows the newest record of every key, the indexes are empty.
 * NO_MEMORY, INDEX_FULL. */
enum status recovery_settle_alone(struct recovery_settlement *settlement) MUST_CHECK;

/*
 * With a checkpoint: the table knows the newest of the records that the checkpoint's slots need not
 * know, and the indexes are the checkpoint's. Slots that may be of a key in the table are looked up
 * in the order in which their records lie in the files, so that much of a file is read once, and in
 * order, where it is read at all. Also NO_MEMORY, INDEX_FULL; IO: a file can't be read.
 */
enum status recovery_settle_on_checkpoint(struct recovery_settlement *settlement) MUST_CHECK;

#endif
