/* hex.c - see hex.h. */
#include "base/hex.h"

void hex_encode(const uint8_t *bytes, size_t size, char *digits)
{
    static const char all[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        digits[2 * i] = all[bytes[i] >> 4];
        digits[2 * i + 1] = all[bytes[i] & 0xf];
    }
    digits[2 * size] = '\0';
}
