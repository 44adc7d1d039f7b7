/*
 * grow_ahead.h - space for the log on the disk, reserved before the writer needs it.
 *
 * Reserving space takes microseconds, or as long as a third of a second where the file system's
 * journal is being written, and as long as it lasts nobody can write to the file: the kernel locks
 * it. So a thread of its own does it, and not in the file that is written to, if that can be
 * helped: when the active segment is half full the next one in stock gets all of its space. The
 * first segment of a session, which may be the only one for long, grows while it is used: when half
 * of what it has is used it gets as much again, or all that is left when it fills quickly. When
 * three quarters are used and no more is there all the same, writers are slowed
 * (engine_write_delay_us()). What is not done in time, or fails, the writer does itself under the
 * execution lock.
 *
 * Threads: see each function. grow.growing nests inside the execution lock; under it no other lock
 * is taken.
 */
#ifndef SCDB_ENGINE_GROW_AHEAD_H
#define SCDB_ENGINE_GROW_AHEAD_H

#include "base/mutex.h"
#include "base/standby.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct segment;

struct grow_ahead {
    atomic_bool is_short;   /* writers should wait a little; readable by all */
    struct mutex growing;   /* held while space is reserved for a segment of the log */
    struct standby standby; /* the thread */
};

void grow_ahead_init(struct grow_ahead *grow);
void grow_ahead_deinit(struct grow_ahead *grow);

enum status grow_ahead_start(struct engine *engine) MUST_CHECK;
void grow_ahead_stop(struct engine *engine);

/* Lock held: the active segment has grown from `from` bytes to its end. */
void grow_ahead_note_growth_locked(struct engine *engine, uint64_t from);

/* Lock held: another segment is the active one. */
void grow_ahead_note_roll_locked(struct engine *engine);

/* Lock held. Reserves space of the active segment here and now, up to `size`. */
enum status grow_ahead_reserve_locked(struct engine *engine, uint64_t size) MUST_CHECK;

/* No lock held. Does what is to be done ahead, if anything is. */
void grow_ahead(struct engine *engine);

/* Waits until nobody reserves: nothing begins to in a segment that is closed. */
void grow_ahead_settle(struct engine *engine);

#endif
