/*
 * hll_dense.h - registers of six bits each, packed without gaps: HyperLogLog's dense encoding.
 *
 * Register i begins at bit 6 * i, bits counted from the lowest of the first byte on.
 * Pure functions, any thread.
 */
#ifndef SCDB_COMMANDS_HLL_DENSE_H
#define SCDB_COMMANDS_HLL_DENSE_H

#include "commands/hll_estimate.h"
#include "commands/hll_hash.h"

#include <stdint.h>

#define HLL_REGISTER_BITS 6
#define HLL_DENSE_BYTES   (HLL_REGISTER_COUNT * HLL_REGISTER_BITS / 8)

unsigned hll_dense_get(const uint8_t packed[HLL_DENSE_BYTES], unsigned index);
void hll_dense_set(uint8_t packed[HLL_DENSE_BYTES], unsigned index, unsigned value);

/* Raises each of `registers` (one a byte) to what is packed, where that is more. */
void hll_dense_merge(const uint8_t packed[HLL_DENSE_BYTES], uint8_t registers[HLL_REGISTER_COUNT]);

#endif
