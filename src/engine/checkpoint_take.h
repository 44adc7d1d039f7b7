/*
 * checkpoint_take.h - making a checkpoint while writing goes on (checkpoint_take.c), and when one
 * is due (checkpoint_due.c).
 *
 * The tables of the index are copied one after the other, each under the execution lock for as long
 * as copying some kilobytes takes. What is written meanwhile goes into tables that were copied and
 * such that were not; so nobody has to wait, nothing is copied for a writer's sake, and opening
 * reads the log from where the copying began (checkpoint.h). Only the live bytes of the files have
 * to fit the copied tables exactly: changes of tables that were copied already are added up apart
 * (struct segment_live), and taken off at the end.
 *
 * Then the log is synced up to the end of what the tables may hold, and the file written out,
 * synced, named durably, and listed by the manifest in place of the one before, which is removed
 * (rules 12 and 13 of docs/durability.md).
 *
 * Threads: checkpoint_take() is for the maintenance thread, or the caller of engine_close(); the
 * fields of struct checkpoint_state are under the execution lock.
 */
#ifndef SCDB_ENGINE_CHECKPOINT_TAKE_H
#define SCDB_ENGINE_CHECKPOINT_TAKE_H

#include "base/status.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

/* Opening reads less than this behind the checkpoint, or four times the index if that is more. */
#define CHECKPOINT_INTERVAL_BYTES ((uint64_t)256 << 20)

/* After a failure nothing is tried for so long. */
#define CHECKPOINT_RETRY_MS 30000

struct checkpoint_state {
    bool taking; /* one is being made: no compaction may run */
    bool copying;
    uint64_t keyspace_id; /* the one that is being copied: those with smaller ids have been */
    uint64_t cursor;      /* and of its hashes those below this */

    uint64_t position;    /* of the log's end (engine.h) where the last one starts */
    uint64_t sequence;    /* of the last record that it surely holds; 0: there is none */
    uint64_t other_bytes; /* what opening would read besides: it read it at the last opening, or
                             compaction has packed it since */
    uint64_t taken;       /* since the store was opened */
    uint64_t size_bytes;  /* of the last one */
    uint64_t duration_ms;
    int64_t retry_ms; /* monotonic: not before */
};

/* Has the slot's table been copied into the checkpoint that is being made? Lock held. */
static inline bool checkpoint_has_copied(const struct checkpoint_state *state, uint64_t keyspace_id,
                                         struct index_hash hash)
{
    return state->copying && (keyspace_id < state->keyspace_id ||
                              (keyspace_id == state->keyspace_id && hash.bits < state->cursor));
}

/* No lock held. A packed file was listed, which opening would read besides. */
void checkpoint_note_packed(struct engine *engine, uint64_t bytes);

/* How many bytes opening would read behind the checkpoint. Lock held. */
uint64_t checkpoint_behind_locked(const struct engine *engine);

/* No lock held. Would opening have to read so much that a checkpoint is worth it? */
bool checkpoint_is_due(struct engine *engine);

/*
 * Makes one. No lock held. `closing`: the log is durable and nothing will be appended any more; a
 * checkpoint that would say nothing new is not made. CLOSED: given up because the engine closes;
 * after any failure, which is logged, the one before is in force.
 */
enum status checkpoint_take(struct engine *engine, bool closing);

#endif
