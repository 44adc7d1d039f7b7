/*
 * bits.h - strings as rows of bits, the most significant bit of each byte first.
 *
 * Pure functions, any thread.
 */
#ifndef SCDB_COMMANDS_BITS_H
#define SCDB_COMMANDS_BITS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bits [first, end) of a string; never empty, and within it. */
struct bit_range {
    uint64_t first;
    uint64_t end;
};

/* What the numbers of a range count. */
enum bit_unit { BIT_UNIT_BYTE, BIT_UNIT_BIT };

/* The range from `start` to `last`, both included, negative ones counted from the end, cut to a
 * string of `size` bytes. False: nothing is left of it. */
bool bits_clip(int64_t start, int64_t last, enum bit_unit unit, size_t size,
               struct bit_range *range);

/* How many bits of the range are 1. */
uint64_t bits_count(struct slice bytes, struct bit_range range);

/* The first bit of the range that is `wanted`. False: there is none. */
bool bits_find(struct slice bytes, struct bit_range range, bool wanted, uint64_t *offset);

#endif
