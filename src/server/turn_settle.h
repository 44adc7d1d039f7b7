/*
 * turn_settle.h - the second half of a turn: the log is written, replies leave, connections close.
 *
 * The worker's own; the execution lock is not held, and turn_close() takes it.
 */
#ifndef SCDB_SERVER_TURN_SETTLE_H
#define SCDB_SERVER_TURN_SETTLE_H

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct worker;

/* Do more replies wait than client-output-buffer-limit allows at any moment? Then the turn's end
 * closes the connection, and until then no more is executed for it. Never true of who subscribes:
 * what others publish may come faster than its worker gets round to sending it. */
bool turn_is_over_hard_limit(const struct worker *worker, const struct connection *connection);

/* Around a part of a turn, in which nothing is sent: until its end the reply may become no longer
 * than client-output-buffer-limit allows, else it fails, and the turn's end closes the connection.
 * Of what waits for who subscribes, only that which the part itself adds counts. */
void turn_begin_reply(struct worker *worker, struct connection *connection);
void turn_end_reply(struct connection *connection);

/* Writes the log up to what the turn's replies rest on, and sends to all in LIST_SETTLE (and
 * LIST_HELD, when the durable position has moved); those to whom it can't are to be closed. No lock
 * held. */
void turn_settle(struct worker *worker);

/* Before the turn's end, when there is much to send already: writes the log and sends likewise, and
 * leaves all else to turn_settle(). */
void turn_send(struct worker *worker);

/* Closes the connections in LIST_CLOSE; takes the execution lock when there are some. */
void turn_close(struct worker *worker);

#endif
