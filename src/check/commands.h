/*
 * commands.h - what scdb-check can do. One thread.
 */
#ifndef SCDB_CHECK_COMMANDS_H
#define SCDB_CHECK_COMMANDS_H

#include "check/arguments.h"

/* The table; ends with a row without a name. Each `run` returns an enum check_exit. */
extern const struct check_command check_commands[];

#endif
