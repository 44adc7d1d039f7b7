/*
 * bit_arguments.h - what the arguments of commands on bits say.
 *
 * Pure functions, any thread. An out parameter is untouched on failure.
 */
#ifndef SCDB_COMMANDS_BIT_ARGUMENTS_H
#define SCDB_COMMANDS_BIT_ARGUMENTS_H

#include "base/slice.h"
#include "commands/bitfield_number.h"
#include "commands/bits.h"
#include "commands/errors.h"

#include <stdint.h>

/* The offset of a bit in a string of at most `size_max` bytes: BIT_OFFSET. */
enum client_error bit_arguments_parse_offset(struct slice text, int64_t size_max, uint64_t *offset);

/* The same for BITFIELD, where "#3" is the place of the fourth field of `bits` bits. */
enum client_error bit_arguments_parse_field_offset(struct slice text, unsigned bits,
                                                   int64_t size_max, uint64_t *offset);

/* "u8", "i64": BITFIELD_TYPE. */
enum client_error bit_arguments_parse_type(struct slice text, struct bitfield_type *type);

/* "BYTE" or "BIT": SYNTAX. */
enum client_error bit_arguments_parse_unit(struct slice text, enum bit_unit *unit);

#endif
