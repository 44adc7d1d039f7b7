/* word_split.c - see word_split.h. */
#include "support/word_split.h"

#include "base/check.h"

#include <string.h>

size_t word_split(const char *text, struct slice words[WORD_SPLIT_MAX])
{
    size_t count = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        CHECK(count < WORD_SPLIT_MAX);
        words[count++] = slice_make(text, size);
        text += size + (text[size] == ' ' ? 1 : 0);
    }
    return count;
}
