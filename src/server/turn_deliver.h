/*
 * turn_deliver.h - pushes from a worker's inbox into the replies of its connections; and what that
 * shares with the execution of commands.
 */
#ifndef SCDB_SERVER_TURN_DELIVER_H
#define SCDB_SERVER_TURN_DELIVER_H

#include "resp/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct worker;

/* Lends the reply a buffer if it has none. */
void turn_take_reply_buffer(struct worker *worker, struct reply *reply);

/* What is written for the connection in this turn rests on this position of the log, too. */
void turn_note_position(struct worker *worker, struct connection *connection, uint64_t position);

/* Bytes of replies that may wait for a client before no more is executed for it
 * (client-output-buffer-pause). */
size_t turn_output_limit(const struct worker *worker);

/* Was the client told, by others' changes, as much again as client-output-buffer-pause while more
 * than that waited for it, and its socket is full? Then it is to be closed; this is logged and
 * counted. To be asked when all that may leave has been sent. */
bool turn_has_told_in_vain(const struct worker *worker, struct connection *connection);

/* Of what waits, all beyond `pending` bytes is a reply that the client has asked for, and no push.
 */
void turn_note_late_reply(struct connection *connection, size_t pending);

/* Delivers what is in the inbox, so much that others need not wait for the lock. False: there is
 * more, and until it is delivered nothing may be executed. Between commands, never within one. */
bool turn_deliver_locked(struct worker *worker);

/* The same again and again, with a lock held now and then, and sends what has become much. False:
 * there is more than a turn may have. */
bool turn_deliver(struct worker *worker);

/* Has the turn delivered what it may, and there is more? */
bool turn_is_behind(const struct worker *worker);

#endif
