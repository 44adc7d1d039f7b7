/* arguments.c - see arguments.h. */
#include "commands/arguments.h"

#include "base/check.h"
#include "base/number.h"
#include "engine/record.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum client_error arguments_parse_int(struct slice text, int *out)
{
    int64_t value;
    if (!number_parse(text, &value)) {
        return ERROR_NOT_INTEGER;
    }
    if (value < INT_MIN || value > INT_MAX) {
        return ERROR_OUT_OF_INT_RANGE;
    }
    *out = (int)value;
    return ERROR_NONE;
}

bool arguments_parse_long_double(struct slice text, long double *out)
{
    char copy[LONG_DOUBLE_TEXT_SIZE];
    if (text.size == 0 || text.size >= sizeof(copy) || isspace((unsigned char)text.data[0])) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    char *end;
    errno = 0;
    long double value = strtold(copy, &end);
    if (end != copy + text.size || isnan(value)) {
        return false;
    }
    if (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO)) {
        return false;
    }
    *out = value;
    return true;
}

size_t arguments_print_long_double(long double value, char text[LONG_DOUBLE_TEXT_SIZE])
{
    int printed = snprintf(text, LONG_DOUBLE_TEXT_SIZE, "%.17Lf", value);
    CHECK(printed > 0 && printed < LONG_DOUBLE_TEXT_SIZE);
    size_t size = (size_t)printed;
    while (text[size - 1] == '0') {
        size--;
    }
    if (text[size - 1] == '.') {
        size--;
    }
    if (size == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        size = 1;
    }
    text[size] = '\0';
    return size;
}

bool arguments_parse_cursor(struct slice text, uint64_t *out)
{
    size_t size = text.size == 0 ? 0 : strnlen(text.data, text.size);
    size_t i = size > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    if (i == 1 && size == 1) {
        return false;
    }
    uint64_t value = 0;
    for (size_t digit = i; digit < size; digit++) {
        if (text.data[digit] < '0' || text.data[digit] > '9' ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[digit] - '0'), &value)) {
            return false;
        }
    }
    *out = i == 1 && text.data[0] == '-' ? 0 - value : value;
    return true;
}

/* Seconds or milliseconds, since now or since 1970, as Unix ms; false where it overflows. */
static bool to_unix_ms(int64_t time, enum expiry_unit unit, enum expiry_basis basis, int64_t now_ms,
                       int64_t *out)
{
    int64_t factor = unit == UNIT_SECONDS ? 1000 : 1;
    int64_t start = basis == BASIS_NOW ? now_ms : 0;
    int64_t expiry_ms;
    if (__builtin_mul_overflow(time, factor, &expiry_ms) ||
        __builtin_add_overflow(expiry_ms, start, &expiry_ms)) {
        return false;
    }
    *out = expiry_ms == EXPIRY_NONE ? expiry_ms - 1 : expiry_ms; /* the last moment means "never" */
    return true;
}

enum client_error arguments_parse_time(struct slice text, enum expiry_unit unit,
                                       enum expiry_basis basis, int64_t now_ms, int64_t *expiry_ms)
{
    int64_t time;
    if (!number_parse(text, &time)) {
        return ERROR_NOT_INTEGER;
    }
    return to_unix_ms(time, unit, basis, now_ms, expiry_ms) ? ERROR_NONE : ERROR_INVALID_EXPIRE;
}

enum client_error arguments_parse_positive_time(struct slice text, enum expiry_unit unit,
                                                enum expiry_basis basis, int64_t now_ms,
                                                int64_t *expiry_ms)
{
    int64_t time;
    if (!number_parse(text, &time)) {
        return ERROR_NOT_INTEGER;
    }
    if (time <= 0 || !to_unix_ms(time, unit, basis, now_ms, expiry_ms)) {
        return ERROR_INVALID_EXPIRE;
    }
    return ERROR_NONE;
}
