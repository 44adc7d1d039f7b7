/* hll_hash.c - see hll_hash.h. */
#include "commands/hll_hash.h"

#include "base/little_endian.h"

#include <stddef.h>
#include <string.h>

#define MULTIPLIER 0xc6a4a7935bd1e995ULL
#define SHIFT      47
#define SEED       0xadc83b19ULL /* Redis's, part of the format */

/* Up to eight bytes as a number, the first one lowest. */
static uint64_t load(const char *data, size_t size)
{
    uint8_t bytes[sizeof(uint64_t)] = {0};
    memcpy(bytes, data, size);
    return little_endian_load64(bytes);
}

static uint64_t scramble(uint64_t word)
{
    word *= MULTIPLIER;
    word ^= word >> SHIFT;
    return word * MULTIPLIER;
}

uint64_t hll_hash(struct slice bytes, uint64_t seed)
{
    /* The original takes the length as an int; no argument of ours is so long that it matters. */
    uint64_t hash = seed ^ (bytes.size * MULTIPLIER);
    size_t at = 0;
    for (; bytes.size - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        hash = (hash ^ scramble(load(bytes.data + at, sizeof(uint64_t)))) * MULTIPLIER;
    }
    if (at < bytes.size) {
        hash = (hash ^ load(bytes.data + at, bytes.size - at)) * MULTIPLIER;
    }
    hash = (hash ^ hash >> SHIFT) * MULTIPLIER;
    return hash ^ hash >> SHIFT;
}

struct hll_place hll_place_of(struct slice element)
{
    uint64_t hash = hll_hash(element, SEED);
    /* A 1 behind the last bit ends the run of zeros where all of them are. */
    uint64_t rest = hash >> HLL_INDEX_BITS | 1ULL << (64 - HLL_INDEX_BITS);
    return (struct hll_place){.index = (unsigned)(hash & (HLL_REGISTER_COUNT - 1)),
                              .rank = (unsigned)__builtin_ctzll(rest) + 1};
}
