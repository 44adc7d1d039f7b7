/*
 * evictor.h - eviction while no client writes: when maxmemory was lowered, or a value was written
 * that is larger than what one command evicts, keys go in the background, a few under each hold of
 * the lock, until the data set is within its limit.
 *
 * Main thread.
 */
#ifndef SCDB_SERVER_EVICTOR_H
#define SCDB_SERVER_EVICTOR_H

#include <stdbool.h>

struct server;

/* Evicts for a while (some milliseconds, unless records have to come from the disk), if there is
 * something above the limit. True: there still is; call again at once. Where nothing could go,
 * trying again has time until the next tick. */
bool evictor_run(struct server *server);

#endif
