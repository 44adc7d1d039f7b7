/*
 * dispatch.h - from a request to its handler: the executor that main.c hands the server.
 *
 * Finds the command, checks arity, authentication and the rights of the user, queues it when MULTI
 * is open, postpones it when clients are paused, runs its handler at one moment of time, and
 * counts. Handlers therefore may rely on: arity is right; keyspace_now_ms() stands still during the
 * command (and during the whole EXEC); call->command is the row, of the subcommand where there is
 * one.
 *
 * CLIENT REPLY: a handler sets session->reply_mode (OFF; SKIP_NEXT unless OFF; ON only where it was
 * OFF) and dispatch drops what must not be sent: a reply is dropped when the mode is OFF or
 * SKIP_THIS after the command; SKIP_NEXT becomes SKIP_THIS, SKIP_THIS becomes ON, but only when the
 * reply of a command that waits has come.
 *
 * All functions want the execution lock.
 */
#ifndef SCDB_COMMANDS_DISPATCH_H
#define SCDB_COMMANDS_DISPATCH_H

#include "server/command.h"
#include "server/server.h"
#include "server/session.h"

struct prefetch_group;
struct foreseen;

/* The table of functions below; also fills the table of commands (table_init), so call it before
 * other threads run. */
const struct executor *dispatch_executor(void);

enum execution dispatch_execute(struct server *server, struct session *session,
                                const struct request_words *words);
void dispatch_foresee(struct server *server, const struct session *session,
                      const struct request_words *request, struct prefetch_group *keys);
bool dispatch_foresee_value(struct server *server, struct session *session,
                            const struct request_words *request, struct foreseen *foreseen);
void dispatch_session_closed(struct server *server, struct session *session);

/* Runs the handler of call->command and counts the call. */
void dispatch_run(struct call *call);

/* Ends a reply that came when the handler had long returned, and that began at `mark`: counts it
 * if it is an error, in the statistics of errors and of the command, and drops it where CLIENT
 * REPLY wants that. */
void dispatch_end_late_reply(struct session *session, const struct command *command,
                             struct reply_mark mark);

/* What EXEC does for each queued command: the same, if the user may still do that. */
void dispatch_run_queued(struct call *call);

#endif
