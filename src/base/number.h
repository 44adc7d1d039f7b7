/*
 * number.h - integers as decimal text, strictly and fast.
 *
 * Pure functions, any thread.
 */
#ifndef SCDB_BASE_NUMBER_H
#define SCDB_BASE_NUMBER_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any int64_t as text, without a NUL. */
#define NUMBER_TEXT_SIZE 20

/*
 * Reads a whole slice as a signed 64-bit number in the one way of writing it that formatting would
 * give: no blanks, no plus sign, no leading zeros, no "-0". False (and *value untouched) for
 * anything else, also for what does not fit.
 */
bool number_parse(struct slice text, int64_t *value);

/* Writes the number's digits to `text`, with no NUL behind them; returns how many bytes. */
size_t number_format(char text[NUMBER_TEXT_SIZE], int64_t value);

extern const char number_pairs[]; /* for number_pair() */

/* The two digits of a number below 100; "07" for 7. */
static inline const char *number_pair(unsigned number)
{
    return number_pairs + (size_t)number * 2;
}

#endif
