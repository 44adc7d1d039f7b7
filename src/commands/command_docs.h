/*
 * command_docs.h - what COMMAND DOCS says of a row: for people, and for clients that help them
 * type.
 *
 * Pure except for the reply that is written to; any thread.
 */
#ifndef SCDB_COMMANDS_COMMAND_DOCS_H
#define SCDB_COMMANDS_COMMAND_DOCS_H

#include "resp/reply.h"
#include "server/command.h"

/* Two items of a map: the command's full name, and the map of all that is known of it. */
void command_docs_reply(struct reply *reply, const struct command *command);

#endif
