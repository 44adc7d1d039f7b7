/*
 * fast_publishers.h - clients that tell others more than can be sent to them.
 *
 * In Redis a message is in its receivers' sockets before the publisher's next command is read. Here
 * another worker sends it, and a publisher could go on and on meanwhile. So when a command of its
 * has filled the inbox of another worker (push_inbox.h), a connection's next command waits until
 * that one has sent what is there. While a subscriber lags, which reads, but not as fast as it is
 * told, it waits some milliseconds longer. Nobody waits for one that does not read: what its socket
 * does not take counts as sent, and has client-output-buffer-limit. And no worker waits, only a
 * connection, between commands: so two whose clients publish to each other's can't stop each other.
 *
 * Functions in _locked want the execution lock.
 */
#ifndef SCDB_SERVER_FAST_PUBLISHERS_H
#define SCDB_SERVER_FAST_PUBLISHERS_H

struct connection;
struct session;
struct worker;

/* To be called on the session's worker behind its command, when server->has_told_too_much: puts it
 * off, if need be. */
void fast_publishers_note_locked(struct worker *worker, struct session *session);

/* The same behind what was told of changes at the end of a hold: for all that have written in it.
 */
void fast_publishers_note_writers_locked(struct worker *worker);

/* An inbox that the session, of this worker, waits for has room (MESSAGE_ROOM). */
void fast_publishers_resume_locked(struct worker *worker, struct session *session);

/* Lets go on who waits for the worker's own inbox, if there is room: at the end of a turn, so that
 * the worker's own clients have had it first. No lock held. */
void fast_publishers_release(struct worker *worker);

/* --- for the worker that sends, no lock held --- */

/* What could be sent to the connection was: does it lag, and when it closes, no more? */
void fast_publishers_note_receiver(struct connection *connection);
void fast_publishers_forget_receiver(struct connection *connection);

/* All that the inbox had for the worker's connections was sent likewise. */
void fast_publishers_note_sent(struct worker *worker);

/* Before the worker waits: has it woken when somebody has waited long enough for those who lag. */
void fast_publishers_arm(struct worker *worker);

#endif
