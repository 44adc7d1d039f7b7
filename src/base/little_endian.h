/*
 * little_endian.h - integers as they lie in files: little-endian, at any address. Pure functions,
 * any thread; on little-endian machines each is one load or store.
 */
#ifndef SCDB_BASE_LITTLE_ENDIAN_H
#define SCDB_BASE_LITTLE_ENDIAN_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_32(value) (value)
#define LITTLE_ENDIAN_64(value) (value)
#else
#define LITTLE_ENDIAN_32(value) __builtin_bswap32(value)
#define LITTLE_ENDIAN_64(value) __builtin_bswap64(value)
#endif

static inline uint32_t little_endian_load32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof(value));
    return LITTLE_ENDIAN_32(value);
}

static inline uint64_t little_endian_load64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof(value));
    return LITTLE_ENDIAN_64(value);
}

static inline void little_endian_store32(uint8_t *into, uint32_t value)
{
    value = LITTLE_ENDIAN_32(value);
    memcpy(into, &value, sizeof(value));
}

static inline void little_endian_store64(uint8_t *into, uint64_t value)
{
    value = LITTLE_ENDIAN_64(value);
    memcpy(into, &value, sizeof(value));
}

#endif
