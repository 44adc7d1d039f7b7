/*
 * maintenance.h - the thread that does what nobody should wait for.
 *
 * Ten times a second it removes expired keys, seals full log segments, frees indexes and segments
 * that went out of use, tries again what the disk refused, and reads a piece for the scrub. Once a
 * second it looks whether the store's files are where they were (presence.h). It takes checkpoints
 * that are due, and it runs compactions, between whose steps that housekeeping goes on. Those that
 * somebody asked for reclaim all there is; others come in rounds of a few segments each: while too
 * much is garbage, and when the interval is over, until nothing is left that was there then and is
 * worth it.
 *
 * Threads: see each function. maintenance.mutex is a leaf.
 */
#ifndef SCDB_ENGINE_MAINTENANCE_H
#define SCDB_ENGINE_MAINTENANCE_H

#include "base/mutex.h"
#include "base/status.h"
#include "engine/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MAINTENANCE_INTERVAL_MS 100

/* What a compaction calls at its end. */
typedef void maintenance_done(void *context, enum status status,
                              const struct compaction_result *result);

/* Somebody who wants to hear of a compaction that begins after he asked. */
struct maintenance_waiter {
    struct maintenance_waiter *next;
    maintenance_done *done; /* may be NULL */
    void *context;
};

struct maintenance {
    struct mutex mutex;
    struct condition wake;              /* of the thread */
    struct maintenance_waiter *waiters; /* owned, of compactions that have not begun */
    bool compaction_wanted;
    bool checkpoint_wanted;
    atomic_bool compaction_running; /* written under the mutex, read by all */
    bool woken;
    bool stop;
    bool running; /* the thread is there */
    uint64_t compaction_interval_s;
    _Atomic uint64_t compactions; /* ended; the same */
    _Atomic bool expiry_paused;   /* engine_set_active_expiry(); any thread */
    pthread_t thread;

    /* the maintenance thread's own */
    int64_t last_round_ms;
    int64_t last_look_ms;
    int64_t last_compaction_ms; /* end of one that was asked for, or beginning of a pass */
    int64_t retry_ms;           /* no compaction because of too much garbage before */
    bool in_pass; /* the interval was over, and rounds go on while they are worth it */
};

void maintenance_init(struct maintenance *maintenance);
void maintenance_deinit(struct maintenance *maintenance);

enum status maintenance_start(struct engine *engine) MUST_CHECK;

/* Ends a running compaction early, and the thread. */
void maintenance_stop(struct engine *engine);

/* Any thread, any lock but leaves held: there is something to do before the next round. */
void maintenance_wake(struct engine *engine);

/* No lock held. One round of housekeeping, here and now; for the thread, for engine_tick(), and for
 * a compaction between its steps. */
void maintenance_round(struct engine *engine);

/* No lock held. Closes the segments that are out of use and that nobody reads any more. */
void maintenance_free_segments(struct engine *engine);

/* No lock held, the maintenance thread, or without it anyone. A round of compaction, if one is due
 * that nobody asked for. True: it gained something, and more may be due. */
bool maintenance_compact(struct engine *engine);

/* No lock held. Is a compaction running, or is a checkpoint being made? Never both: neither would
 * know what the other moves. One thread sees to that, but where there are none, a test may come
 * here in the midst of one of them. */
bool maintenance_is_busy(struct engine *engine);

/* For a compaction: a round when one is due. True: the engine is closing, give up. */
bool maintenance_interlude(struct engine *engine);

#endif
