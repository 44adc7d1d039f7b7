/*
 * turn_messages.h - the beginning of a turn: what other threads want of a worker's connections.
 */
#ifndef SCDB_SERVER_TURN_MESSAGES_H
#define SCDB_SERVER_TURN_MESSAGES_H

struct worker;

/* Takes what the mailbox holds, and those whose pause is over; takes the execution lock when there
 * is something. */
void turn_take_messages(struct worker *worker);

#endif
