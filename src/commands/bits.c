/* bits.c - see bits.h. */
#include "commands/bits.h"

#include <string.h>

#define BYTE_BITS 8

bool bits_clip(int64_t start, int64_t last, enum bit_unit unit, size_t size,
               struct bit_range *range)
{
    int64_t unit_bits = unit == BIT_UNIT_BYTE ? BYTE_BITS : 1;
    int64_t total = (int64_t)size * (BYTE_BITS / unit_bits);
    if (start < 0) {
        start = start + total < 0 ? 0 : start + total;
    }
    if (last < 0) {
        last = last + total < 0 ? 0 : last + total;
    }
    if (last >= total) {
        last = total - 1;
    }
    if (start > last) {
        return false;
    }
    *range = (struct bit_range){.first = (uint64_t)(start * unit_bits),
                                .end = (uint64_t)((last + 1) * unit_bits)};
    return true;
}

static uint8_t byte_at(struct slice bytes, uint64_t index)
{
    return (uint8_t)bytes.data[index];
}

/* The bits of byte `index` that lie within the range. */
static uint8_t mask_of(struct bit_range range, uint64_t index)
{
    unsigned mask = 0xFF;
    if (index == range.first / BYTE_BITS) {
        mask &= 0xFFU >> range.first % BYTE_BITS;
    }
    if (index == (range.end - 1) / BYTE_BITS) {
        mask &= 0xFFU << (7 - (range.end - 1) % BYTE_BITS);
    }
    return (uint8_t)mask;
}

static uint64_t load_word(struct slice bytes, uint64_t index)
{
    uint64_t word;
    memcpy(&word, bytes.data + index, sizeof(word));
    return word;
}

uint64_t bits_count(struct slice bytes, struct bit_range range)
{
    uint64_t first = range.first / BYTE_BITS;
    uint64_t last = (range.end - 1) / BYTE_BITS;
    uint64_t count = (unsigned)__builtin_popcount(byte_at(bytes, first) & mask_of(range, first));
    if (first == last) {
        return count;
    }
    uint64_t index = first + 1;
    for (; index + sizeof(uint64_t) <= last; index += sizeof(uint64_t)) {
        count += (unsigned)__builtin_popcountll(load_word(bytes, index));
    }
    for (; index <= last; index++) {
        count += (unsigned)__builtin_popcount(byte_at(bytes, index) & mask_of(range, index));
    }
    return count;
}

/* The first byte from `index` to `last` that is not made of `filler` alone, which the last counts
 * as. */
static uint64_t skip_filler(struct slice bytes, uint64_t index, uint64_t last, uint8_t filler)
{
    uint64_t filler_word = filler * 0x0101010101010101ULL;
    while (index + sizeof(uint64_t) <= last && load_word(bytes, index) == filler_word) {
        index += sizeof(uint64_t);
    }
    while (index < last && byte_at(bytes, index) == filler) {
        index++;
    }
    return index;
}

bool bits_find(struct slice bytes, struct bit_range range, bool wanted, uint64_t *offset)
{
    uint64_t last = (range.end - 1) / BYTE_BITS;
    uint8_t filler = wanted ? 0 : 0xFF;
    uint64_t index = range.first / BYTE_BITS;
    for (;;) {
        unsigned found = (unsigned)(byte_at(bytes, index) ^ filler) & mask_of(range, index);
        if (found != 0) {
            /* Of the 32 bits that are looked at, 24 stand before the byte. */
            *offset = index * BYTE_BITS + (unsigned)__builtin_clz(found) - 24;
            return true;
        }
        if (index == last) {
            return false;
        }
        index = skip_filler(bytes, index + 1, last, filler);
    }
}
