/*
 * arguments.h - what the arguments of a command say: numbers, times, options shared by families.
 *
 * Pure functions, any thread. An out parameter is untouched on failure.
 */
#ifndef SCDB_COMMANDS_ARGUMENTS_H
#define SCDB_COMMANDS_ARGUMENTS_H

#include "base/slice.h"
#include "commands/errors.h"

#include <stdbool.h>
#include <stdint.h>

/* An integer that fits an int (a number of a database): NOT_INTEGER, OUT_OF_INT_RANGE. For plain
 * 64-bit integers see base/number.h, whose strict syntax is Redis's too. */
enum client_error arguments_parse_int(struct slice text, int *out);

/* Longest text that arguments_print_long_double writes, with the NUL. */
#define LONG_DOUBLE_TEXT_SIZE 5120

/* A number as INCRBYFLOAT reads it: strtold's syntax, no spaces around, not a NaN. */
bool arguments_parse_long_double(struct slice text, long double *out);

/* As Redis prints it for people: %.17Lf without the trailing zeros, "-0" as "0". Returns the
 * length. */
size_t arguments_print_long_double(long double value, char text[LONG_DOUBLE_TEXT_SIZE]);

/* SCAN's cursor: an unsigned 64-bit integer, as loosely as strtoul() reads it: a sign may stand in
 * front, nothing at all is 0, and what follows a NUL does not count. */
bool arguments_parse_cursor(struct slice text, uint64_t *out);

/* How an expiry was given. */
enum expiry_unit { UNIT_SECONDS, UNIT_MILLISECONDS };
enum expiry_basis { BASIS_NOW, BASIS_EPOCH };

/* Turns a time as EXPIRE and its kin take it (any sign) into Unix ms: NOT_INTEGER, or
 * INVALID_EXPIRE where it overflows. */
enum client_error arguments_parse_time(struct slice text, enum expiry_unit unit,
                                       enum expiry_basis basis, int64_t now_ms, int64_t *expiry_ms);

/* The same for SET, GETEX, SETEX and PSETEX, which also refuse times that are not positive
 * (INVALID_EXPIRE). */
enum client_error arguments_parse_positive_time(struct slice text, enum expiry_unit unit,
                                                enum expiry_basis basis, int64_t now_ms,
                                                int64_t *expiry_ms);

#endif
