/*
 * restore_options.h - what may stand behind RESTORE's value. Pure.
 */
#ifndef SCDB_COMMANDS_RESTORE_OPTIONS_H
#define SCDB_COMMANDS_RESTORE_OPTIONS_H

#include "base/slice.h"
#include "commands/errors.h"

#include <stdbool.h>
#include <stddef.h>

/* IDLETIME and FREQ are checked and forgotten: when and how often a key is used is not recorded. */
struct restore_options {
    bool replace;
    bool is_absolute; /* ABSTTL: the time to live is a moment */
};

/* SYNTAX, NOT_INTEGER, IDLETIME_NEGATIVE, FREQ_RANGE. */
enum client_error restore_options_parse(const struct slice *arguments, size_t count,
                                        struct restore_options *out);

#endif
