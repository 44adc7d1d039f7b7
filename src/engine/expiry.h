/*
 * expiry.h - keys that have come to their end.
 *
 * A key whose time has come is absent at once (engine_find_locked looks at the clock) and is
 * removed by whoever comes upon it: a find, or the cycle, which goes by the index's expiry seconds
 * and so never searches. No tombstone is written: an expired record is its own. What the clock
 * decided must not be undone by a clock that is set back, so after a pass that removed something
 * the cycle appends one expiry mark: records older than the mark with an expiry up to its time are
 * dead for good.
 *
 * A key that a mark has ended while the clock, set back, would let it live is absent, too, but its
 * slot stays until the clock is there or something takes its place. So whatever goes by its expiry
 * is followed by a mark, which outlives the record in whatever file that is; and such a mark says
 * nothing of what lives by the clock, however often that was set back.
 *
 * The cycle reads record headers through the mappings without the lock (that is where page faults
 * happen; the segments are referenced meanwhile) and removes, under the lock, only slots that still
 * hold the same address.
 */
#ifndef SCDB_ENGINE_EXPIRY_H
#define SCDB_ENGINE_EXPIRY_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/index.h"
#include "engine/staircase.h"

#include <stdbool.h>
#include <stdint.h>

struct lookup;

struct expiry {
    /* under the execution lock */
    uint64_t removed;         /* since the last mark */
    int64_t until_ms;         /* the latest expiry among them */
    int64_t cycled_ms;        /* the last cycle has removed what expires up to here ... */
    uint64_t cycled_sequence; /* ... of records below this sequence number */
    int64_t paused_until_ms;  /* engine_pause_expiry_locked() */
    struct staircase marks;   /* owned: all marks that say something, for the next checkpoint */
};

/* Lock held. Takes a key that has expired by the clock out of the index, when `lookup` is its
 * record. */
void expiry_drop_locked(struct engine *engine, struct engine_keyspace *keyspace,
                        const struct index_entry *slot, const struct lookup *lookup);

/* Lock held. Counts and tells that an expired key has gone for good. expiry_drop_locked() does so
 * by itself; this is for slots that something else takes. */
void expiry_tell_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                        struct slice key);

/* Lock held. Is nothing to be removed at the moment? */
bool expiry_is_paused_locked(const struct engine *engine);

/* Lock held. Will the mark that is owed cover a record with this expiry that is there now? */
bool expiry_owes_mark_locked(const struct engine *engine, int64_t expiry_ms);

/*
 * Lock held; before a record with this expiry is prepared. A mark that is owed covers all that is
 * older than it: so it goes first when the clock was set back and the new record would be among
 * what it declares dead. What appending can fail with: the mark is still owed.
 */
enum status expiry_pay_mark_locked(struct engine *engine, int64_t expiry_ms) MUST_CHECK;

/* Lock held. Have all slots been removed that the mark with this sequence number and time declares
 * dead? If not, the mark must stay, whatever the files hold: the clock may be set back before they
 * are. */
bool expiry_is_done_locked(const struct engine *engine, uint64_t sequence, int64_t until_ms);

/* Lock not held; one caller at a time. Removes all that is due, then sees to the mark. */
void expiry_cycle(struct engine *engine);

#endif
