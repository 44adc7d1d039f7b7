/*
 * compaction_pace.h - how much there is to compact, how fast that is done, and who has to wait.
 *
 * The gauge looks at the segments whenever one is closed or removed, so between two looks at most
 * the active segment has changed. Out of it come two numbers (compaction_choice.h): the urgency,
 * which says what share of its time a compaction that nobody asked for may work, and the slowness,
 * by which writers are slowed. Values only: what deletes is never slowed.
 *
 * Threads: see each function; what is atomic may be read by any.
 */
#ifndef SCDB_ENGINE_COMPACTION_PACE_H
#define SCDB_ENGINE_COMPACTION_PACE_H

#include "base/status.h"
#include "engine/compaction_choice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct segment;

/* A writer waits so long at most for one turn's writes; the second, once the closed segments hold
 * as much as they may. */
#define COMPACTION_DELAY_MAX_US      ((int64_t)25 * 1000)
#define COMPACTION_DELAY_MAX_FULL_US ((int64_t)200 * 1000)

struct compaction_pace {
    _Atomic unsigned percentage; /* 0 = starts by garbage, and slowing writers, are off */
    _Atomic unsigned urgency;
    _Atomic unsigned slowness;
    _Atomic bool is_due;
    _Atomic bool has_many_small;   /* files; whatever the percentage */
    _Atomic int64_t merge_from_ms; /* monotonic; there was no room to merge them in, not before */
    _Atomic uint64_t kept_bytes;   /* of closed segments, when last looked at */
    _Atomic uint64_t gain_rate;    /* bytes a second that compactions give back at full speed */
    _Atomic int64_t writers_until_us; /* monotonic: what was written so far is worth so much time */
    _Atomic uint64_t slowed_writes;
    _Atomic uint64_t slowed_us;

    /* what compactions have done since the start */
    _Atomic uint64_t moved_bytes;
    _Atomic uint64_t reclaimed_bytes;
    _Atomic uint64_t run_size; /* bytes of the victims of the run at hand, 0 = none */
    _Atomic uint64_t run_done; /* of them */
    _Atomic int64_t last_run_us;
    _Atomic uint64_t last_run_reclaimed;
    _Atomic int failure; /* enum status: OK, or why the last run that had something to do gave up */

    /* under the execution lock: the gauge's scratch */
    struct compaction_file *files; /* owned */
    size_t file_capacity;

    /* the compacting thread's own */
    bool is_wanted;       /* the run at hand was asked for */
    int64_t began_us;     /* monotonic */
    int64_t work_from_us; /* where the work that is not yet paid for with rest began */
    int64_t debt_us;
    int64_t rested_us; /* in the run at hand */
};

void compaction_pace_deinit(struct compaction_pace *pace);

/* Looks at the segments. Lock held. */
void compaction_gauge_locked(struct engine *engine);

/* So many small files may stay in a large store: a part of what the process can open. Any thread.
 */
uint64_t compaction_small_most(const struct engine *engine);

/* Small files are not merged for a while after there was no room for that: it gives none, so it is
 * no reason to use the last. Any thread. */
bool compaction_may_merge(const struct engine *engine);
void compaction_note_no_room_to_merge(struct engine *engine);

/* How a segment looks to a choice. Lock held. */
struct compaction_file compaction_describe_locked(const struct segment *segment);

/* Fills in what it knows. */
struct engine_statistics;
void compaction_pace_report(const struct engine *engine, struct engine_statistics *out);

/* --- a run (its own thread, no lock held) ------------------------------------------------- */

void compaction_pace_begin(struct engine *engine, bool is_wanted);

/* Between two steps: rests as long as the work since the last call makes necessary. Those who wait
 * for the lock get it here, if not before. */
void compaction_pace_step(struct engine *engine);

/* `gained`: how much less the files take. */
void compaction_pace_end(struct engine *engine, uint64_t gained);

#endif
