/*
 * turn.h - what a worker does with the bytes that it has read: see worker.h.
 */
#ifndef SCDB_SERVER_TURN_H
#define SCDB_SERVER_TURN_H

#include "base/slice.h"

struct connection;
struct worker;

/* Parses all whole requests of the source, which the turn then executes. The bytes stay until its
 * end. */
void turn_add_part(struct worker *worker, struct connection *connection, struct slice source);

/* Messages, execution, one write of the log, replies, what is kept, closing. */
void turn_end(struct worker *worker);

#endif
