/*
 * await.h - clients that wait until the log is durable (WAITAOF), each for a time that it chose.
 *
 * Like replies that are held, they need no thread: the sync thread tells the worker that the
 * durable position has moved, and a timer of the worker that somebody's time has come.
 */
#ifndef SCDB_SERVER_AWAIT_H
#define SCDB_SERVER_AWAIT_H

#include "server/session.h"

struct worker;

/*
 * Blocks the session, whose command runs, until the log is durable up to `await->position`, can't
 * become durable any more, or the time has come; and sees to it that a sync starts. Then
 * await->finish() is called on its worker, under the execution lock, to write the reply. Lock held.
 */
void await_begin_locked(struct server *server, struct session *session, const struct await *await);

/* Ends the wait without a call of finish() (CLIENT UNBLOCK): the reply is written, the session goes
 * on. On its own worker. Lock held. */
void await_cancel_locked(struct session *session);

/* Finishes those whose wait is over. The worker, no lock held; `moved`: the durable position has.
 */
void await_settle(struct worker *worker, bool moved);

/* Arms the timer for the first whose time will come. */
void await_arm_timer(struct worker *worker);

#endif
