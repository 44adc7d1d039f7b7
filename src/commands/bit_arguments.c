/* bit_arguments.c - see bit_arguments.h. */
#include "commands/bit_arguments.h"

#include "base/number.h"

#include <stdbool.h>
#include <string.h>

static enum client_error check_offset(int64_t number, int64_t size_max, uint64_t *offset)
{
    if (number < 0 || number / 8 >= size_max) {
        return ERROR_BIT_OFFSET;
    }
    *offset = (uint64_t)number;
    return ERROR_NONE;
}

enum client_error bit_arguments_parse_offset(struct slice text, int64_t size_max, uint64_t *offset)
{
    int64_t number;
    return number_parse(text, &number) ? check_offset(number, size_max, offset) : ERROR_BIT_OFFSET;
}

enum client_error bit_arguments_parse_field_offset(struct slice text, unsigned bits,
                                                   int64_t size_max, uint64_t *offset)
{
    if (text.size == 0 || text.data[0] != '#') {
        return bit_arguments_parse_offset(text, size_max, offset);
    }
    int64_t number;
    if (!number_parse(slice_part(text, 1, text.size - 1), &number)) {
        return ERROR_BIT_OFFSET;
    }
    /* What overflows wraps, as it does in Redis: it may come out as an offset that is allowed. */
    return check_offset((int64_t)((uint64_t)number * bits), size_max, offset);
}

enum client_error bit_arguments_parse_type(struct slice text, struct bitfield_type *type)
{
    if (text.size == 0 || (text.data[0] != 'i' && text.data[0] != 'u')) {
        return ERROR_BITFIELD_TYPE;
    }
    bool is_signed = text.data[0] == 'i';
    struct slice digits = slice_part(text, 1, text.size - 1);
    digits.size =
        digits.size == 0 ? 0 : strnlen(digits.data, digits.size); /* Redis stops at a NUL */
    int64_t bits;
    if (!number_parse(digits, &bits) || bits < 1 || bits > (is_signed ? 64 : 63)) {
        return ERROR_BITFIELD_TYPE;
    }
    *type = (struct bitfield_type){.is_signed = is_signed, .bits = (unsigned)bits};
    return ERROR_NONE;
}

enum client_error bit_arguments_parse_unit(struct slice text, enum bit_unit *unit)
{
    bool is_bit = slice_is_word(text, "bit");
    if (!is_bit && !slice_is_word(text, "byte")) {
        return ERROR_SYNTAX;
    }
    *unit = is_bit ? BIT_UNIT_BIT : BIT_UNIT_BYTE;
    return ERROR_NONE;
}
