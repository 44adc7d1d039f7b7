/*
 * verify_ahead.h - a large value is verified before it is read, without the execution lock.
 *
 * To verify 64 MB takes milliseconds, and where they are not in memory as long as the disk takes to
 * bring them. So who is about to read all of a large value may find it under the lock, verify it
 * without, and then read it, under the lock again: if the key still has that very record, it counts
 * as verified.
 *
 * Threads: see each function. Ownership: from verify_ahead_begin_locked() to verify_ahead_run() the
 * record's segment is held.
 */
#ifndef SCDB_ENGINE_VERIFY_AHEAD_H
#define SCDB_ENGINE_VERIFY_AHEAD_H

#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct verify_ahead {
    struct segment *segment; /* held until it was verified */
    const uint8_t *record;
    uint64_t size;
    uint64_t seed; /* the file's, and so never that of another record at the same place */
    uint64_t sequence;
    bool is_right; /* it was verified, and is what it should be */
};

/* Lock held. False: the value is small, in pieces or in the tail in memory, and is not worth it. */
bool verify_ahead_begin_locked(struct engine *engine, const struct entry *entry,
                               struct verify_ahead *out);

/* No lock held; once. What is found wrong is not told here, but to who reads the value then. */
void verify_ahead_run(struct verify_ahead *ahead);

/* Lock held. Until NULL is offered, engine_verify_locked() takes the value as verified. */
void verify_ahead_offer_locked(struct engine *engine, const struct verify_ahead *ahead);

/* Lock held. Is it the entry's value that was verified? */
bool verify_ahead_covers_locked(const struct engine *engine, const struct entry *entry);

#endif
