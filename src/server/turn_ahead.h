/*
 * turn_ahead.h - what the next requests of a turn will look up is fetched while those before them
 * run.
 *
 * The requests' keys are gathered into groups (engine/prefetch.h). When the first request of a
 * group is about to run, the records of the next group are asked for, and the index lines of the
 * one behind it. When a group has run, its time tells whether records have to come from the disk.
 *
 * Threads: the worker's, under the execution lock; the state may be kept between two holds of it.
 */
#ifndef SCDB_SERVER_TURN_AHEAD_H
#define SCDB_SERVER_TURN_AHEAD_H

#include "engine/prefetch.h"

#include <stdbool.h>
#include <stddef.h>

struct part;
struct worker;

/* A place in the turn's requests. */
struct turn_cursor {
    size_t part;
    size_t request; /* in the part */
};

/* Requests are counted in the turn. */
struct turn_ahead {
    struct turn_cursor cursor;   /* behind the group */
    struct prefetch_group group; /* its index lines are on their way */
    size_t group_first;          /* its first request */
    size_t due;                  /* the request before which there is something to fetch again */
    size_t next;                 /* the request that is to run next when all run in their order */
    size_t asked;                /* keys of the group before it, whose records are on their way, and
                                    of those that were left out of it */
    size_t running;              /* of the one before that, which runs; 0 = it is not timed */
    int64_t running_from_us;     /* in the hold */
};

/* A turn begins: nothing is fetched. */
void turn_ahead_init(struct turn_ahead *ahead);

/* The part's next requests are about to run: where others were to come first, begins anew. */
void turn_ahead_seek(const struct worker *worker, struct turn_ahead *ahead,
                     const struct part *part);

/* Is there something to do before request `next`, counted in the turn, runs? */
static inline bool turn_ahead_is_due(const struct turn_ahead *ahead, size_t next)
{
    return next >= ahead->due;
}

/* Does it. */
void turn_ahead_locked(struct worker *worker, struct turn_ahead *ahead, size_t next);

/* The hold is about to end. */
void turn_ahead_end_hold_locked(struct worker *worker, struct turn_ahead *ahead);

#endif
