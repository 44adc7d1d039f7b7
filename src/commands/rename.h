/*
 * rename.h - the configuration's `rename-command`: commands under another name, or under none.
 */
#ifndef SCDB_COMMANDS_RENAME_H
#define SCDB_COMMANDS_RENAME_H

#include "base/status.h"
#include "server/config.h"

/* Does what the lines say, in their order. After dispatch_executor() and before other threads run;
 * `config` has to outlive all commands. A command of Redis that isn't here has no name to lose, so
 * a line for it does nothing. INVALID: `error` says which line is wrong, and how. */
enum status rename_commands(const struct config *config, struct error *error) MUST_CHECK;

#endif
