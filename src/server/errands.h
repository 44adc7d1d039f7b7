/*
 * errands.h - a thread that does one thing after the other for others.
 *
 * The thread starts with the first errand. Who has one keeps it, and what it is about, in place
 * until it runs; nothing else is known of it here.
 *
 * Threads: an errand is added or withdrawn by any thread, and run by the thread; the others are for
 * whoever owns it, one thread at a time.
 */
#ifndef SCDB_SERVER_ERRANDS_H
#define SCDB_SERVER_ERRANDS_H

#include "base/mutex.h"
#include "base/status.h"

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

/* NO_MEMORY: there is no thread, and none can be had; CLOSED: it was stopped. The errand will not
 * run then. */
enum status errands_add(struct errands *errands, struct errand *errand) MUST_CHECK;

/* Takes the oldest errand that has not begun and of which `is_it` says so out of the queue, so that
 * it will not run. NULL: there is none. `is_it` is called under a mutex, and takes no lock. */
struct errand *errands_withdraw(struct errands *errands,
                                bool (*is_it)(const struct errand *errand, const void *wanted),
                                const void *wanted);

#endif
