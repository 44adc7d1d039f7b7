/*
 * report.h - what is said of a store, line by line, and how bad it is.
 *
 * One thread.
 */
#ifndef SCDB_CHECK_REPORT_H
#define SCDB_CHECK_REPORT_H

#include "base/slice.h"

#include <stdint.h>
#include <stdio.h>

/* What the program ends with. Documented in docs/operations.md and the help text. */
enum check_exit {
    CHECK_EXIT_SOUND = 0,   /* nothing is wrong, nothing was lost */
    CHECK_EXIT_DAMAGED = 1, /* done, but something is damaged, or was lost */
    CHECK_EXIT_USAGE = 2,
    CHECK_EXIT_FAILED = 3 /* it could not be done: no store, in use, a failing disk, no memory; or
                             the output could not be written */
};

struct report {
    FILE *out; /* borrowed */
    uint64_t problems;
    uint64_t notes;
};

/* A line "damaged: ...", counted. */
void report_problem(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line "note: ...": worth knowing, and no damage. */
void report_note(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for a key as text. */
#define REPORT_KEY_SIZE 280

/* The key in double quotes, with C's escapes for what can't be printed; cut with "..." when it is
 * long. Returns `text`. */
const char *report_key(struct slice key, char text[REPORT_KEY_SIZE]);

/* Writes all bytes so that they can be read back: printable ASCII as it is, a backslash before
 * backslashes and double quotes, all else as \xHH. */
void report_write_escaped(FILE *out, struct slice bytes);

#endif
