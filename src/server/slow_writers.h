/*
 * slow_writers.h - clients that have to wait because compaction is behind.
 *
 * A connection that has written values while the files hold too much garbage gets its replies at
 * once, but its next requests are executed only after a moment that the engine has named
 * (engine_write_delay_us). It waits so behind the shares of a long pipeline (turn.c), not once for
 * all of it: the others have theirs between, and the first replies are not long in coming. Others
 * on the same worker do not wait, and neither does one that only reads or deletes.
 *
 * Functions of the worker's own thread, no lock held.
 */
#ifndef SCDB_SERVER_SLOW_WRITERS_H
#define SCDB_SERVER_SLOW_WRITERS_H

#include "server/worker.h"

#include <stdint.h>

/* The connection has written so many bytes of values in this turn. */
void slow_writers_note(struct worker *worker, struct connection *connection, uint64_t size);

/* Those whose moment has come go on. */
void slow_writers_release(struct worker *worker);

/* Before the worker waits: has it woken when the first moment comes. */
void slow_writers_arm(struct worker *worker);

#endif
