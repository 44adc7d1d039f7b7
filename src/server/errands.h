/*
 * errands.h - a thread that does one thing after the other for the workers.
 *
 * The thread starts with the first errand. Who has one keeps it, and what it is about, in place
 * until it runs; nothing else is known of it here.
 *
 * Threads: an errand is added or withdrawn by any thread, and run by the thread; the others are for
 * the main thread.
 */
#ifndef SCDB_SERVER_ERRANDS_H
#define SCDB_SERVER_ERRANDS_H

#include "base/mutex.h"

#include <pthread.h>
#include <stdbool.h>

struct errand {
    struct errand *next; /* in the queue */
    /* By the thread, no lock held, once; it may free the errand. `is_ending`: the server ends, and
     * nobody waits for a result. */
    void (*run)(void *context, bool is_ending);
    void *context;
};

struct errands {
    const char *name; /* of the thread */
    struct mutex mutex;
    struct condition wake;
    pthread_t thread;
    bool is_running;
    bool is_stopped;
    struct errand *first; /* borrowed, oldest first */
    struct errand **last; /* where the next one is hung */
};

/* The name is borrowed for good, of 15 bytes at most. */
void errands_init(struct errands *errands, const char *name);

/* No thread runs any more. */
void errands_deinit(struct errands *errands);

/* Runs what is left, then ends the thread. From now on nothing can be added. */
void errands_stop(struct errands *errands);

/* False: there is no thread, and none can be had; the errand will not run. */
bool errands_try_add(struct errands *errands, struct errand *errand);

/* Takes the oldest errand that has not begun and of which `is_it` says so out of the queue, so that
 * it will not run. NULL: there is none. `is_it` is called under a mutex, and takes no lock. */
struct errand *errands_withdraw(struct errands *errands,
                                bool (*is_it)(const struct errand *errand, const void *wanted),
                                const void *wanted);

#endif
