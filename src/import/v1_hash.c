/*
 * v1_hash.c - see v1_hash.h.
 *
 * XXH3 changed until xxHash 0.8.0. What follows is the 64-bit variant of 0.7.2 with seed 0 and the
 * default secret, which has not changed since and which the library gives out. Keys of up to 16
 * bytes, of up to 128, of up to 240 and longer ones go different ways.
 */
#include "import/v1_hash.h"

#include "base/check.h"
#include "base/little_endian.h"
#include "engine/checksum.h"

#define PRIME32_1   0x9E3779B1U
#define PRIME32_2   0x85EBCA77U
#define PRIME32_3   0xC2B2AE3DU
#define PRIME64_1   0x9E3779B185EBCA87ULL
#define PRIME64_2   0xC2B2AE3D27D4EB4FULL
#define PRIME64_3   0x165667B19E3779F9ULL
#define PRIME64_4   0x85EBCA77C2B2AE63ULL
#define PRIME64_5   0x27D4EB2F165667C5ULL

#define SECRET_SIZE XXH_SECRET_DEFAULT_SIZE
#define LANES       8  /* accumulators of a long key */
#define STRIPE_SIZE 64 /* what feeds them all once */
/* The secret moves on by 8 bytes with each stripe of a block. */
#define STRIPES_PER_BLOCK ((SECRET_SIZE - STRIPE_SIZE) / 8)
#define BLOCK_SIZE        (STRIPES_PER_BLOCK * STRIPE_SIZE)

static uint64_t load32(const uint8_t *from)
{
    return little_endian_load32(from);
}

static uint64_t load64(const uint8_t *from)
{
    return little_endian_load64(from);
}

static uint64_t fold_product(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t avalanche(uint64_t hash)
{
    hash ^= hash >> 37;
    hash *= PRIME64_3;
    return hash ^ hash >> 32;
}

static uint64_t mix16(const uint8_t *input, const uint8_t *secret)
{
    return fold_product(load64(input) ^ load64(secret), load64(input + 8) ^ load64(secret + 8));
}

/* 0 to 16 bytes. */
static uint64_t hash_tiny(const uint8_t *input, size_t size, const uint8_t *secret)
{
    if (size > 8) {
        uint64_t low = load64(input) ^ load64(secret);
        uint64_t high = load64(input + size - 8) ^ load64(secret + 8);
        return avalanche(size + low + high + fold_product(low, high));
    }
    if (size >= 4) {
        uint64_t keyed = (load32(input) | load32(input + size - 4) << 32) ^ load64(secret);
        uint64_t mixed = size + (keyed ^ keyed >> 51) * PRIME32_1;
        return avalanche((mixed ^ mixed >> 47) * PRIME64_2);
    }
    if (size > 0) {
        uint64_t combined = (uint64_t)input[0] | (uint64_t)input[size >> 1] << 8 |
                            (uint64_t)input[size - 1] << 16 | (uint64_t)size << 24;
        return avalanche((combined ^ load32(secret)) * PRIME64_1);
    }
    return 0;
}

/* 17 to 128 bytes: pairs of 16 from both ends. */
static uint64_t hash_short(const uint8_t *input, size_t size, const uint8_t *secret)
{
    uint64_t sum = size * PRIME64_1;
    for (size_t pair = 0; pair * 32 < size; pair++) {
        sum += mix16(input + pair * 16, secret + pair * 32);
        sum += mix16(input + size - (pair + 1) * 16, secret + pair * 32 + 16);
    }
    return avalanche(sum);
}

/* 129 to 240 bytes. */
static uint64_t hash_medium(const uint8_t *input, size_t size, const uint8_t *secret)
{
    uint64_t sum = size * PRIME64_1;
    size_t rounds = size / 16;
    for (size_t i = 0; i < 8; i++) {
        sum += mix16(input + i * 16, secret + i * 16);
    }
    sum = avalanche(sum);
    for (size_t i = 8; i < rounds; i++) {
        sum += mix16(input + i * 16, secret + (i - 8) * 16 + 3);
    }
    sum += mix16(input + size - 16, secret + 136 - 17);
    return avalanche(sum);
}

static void accumulate(uint64_t lanes[LANES], const uint8_t *input, const uint8_t *secret)
{
    for (size_t i = 0; i < LANES; i++) {
        uint64_t data = load64(input + i * 8);
        uint64_t keyed = data ^ load64(secret + i * 8);
        lanes[i] += data + (keyed & UINT32_MAX) * (keyed >> 32);
    }
}

static void scramble(uint64_t lanes[LANES], const uint8_t *secret)
{
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = (lanes[i] ^ lanes[i] >> 47 ^ load64(secret + i * 8)) * PRIME32_1;
    }
}

static uint64_t hash_long(const uint8_t *input, size_t size, const uint8_t *secret)
{
    uint64_t lanes[LANES] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3,
                             PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
    size_t stripes = size / STRIPE_SIZE;
    for (size_t i = 0; i < stripes; i++) {
        accumulate(lanes, input + i * STRIPE_SIZE, secret + i % STRIPES_PER_BLOCK * 8);
        if (i % STRIPES_PER_BLOCK == STRIPES_PER_BLOCK - 1) {
            scramble(lanes, secret + SECRET_SIZE - STRIPE_SIZE);
        }
    }
    if (size % STRIPE_SIZE != 0) {
        accumulate(lanes, input + size - STRIPE_SIZE, secret + SECRET_SIZE - STRIPE_SIZE - 7);
    }
    uint64_t sum = size * PRIME64_1;
    for (size_t i = 0; i < LANES; i += 2) {
        sum += fold_product(lanes[i] ^ load64(secret + 11 + i * 8),
                            lanes[i + 1] ^ load64(secret + 11 + i * 8 + 8));
    }
    return avalanche(sum);
}

static uint64_t hash_rust(struct slice key)
{
    uint8_t secret[SECRET_SIZE];
    const uint8_t *input = (const uint8_t *)key.data;
    XXH3_generateSecret_fromSeed(secret, 0);
    if (key.size <= 16) {
        return hash_tiny(input, key.size, secret);
    }
    if (key.size <= 128) {
        return hash_short(input, key.size, secret);
    }
    return key.size <= 240 ? hash_medium(input, key.size, secret)
                           : hash_long(input, key.size, secret);
}

uint64_t v1_hash_of(enum v1_hash hash, struct slice key)
{
    CHECK(hash < V1_HASH_COUNT && (key.data != NULL || key.size == 0));
    if (key.data == NULL) {
        key = slice_make("", 0);
    }
    return hash == V1_HASH_RUST ? hash_rust(key) : XXH64(key.data, key.size, 0);
}
