/*
 * dump.h - `scdb-check dump`: the live keys as text, or as commands for `redis-cli --pipe`.
 *
 * One thread.
 */
#ifndef SCDB_CHECK_DUMP_H
#define SCDB_CHECK_DUMP_H

#include "check/live.h"

enum dump_format {
    DUMP_TEXT, /* a line each: database, expiry in Unix ms or -, "key", "value" */
    DUMP_RESP  /* SELECT and SET ... PXAT as RESP arrays */
};

struct dump_options {
    enum dump_format format;
    bool with_strays; /* DUMP_RESP: databases whose map was lost, too */
};

/* IO: `out` can't be written. NO_MEMORY. */
enum status dump_write(struct live *live, const struct dump_options *options, FILE *out) MUST_CHECK;

#endif
