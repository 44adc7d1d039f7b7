/* hll_dense.c - see hll_dense.h. */
#include "commands/hll_dense.h"

#define VALUE_MASK ((1U << HLL_REGISTER_BITS) - 1)

/* Up to this bit of a byte on, a register lies within the byte. */
#define SHIFT_WITHIN (8 - HLL_REGISTER_BITS)

unsigned hll_dense_get(const uint8_t packed[HLL_DENSE_BYTES], unsigned index)
{
    unsigned at = index * HLL_REGISTER_BITS / 8;
    unsigned shift = index * HLL_REGISTER_BITS % 8;
    unsigned bits = (unsigned)packed[at] >> shift;
    if (shift > SHIFT_WITHIN) {
        bits |= (unsigned)packed[at + 1] << (8 - shift);
    }
    return bits & VALUE_MASK;
}

void hll_dense_set(uint8_t packed[HLL_DENSE_BYTES], unsigned index, unsigned value)
{
    unsigned at = index * HLL_REGISTER_BITS / 8;
    unsigned shift = index * HLL_REGISTER_BITS % 8;
    packed[at] = (uint8_t)((packed[at] & ~(VALUE_MASK << shift)) | value << shift);
    if (shift > SHIFT_WITHIN) {
        unsigned rest = 8 - shift;
        packed[at + 1] = (uint8_t)((packed[at + 1] & ~(VALUE_MASK >> rest)) | value >> rest);
    }
}

void hll_dense_merge(const uint8_t packed[HLL_DENSE_BYTES], uint8_t registers[HLL_REGISTER_COUNT])
{
    for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
        unsigned value = hll_dense_get(packed, i);
        if (value > registers[i]) {
            registers[i] = (uint8_t)value;
        }
    }
}
