/* config_words.c - the words of a line: see config_values.h. */
#include "server/config_values.h"

#include "base/escape.h"

#include <stdlib.h>

#define WORDS_MAX 1024

void config_words_deinit(struct config_words *words)
{
    buffer_deinit(&words->bytes);
    free(words->items);
    *words = (struct config_words){0};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

/* Copies a quoted part to `to`, which has room; *at stands behind the opening quote and is moved
 * behind the closing one. False: there is none, or a word follows it without a blank. */
static bool unquote(struct slice line, size_t *at, char quote, struct buffer *to)
{
    while (*at < line.size && line.data[*at] != quote) {
        char c = line.data[*at];
        bool escapes = c == '\\' && *at + 1 < line.size;
        if (escapes && quote == '"') {
            const char *from = line.data + *at + 1;
            c = escape_take(&from, line.data + line.size);
            *at = (size_t)(from - line.data);
        } else if (escapes && line.data[*at + 1] == '\'') {
            c = '\'';
            *at += 2;
        } else {
            *at += 1;
        }
        to->data[to->size++] = c;
    }
    if (*at == line.size) {
        return false;
    }
    *at += 1;
    return *at == line.size || is_blank(line.data[*at]);
}

static bool split_word(struct slice line, size_t *at, struct buffer *to)
{
    while (*at < line.size && !is_blank(line.data[*at])) {
        char c = line.data[*at];
        *at += 1;
        if (c == '"' || c == '\'') {
            if (!unquote(line, at, c, to)) {
                return false;
            }
            break;
        }
        to->data[to->size++] = c;
    }
    return true;
}

enum status config_words_split(struct config_words *words, struct slice line)
{
    words->bytes.size = 0;
    words->count = 0;
    if (words->items == NULL) {
        words->items = calloc(WORDS_MAX, sizeof(*words->items));
    }
    /* No word is longer than what it is written as. */
    if (words->items == NULL || buffer_reserve(&words->bytes, line.size + 1) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    size_t at = 0;
    for (;;) {
        while (at < line.size && is_blank(line.data[at])) {
            at++;
        }
        if (at == line.size || (words->count == 0 && line.data[at] == '#')) {
            return STATUS_OK;
        }
        size_t begin = words->bytes.size;
        if (words->count == WORDS_MAX || !split_word(line, &at, &words->bytes)) {
            return STATUS_INVALID;
        }
        words->items[words->count++] =
            slice_make(words->bytes.data + begin, words->bytes.size - begin);
    }
}
