/* slice.c - see slice.h. */
#include "base/slice.h"

#include "base/check.h"

static unsigned char ascii_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool slice_is_word(struct slice slice, const char *word)
{
    for (size_t i = 0; i < slice.size; i++) {
        if (word[i] == '\0' ||
            ascii_lower((unsigned char)slice.data[i]) != ascii_lower((unsigned char)word[i])) {
            return false;
        }
    }
    return word[slice.size] == '\0';
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

struct slice slice_part(struct slice slice, size_t offset, size_t size)
{
    CHECK(offset <= slice.size && size <= slice.size - offset);
    return slice_make(slice.data == NULL ? NULL : slice.data + offset, size);
}

struct slice slice_next_word(struct slice *rest)
{
    size_t begin = 0;
    while (begin < rest->size && slice_is_blank(rest->data[begin])) {
        begin++;
    }
    size_t end = begin;
    while (end < rest->size && !slice_is_blank(rest->data[end])) {
        end++;
    }
    struct slice word = slice_part(*rest, begin, end - begin);
    *rest = slice_part(*rest, end, rest->size - end);
    return word;
}
