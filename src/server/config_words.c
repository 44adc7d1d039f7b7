/* config_words.c - the words of a line: see config_values.h. */
#include "server/config_values.h"

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

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash within double quotes; moves *at over it. */
static char unescape(struct slice line, size_t *at)
{
    char c = line.data[*at];
    if (c == 'x' && line.size - *at > 2 && hex_digit(line.data[*at + 1]) >= 0 &&
        hex_digit(line.data[*at + 2]) >= 0) {
        c = (char)(hex_digit(line.data[*at + 1]) * 16 + hex_digit(line.data[*at + 2]));
        *at += 3;
        return c;
    }
    *at += 1;
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

/* Copies a quoted part to `to`, which has room; *at stands behind the opening quote and is moved
 * behind the closing one. False: there is none, or a word follows it without a blank. */
static bool unquote(struct slice line, size_t *at, char quote, struct buffer *to)
{
    while (*at < line.size && line.data[*at] != quote) {
        char c = line.data[*at];
        bool escapes = c == '\\' && *at + 1 < line.size;
        if (escapes && quote == '"') {
            *at += 1;
            c = unescape(line, at);
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
