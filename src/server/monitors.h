/*
 * monitors.h - the sessions that see every command that is executed (MONITOR).
 *
 * Lines are gathered for each monitor under the execution lock, and its worker is asked once to
 * take what has come together: so a busy server posts no message for each command. All functions
 * want the execution lock.
 */
#ifndef SCDB_SERVER_MONITORS_H
#define SCDB_SERVER_MONITORS_H

#include "base/slice.h"
#include "base/status.h"

struct monitor;
struct server;
struct session;

/* From now on the session gets the lines; it must not be one already. NO_MEMORY: it is none. */
enum status monitors_add(struct server *server, struct session *session) MUST_CHECK;

/* The session gets no line any more, not even one that was on its way. */
void monitors_remove(struct server *server, struct session *session);

/* Sends the line, protocol and all, to every monitor that wants replies (CLIENT REPLY). One that
 * reads too slowly, so that more than client-output-buffer-pause waits for it, is closed. */
void monitors_feed(struct server *server, struct slice line);

#endif
