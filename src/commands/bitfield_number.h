/*
 * bitfield_number.h - integers of 1 to 64 bits at any bit of a string, and their sums.
 *
 * A number is held as the 64 bits of an int64_t: of an unsigned type they are at most 63.
 * Pure functions, any thread.
 */
#ifndef SCDB_COMMANDS_BITFIELD_NUMBER_H
#define SCDB_COMMANDS_BITFIELD_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct bitfield_type {
    bool is_signed;
    unsigned bits; /* 1 to 64, of an unsigned type to 63 */
};

/* As many bytes as a field touches at most. */
#define BITFIELD_BYTES 9

/* The number that begins `shift` bits (0 to 7) into the bytes. */
int64_t bitfield_load(const uint8_t bytes[BITFIELD_BYTES], unsigned shift,
                      struct bitfield_type type);

/* Writes the low bits of a number there; the others stay. */
void bitfield_store(uint8_t bytes[BITFIELD_BYTES], unsigned shift, struct bitfield_type type,
                    int64_t number);

/* What becomes of a sum that the type can't hold. */
enum bitfield_overflow { BITFIELD_WRAP, BITFIELD_SATURATE, BITFIELD_FAIL };

/*
 * Adds an increment to a number, which itself may be out of the type's range (SET: any number with
 * an increment of 0). False: the sum did not fit, and `overflow` is BITFIELD_FAIL; *sum is
 * untouched. Otherwise *sum is the sum, wrapped or saturated.
 */
bool bitfield_add(struct bitfield_type type, enum bitfield_overflow overflow, int64_t number,
                  int64_t increment, int64_t *sum);

#endif
