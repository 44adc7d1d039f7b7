/*
 * push.h - messages that reach a client without its asking: pub/sub, invalidations.
 *
 * A push is encoded once and shared by all who get it. It goes into the inbox of each receiver's
 * worker (push_inbox.h), which copies it into the receiver's reply before it executes anything
 * more: so every client sees pushes and replies in the order in which all commands were executed,
 * whoever executed them, and no worker touches another's connection. Only a client that pushes to
 * itself gets its message at once, in front of the reply of the command that runs, as in Redis,
 * unless CLIENT REPLY drops that.
 *
 * All functions want the execution lock.
 */
#ifndef SCDB_SERVER_PUSH_H
#define SCDB_SERVER_PUSH_H

#include "base/slice.h"
#include "resp/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct session;

/* An encoded push. */
struct push {
    unsigned references;
    /* It tells of writes: may leave only when the log is written, and durable if need be, as the
     * reply of a command that has read them. */
    bool rests;
    size_t size;
    char bytes[]; /* as RESP3 has it ('>' in front); RESP2 wants a '*' there */
};

/* A message as it is written in RESP3, in one piece; the caller's reference. NULL: no memory. */
struct push *push_create(struct slice encoded, bool rests);
void push_release(struct push *push);

/* Sends it to the session, of any worker. A session that there is no memory for is closed, as one
 * whose reply does not fit. */
void push_send_locked(struct server *server, struct session *session, struct push *push);

/* The same, but behind the reply of the session's own command that runs. */
void push_send_later_locked(struct server *server, struct session *session, struct push *push);

/*
 * Behind what a session's own command has written since `begin` that counts as a push (a reply of
 * SUBSCRIBE): where CLIENT REPLY OFF or SKIP drops the command's reply, it is taken out of that and
 * sent behind it.
 */
void push_own_end_locked(struct session *session, struct reply_mark begin);

/* Copies it into a session's reply. */
void push_write(const struct push *push, struct reply *reply);

#endif
