/*
 * turn_settle.h - the second half of a turn: the log is written, replies leave, connections close.
 */
#ifndef SCDB_SERVER_TURN_SETTLE_H
#define SCDB_SERVER_TURN_SETTLE_H

struct worker;

/* Writes the log up to what the turn's replies rest on, and sends to all in LIST_SETTLE (and
 * LIST_HELD, when the durable position has moved). No lock held. */
void turn_settle(struct worker *worker);

/* Closes the connections in LIST_CLOSE; takes the execution lock when there are some. */
void turn_close(struct worker *worker);

#endif
