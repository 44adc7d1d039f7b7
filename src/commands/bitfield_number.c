/* bitfield_number.c - see bitfield_number.h. */
#include "commands/bitfield_number.h"

/* The lowest `bits` bits. */
static uint64_t mask_of(unsigned bits)
{
    return bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static int64_t cut(struct bitfield_type type, uint64_t raw)
{
    raw &= mask_of(type.bits);
    bool is_negative = type.is_signed && (raw >> (type.bits - 1)) != 0;
    return (int64_t)(is_negative ? raw | ~mask_of(type.bits) : raw);
}

int64_t bitfield_load(const uint8_t bytes[BITFIELD_BYTES], unsigned shift,
                      struct bitfield_type type)
{
    uint64_t raw = 0;
    for (unsigned i = shift; i < shift + type.bits; i++) {
        raw = raw << 1 | ((unsigned)bytes[i / 8] >> (7 - i % 8) & 1U);
    }
    return cut(type, raw);
}

void bitfield_store(uint8_t bytes[BITFIELD_BYTES], unsigned shift, struct bitfield_type type,
                    int64_t number)
{
    for (unsigned i = 0; i < type.bits; i++) {
        unsigned bit = (unsigned)((uint64_t)number >> (type.bits - 1 - i) & 1U);
        unsigned at = shift + i;
        unsigned place = 7 - at % 8;
        bytes[at / 8] = (uint8_t)((bytes[at / 8] & ~(1U << place)) | bit << place);
    }
}

enum direction { FITS, TOO_HIGH, TOO_LOW };

/* a - b, wrapping: where Redis's arithmetic wraps, its decisions follow from that. */
static int64_t difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static enum direction compare_unsigned(unsigned bits, int64_t number, int64_t increment)
{
    uint64_t maximum = mask_of(bits);
    if ((uint64_t)number > maximum ||
        (increment > 0 && increment > difference((int64_t)maximum, number))) {
        return TOO_HIGH;
    }
    return increment < 0 && increment < difference(0, number) ? TOO_LOW : FITS;
}

/* Of a number far below the range (SET i8 to the lowest of 64 bits) Redis finds that it is too
 * high, because its room upwards wraps. */
static enum direction compare_signed(unsigned bits, int64_t number, int64_t increment)
{
    int64_t maximum = (int64_t)mask_of(bits - 1);
    int64_t minimum = -maximum - 1;
    int64_t room_above = difference(maximum, number);
    int64_t room_below = difference(minimum, number);
    if (number > maximum || (bits != 64 && increment > room_above) ||
        (number >= 0 && increment > 0 && increment > room_above)) {
        return TOO_HIGH;
    }
    if (number < minimum || (bits != 64 && increment < room_below) ||
        (number < 0 && increment < 0 && increment < room_below)) {
        return TOO_LOW;
    }
    return FITS;
}

static int64_t saturated(struct bitfield_type type, enum direction direction)
{
    int64_t maximum = (int64_t)mask_of(type.is_signed ? type.bits - 1 : type.bits);
    if (direction == TOO_HIGH) {
        return maximum;
    }
    return type.is_signed ? -maximum - 1 : 0;
}

bool bitfield_add(struct bitfield_type type, enum bitfield_overflow overflow, int64_t number,
                  int64_t increment, int64_t *sum)
{
    enum direction direction = type.is_signed ? compare_signed(type.bits, number, increment)
                                              : compare_unsigned(type.bits, number, increment);
    if (direction != FITS && overflow == BITFIELD_FAIL) {
        return false;
    }
    if (direction != FITS && overflow == BITFIELD_SATURATE) {
        *sum = saturated(type, direction);
    } else {
        *sum = cut(type, (uint64_t)number + (uint64_t)increment);
    }
    return true;
}
