/*
 * client_memory.h - what all clients together take in memory, and who is closed when it is more
 * than `maxmemory-clients`.
 *
 * Each session's share is counted anew by its worker at the end of a turn that had to do with it,
 * and the sum kept up to date; so looking whether it is too much costs one comparison. When it is,
 * those that take most are closed, in classes of powers of two as in Redis, until it is not. While
 * there is no limit nothing is counted.
 */
#ifndef SCDB_SERVER_CLIENT_MEMORY_H
#define SCDB_SERVER_CLIENT_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>

struct server;
struct session;

struct client_memory {
    _Atomic size_t limit; /* 0: none */
    _Atomic size_t total; /* what is counted of all sessions */
};

/* What the server keeps in memory for the session. Its own worker, or execution lock held. */
size_t client_memory_of(const struct session *session);

/* Counts the session anew. Its own worker; no lock needed. */
void client_memory_note(struct server *server, struct session *session);

/* The session goes, and is counted no more. Any thread. */
void client_memory_forget(struct server *server, struct session *session);

/* Closes clients if all together take too much. Execution lock not held. */
void client_memory_settle(struct server *server);

/* Execution lock held: `maxmemory-clients` or `maxmemory` has changed. Counts all and closes. */
void client_memory_apply_locked(struct server *server);

#endif
