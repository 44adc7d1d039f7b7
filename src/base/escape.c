/* escape.c - see escape.h. */
#include "base/escape.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static char letter(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

char escape_take(const char **at, const char *end)
{
    const char *from = *at;
    if (end - from >= 3 && from[0] == 'x' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
        *at = from + 3;
        return (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
    }
    *at = from + 1;
    return letter(*from);
}
