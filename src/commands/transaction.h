/*
 * transaction.h - MULTI ... EXEC: what other commands need of it.
 *
 * All functions want the execution lock.
 */
#ifndef SCDB_COMMANDS_TRANSACTION_H
#define SCDB_COMMANDS_TRANSACTION_H

#include "base/status.h"
#include "server/command.h"
#include "server/session.h"

#include <stddef.h>
#include <stdint.h>

/* Copies the command to the end of the session's queue. NO_MEMORY: it was not added. */
enum status transaction_queue(struct session *session, const struct command *command,
                              const struct slice *arguments, size_t argument_count) MUST_CHECK;

/* The command's flags; of one that runs the queue (EXEC) with those of all that is queued. */
uint32_t transaction_flags_with_queue(const struct session *session, const struct command *command);

/* A command could not be queued: the EXEC to come answers EXECABORT. Nothing without MULTI. */
void transaction_abort(struct session *session);

/* Ends MULTI and WATCH, freeing what was queued (DISCARD, RESET, the end of the session). */
void transaction_reset(struct keyspace *keyspace, struct session *session);

#endif
