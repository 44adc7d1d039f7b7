/*
 * peer.h - another server, to which MIGRATE sends commands: one connection for one batch at a time.
 *
 * Each connection has a thread of its own, since the other side may take its time. No lock is held.
 * When a batch is done both stay for ten seconds: who migrates key by key connects once. Only a
 * batch to the same host and port that logs in with the same words gets a connection that was kept.
 */
#ifndef SCDB_COMMANDS_PEER_H
#define SCDB_COMMANDS_PEER_H

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_end {
    PEER_DONE,
    PEER_NOT_REACHED, /* there is no such host, or no way to it */
    PEER_NOT_WRITTEN, /* it refused the connection, did not take the commands in time, or has closed
                       * the connection */
    PEER_NOT_READ     /* the same for its replies */
};

struct peer_batch {
    char *host;            /* owned, as is all that `request` holds */
    char *port;            /* owned, digits */
    int64_t timeout_ms;    /* in which there has to be some progress */
    struct buffer request; /* commands, in RESP, each of which replies with one line */
    size_t login_size;     /* its first bytes: what it logs in with; 0 = it does not */
    size_t reply_count;    /* how many commands there are */
    void (*on_reply)(void *context, size_t index, struct slice line);
    void (*on_end)(void *context, enum peer_end end); /* the last call; `batch` is freed by then */
    void *context;
};

/* Sends the batch on the connection's thread, which calls on_reply and on_end. Takes what it owns
 * and leaves the struct empty. NO_MEMORY, or CLOSED after peer_stop(): nothing was taken. */
enum status peer_send(struct peer_batch *batch) MUST_CHECK;

/* How many connections are kept and have no batch. Any thread. */
size_t peer_idle_count(void);

/* Frees what the batch owns, for one that is not sent. */
void peer_batch_deinit(struct peer_batch *batch);

/* Cuts short what is under way, closes all connections, and waits until all on_end() have returned.
 * For the end of the server. */
void peer_stop(void);

#endif
