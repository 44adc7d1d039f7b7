/*
 * objection.h - why a command is refused before it is tried or queued: arity, rights, room,
 * replicas, the state of its client. dispatch.c asks, and says what becomes of it then.
 *
 * Execution lock held.
 */
#ifndef SCDB_COMMANDS_OBJECTION_H
#define SCDB_COMMANDS_OBJECTION_H

#include "commands/errors.h"
#include "server/command.h"

#include <stdbool.h>

/* The first objection, in the order in which Redis asks; NONE: the command may go on. The command
 * is the row, of the subcommand where there is one. Evicts keys where maxmemory asks for it. */
enum client_error objection_find(struct server *server, const struct session *session,
                                 const struct request_words *request);

/* Has the client yet to log in, before it may do anything else? */
bool objection_wants_login(struct server *server, const struct session *session);

#endif
