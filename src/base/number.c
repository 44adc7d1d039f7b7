/* number.c - see number.h. */
#include "base/number.h"

const char number_pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

bool number_parse(struct slice text, int64_t *value)
{
    if (text.size == 1 && text.data[0] == '0') {
        *value = 0;
        return true;
    }
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.size || text.size > NUMBER_TEXT_SIZE || text.data[at] == '0') {
        return false;
    }
    uint64_t magnitude = 0;
    uint64_t magnitude_max = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    for (; at < text.size; at++) {
        unsigned digit = (unsigned)(unsigned char)text.data[at] - '0';
        if (digit > 9 || magnitude > (magnitude_max - digit) / 10) {
            return false;
        }
        magnitude = magnitude * 10 + digit;
    }
    /* Negating in unsigned arithmetic reaches INT64_MIN without an overflow. */
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

static size_t digit_count(uint64_t value)
{
    size_t count = 1;
    for (;;) {
        if (value < 10) {
            return count;
        }
        if (value < 100) {
            return count + 1;
        }
        if (value < 1000) {
            return count + 2;
        }
        if (value < 10000) {
            return count + 3;
        }
        value /= 10000;
        count += 4;
    }
}

size_t number_format(char text[NUMBER_TEXT_SIZE], int64_t value)
{
    size_t sign_size = value < 0 ? 1 : 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t size = sign_size + digit_count(rest);
    text[0] = '-'; /* overwritten when there is no sign */
    char *at = text + size;
    while (rest >= 10) {
        at -= 2;
        memcpy(at, number_pair((unsigned)(rest % 100)), 2);
        rest /= 100;
    }
    /* What is left is one digit, or nothing in front of a pair, or the number was 0. */
    if (at > text + sign_size) {
        at[-1] = (char)('0' + rest);
    }
    return size;
}
