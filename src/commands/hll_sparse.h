/*
 * hll_sparse.h - HyperLogLog's sparse encoding: runs of equal registers.
 *
 * One opcode a run, in the order of the registers:
 *
 *     00nnnnnn            ZERO:  n + 1 registers are 0 (1 to 64)
 *     01nnnnnn nnnnnnnn   XZERO: n + 1 registers are 0 (1 to 16384), high bits first
 *     1vvvvvnn            VAL:   n + 1 registers (1 to 4) are v + 1 (1 to 32)
 *
 * The bytes come from clients and may be anything. Of an XZERO that is cut off by the end, the byte
 * that is missing counts as 0, as in Redis. Which of several encodings of the same registers an
 * update gives is part of the format, too: values are compared with Redis's byte for byte.
 *
 * Pure functions except for memory, any thread.
 */
#ifndef SCDB_COMMANDS_HLL_SPARSE_H
#define SCDB_COMMANDS_HLL_SPARSE_H

#include "base/buffer.h"
#include "base/slice.h"
#include "commands/hll_estimate.h"
#include "commands/hll_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HLL_SPARSE_VALUE_MAX 32

struct hll_run {
    unsigned value;
    unsigned count;
};

/* Reads the opcode at *at and steps behind it. False: *at is the end. */
bool hll_sparse_next(struct slice opcodes, size_t *at, struct hll_run *run);

/* Counts the registers; raises `registers` (one a byte) to what they are, where that is more.
 * False: the runs are not HLL_REGISTER_COUNT registers long. */
bool hll_sparse_count(struct slice opcodes, struct hll_histogram *histogram);
bool hll_sparse_merge(struct slice opcodes, uint8_t registers[HLL_REGISTER_COUNT]);

/* Writes opcodes for HLL_REGISTER_COUNT registers that are 0; returns how many bytes. */
#define HLL_SPARSE_EMPTY_BYTES 2
size_t hll_sparse_write_empty(uint8_t to[HLL_SPARSE_EMPTY_BYTES]);

enum hll_outcome {
    HLL_UNCHANGED,
    HLL_CHANGED,
    HLL_TOO_LARGE, /* the opcodes would take more room than allowed: nothing has changed */
    HLL_CORRUPT,   /* no opcode covers the register: nothing has changed */
    HLL_NO_MEMORY  /* nothing has changed */
};

/* Raises one register to `value` (1 to HLL_SPARSE_VALUE_MAX) in the opcodes that begin `begin`
 * bytes into the buffer, which may not become longer than `size_max`. */
enum hll_outcome hll_sparse_raise(struct buffer *bytes, size_t begin, size_t size_max,
                                  struct hll_place place);

#endif
