/*
 * standby.h - a thread that stands by: it does one thing, over and over, each time that it is woken
 * and, unasked, after a while.
 *
 * Threads: anybody may wake it, and ask whether it runs; one thread starts it and stops it. Its
 * mutex is a leaf, held for a few instructions; the work itself is done without it. What was asked
 * for while it worked is done in a round of its own behind that.
 */
#ifndef SCDB_BASE_STANDBY_H
#define SCDB_BASE_STANDBY_H

#include "base/mutex.h"
#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct standby_work {
    const char *name;             /* of the thread; at most 15 characters */
    long pause_ms;                /* how long it sleeps when nobody wakes it */
    void (*round)(void *context); /* what it does */
    void *context;                /* borrowed until it is stopped */
};

struct standby {
    struct standby_work work;
    atomic_bool running;
    pthread_t thread;
    struct mutex mutex; /* of what follows */
    struct condition wake;
    bool woken;
    bool stop;
};

void standby_init(struct standby *standby);
void standby_deinit(struct standby *standby); /* stopped before, or never started */

/* NO_MEMORY: there is no thread. */
enum status standby_start(struct standby *standby, const struct standby_work *work) MUST_CHECK;

/* Returns when the thread is gone; nothing happens when there is none. */
void standby_stop(struct standby *standby);

bool standby_is_running(const struct standby *standby);

/* Within a round: how long it sleeps from now on. */
void standby_set_pause(struct standby *standby, long pause_ms);

/* Nothing happens when it does not run. */
void standby_wake(struct standby *standby);

#endif
