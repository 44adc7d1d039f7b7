/*
 * scan_options.h - MATCH, COUNT and TYPE of SCAN, and what passes them. Pure.
 */
#ifndef SCDB_COMMANDS_SCAN_OPTIONS_H
#define SCDB_COMMANDS_SCAN_OPTIONS_H

#include "base/slice.h"
#include "commands/errors.h"

#include <stdbool.h>
#include <stddef.h>

#define SCAN_COUNT_DEFAULT 10

struct scan_options {
    struct slice pattern; /* data == NULL: all keys */
    struct slice type;    /* data == NULL: all types */
    size_t count;
};

/* SYNTAX, NOT_INTEGER; *out is then untouched. Slices in it borrow from the arguments. */
enum client_error scan_options_parse(const struct slice *arguments, size_t count,
                                     struct scan_options *out);

bool scan_options_match(const struct scan_options *options, struct slice key, const char *type);

#endif
