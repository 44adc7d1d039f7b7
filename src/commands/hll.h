/*
 * hll.h - a HyperLogLog as Redis stores it in a string: a header, then the registers.
 *
 *     0  4  "HYLL"
 *     4  1  encoding: 0 dense (hll_dense.h), 1 sparse (hll_sparse.h)
 *     5  3  not used
 *     8  8  the number of elements when it was last asked for, little-endian; its highest bit says
 *           that it is no longer true
 *    16     registers
 *
 * Strings come from clients and may be anything: what a function can't make sense of it says.
 * Pure functions except for memory; one owner at a time.
 */
#ifndef SCDB_COMMANDS_HLL_H
#define SCDB_COMMANDS_HLL_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "commands/hll_dense.h"
#include "commands/hll_sparse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HLL_HEADER_BYTES 16

enum hll_encoding { HLL_DENSE = 0, HLL_SPARSE = 1 };

/* --- looking at one --- */

/* Is this the string of a HyperLogLog, as far as the header and a dense one's size tell? The
 * functions below want one that is. */
bool hll_is_one(struct slice string);

enum hll_encoding hll_encoding_of(struct slice string);

/* The registers' bytes. */
struct slice hll_body(struct slice string);

/* The number that is kept in the header; false: it is no longer true. */
bool hll_cached_count(struct slice string, uint64_t *count);

/* The number of elements, by the registers. False: they are damaged. */
bool hll_count(struct slice string, uint64_t *count);

/* The same for registers of one byte each. */
uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTER_COUNT]);

/* Would adding the element change nothing? Asked of a dense one only: of a sparse one, false. */
bool hll_knows(struct slice string, struct slice element);

/* Raises `registers` to those of the string. False: they are damaged. */
bool hll_merge(struct slice string, uint8_t registers[HLL_REGISTER_COUNT]);

/* --- changing one --- */

struct hll {
    struct buffer bytes;    /* owned: the string */
    size_t sparse_size_max; /* beyond it (header included) sparse becomes dense */
};

/* An empty one (sparse), or a copy of a string that is one. NO_MEMORY: nothing to deinit. */
enum status hll_init_empty(struct hll *hll, size_t sparse_size_max) MUST_CHECK;
enum status hll_init_copy(struct hll *hll, size_t sparse_size_max, struct slice string) MUST_CHECK;
void hll_deinit(struct hll *hll);

/* Raises one register; adds an element. Only HLL_UNCHANGED, HLL_CHANGED, HLL_CORRUPT and
 * HLL_NO_MEMORY are returned; the last two leave all as it was. */
enum hll_outcome hll_raise(struct hll *hll, struct hll_place place);
enum hll_outcome hll_add(struct hll *hll, struct slice element);

/* Makes it dense; HLL_UNCHANGED: it was. */
enum hll_outcome hll_make_dense(struct hll *hll);

/* Keeps a number in the header, or says that it is no longer true. */
void hll_set_cached_count(struct hll *hll, uint64_t count);
void hll_forget_cached_count(struct hll *hll);

#endif
