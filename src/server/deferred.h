/*
 * deferred.h - a command's slow work, done before it answers by a thread of its own.
 *
 * GET of a large value has it verified like that (commands/get_later.h), without the execution
 * lock and beside the worker. The thread is not the one that writes large values (stager.h): that
 * one waits for the disk, and who only reads need not.
 *
 * Threads: the session's worker, with the execution lock.
 */
#ifndef SCDB_SERVER_DEFERRED_H
#define SCDB_SERVER_DEFERRED_H

#include <stdbool.h>

struct session;

struct deferred_work {
    void (*run)(void *context); /* by the thread, no lock held */
    /* On the session's worker, lock held; session NULL: it has gone. Frees the context. */
    void (*finish)(void *context, struct session *session);
    void *context;
};

/* For the session's command that runs: the thread does the work, and nothing of the session is read
 * or executed until it has finished. False: nobody will. */
bool deferred_try_begin_locked(struct session *session, const struct deferred_work *work);

#endif
