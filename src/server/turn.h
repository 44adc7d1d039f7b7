/*
 * turn.h - what a worker does with the requests that it has parsed (turn_parse.h): see worker.h.
 */
#ifndef SCDB_SERVER_TURN_H
#define SCDB_SERVER_TURN_H

struct worker;

/* Messages, execution, one write of the log, replies, what is kept, closing. */
void turn_end(struct worker *worker);

#endif
