/*
 * hll_hash.h - which register of a HyperLogLog an element belongs to, and what it sets there.
 *
 * Values are exchanged with Redis, so the hash is the one that it uses: MurmurHash64A (Austin
 * Appleby, public domain) with a fixed seed. Pure functions, any thread.
 */
#ifndef SCDB_COMMANDS_HLL_HASH_H
#define SCDB_COMMANDS_HLL_HASH_H

#include "base/slice.h"

#include <stdint.h>

#define HLL_INDEX_BITS     14
#define HLL_REGISTER_COUNT (1U << HLL_INDEX_BITS)
#define HLL_RANK_MAX       (64 - HLL_INDEX_BITS + 1)

/* MurmurHash64A, its words read as little-endian on every machine. */
uint64_t hll_hash(struct slice bytes, uint64_t seed);

struct hll_place {
    unsigned index; /* of the register: the low 14 bits of the hash */
    unsigned rank;  /* 1 to 51: one more than the zeros below the lowest 1 of the other bits */
};

struct hll_place hll_place_of(struct slice element);

#endif
