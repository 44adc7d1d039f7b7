/* glob.c - see glob.h. Every element of a pattern but '*' takes exactly one byte of the text, so a
 * mismatch only ever needs to go back to the last '*' and let it take one byte more. */
#include "base/glob.h"

#include <stdint.h>

/* Redis matches what follows a '*' by recursion, and at this depth it says no. */
#define STARS_MAX 1000

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Bytes compare as signed chars, as in Redis, which matters to ranges beyond ASCII. */
static int char_at(struct slice slice, size_t i)
{
    return (signed char)slice.data[i];
}

static bool is_same(int a, int b, bool ignore_case)
{
    return ignore_case ? lower(a) == lower(b) : a == b;
}

static bool is_in_range(int c, int from, int to, bool ignore_case)
{
    int low = from < to ? from : to;
    int high = from < to ? to : from;
    if (ignore_case) {
        low = lower(low);
        high = lower(high);
        c = lower(c);
    }
    return c >= low && c <= high;
}

/* Matches `c` against the class that begins behind the '[' at *at; *at becomes the place behind the
 * class. A class that isn't closed ends with the pattern. */
static bool match_class(struct slice pattern, size_t *at, int c, bool ignore_case)
{
    size_t i = *at;
    bool inverted = i < pattern.size && pattern.data[i] == '^';
    if (inverted) {
        i++;
    }
    bool found = false;
    while (i < pattern.size && pattern.data[i] != ']') {
        size_t left = pattern.size - i;
        if (left >= 2 && pattern.data[i] == '\\') {
            found |= char_at(pattern, i + 1) == c;
            i += 2;
        } else if (left >= 3 && pattern.data[i + 1] == '-') {
            found |= is_in_range(c, char_at(pattern, i), char_at(pattern, i + 2), ignore_case);
            i += 3;
        } else {
            found |= is_same(char_at(pattern, i), c, ignore_case);
            i++;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != inverted;
}

/* Matches `c` against the element at *at (not a '*'); *at becomes the place behind it. */
static bool match_one(struct slice pattern, size_t *at, int c, bool ignore_case)
{
    size_t i = (*at)++;
    switch (pattern.data[i]) {
    case '?':
        return true;
    case '[':
        return match_class(pattern, at, c, ignore_case);
    case '\\':
        if (i + 1 < pattern.size) {
            i = (*at)++;
        }
        break;
    default:
        break;
    }
    return is_same(char_at(pattern, i), c, ignore_case);
}

bool glob_match(struct slice pattern, struct slice text, bool ignore_case)
{
    if (text.size == 0) {
        return pattern.size == 0; /* as in Redis, where not even "*" matches nothing */
    }
    size_t at = 0;
    size_t taken = 0;
    size_t star = SIZE_MAX; /* behind the last '*'; SIZE_MAX = none yet */
    size_t star_taken = 0;  /* how far the text is taken with that '*' */
    size_t stars = 0;       /* met so far, several in a row being one, the last of all none */
    while (taken < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            star = ++at;
            star_taken = taken;
            if (at < pattern.size && pattern.data[at] != '*' && ++stars > STARS_MAX) {
                return false;
            }
        } else if (at < pattern.size &&
                   match_one(pattern, &at, char_at(text, taken), ignore_case)) {
            taken++;
        } else if (star != SIZE_MAX) {
            at = star;
            taken = ++star_taken;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.data[at] == '*') {
        at++;
    }
    return at == pattern.size;
}
