/* config_number.c - see config_number.h. */
#include "server/config_number.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool config_number_parse_octal(struct slice text, int64_t *out)
{
    if (text.size == 0 || text.size > 10) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') {
            return false;
        }
        value = value * 8 + (text.data[i] - '0');
    }
    *out = value;
    return true;
}

static bool find_unit(struct slice word, int64_t *factor)
{
    static const struct {
        const char *word;
        int64_t factor;
    } units[] = {{"", 1},
                 {"b", 1},
                 {"k", 1000},
                 {"kb", 1024},
                 {"m", 1000 * 1000},
                 {"mb", 1024 * 1024},
                 {"g", 1000 * 1000 * 1000},
                 {"gb", 1024 * 1024 * 1024}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (slice_is_word(word, units[i].word)) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

bool config_number_parse_memory(struct slice text, int64_t *out)
{
    const char *nul = text.size == 0 ? NULL : memchr(text.data, '\0', text.size);
    text.size = nul == NULL ? text.size : (size_t)(nul - text.data);
    size_t digits = 0;
    uint64_t value = 0;
    bool overflow = false;
    for (; digits < text.size && is_digit(text.data[digits]); digits++) {
        overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_add_overflow(value, (uint64_t)(text.data[digits] - '0'), &value);
    }
    int64_t factor;
    if (!find_unit(slice_part(text, digits, text.size - digits), &factor)) {
        return false;
    }
    overflow = overflow || __builtin_mul_overflow(value, (uint64_t)factor, &value);
    /* What no int64_t holds is out of every directive's range. */
    *out = overflow || value > INT64_MAX ? INT64_MIN : (int64_t)value;
    return true;
}
