/*
 * help.h - the replies of the HELP subcommands. Execution lock held.
 */
#ifndef SCDB_COMMANDS_HELP_H
#define SCDB_COMMANDS_HELP_H

#include "server/command.h"

/* Replies with Redis's form of a help: a title made from the parent's name, the lines (NULL at the
 * end), and what HELP does. */
void help_reply(struct call *call, const char *const lines[]);

#endif
