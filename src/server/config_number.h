/*
 * config_number.h - numbers that only configuration files write so. Pure, any thread.
 */
#ifndef SCDB_SERVER_CONFIG_NUMBER_H
#define SCDB_SERVER_CONFIG_NUMBER_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Octal digits. */
bool config_number_parse_octal(struct slice text, int64_t *out);

/* Digits and an optional unit (b, k, kb, m, mb, g, gb; kb is 1024, k is 1000). What doesn't fit
 * into 63 bits becomes INT64_MIN, which is out of every range. As in Redis no digits are 0, and a
 * NUL ends the text. */
bool config_number_parse_memory(struct slice text, int64_t *out);

#endif
