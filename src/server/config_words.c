/* config_words.c - the words of a line: see config_values.h. */
#include "server/config_values.h"

#include "base/escape.h"

#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

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

static enum status add_word(struct config_words *words, struct slice word)
{
    if (words->count == words->capacity) {
        size_t capacity = words->capacity == 0 ? CAPACITY_MIN : words->capacity * 2;
        struct slice *items = realloc(words->items, capacity * sizeof(*items));
        if (items == NULL) {
            return STATUS_NO_MEMORY;
        }
        words->items = items;
        words->capacity = capacity;
    }
    words->items[words->count++] = word;
    return STATUS_OK;
}

enum status config_words_split(struct config_words *words, struct slice line)
{
    words->bytes.size = 0;
    words->count = 0;
    /* No word is longer than what it is written as: the bytes stay where they are. */
    if (buffer_reserve(&words->bytes, line.size + 1) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    size_t at = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        while (at < line.size && is_blank(line.data[at])) {
            at++;
        }
        if (at == line.size || (words->count == 0 && line.data[at] == '#')) {
            break;
        }
        size_t begin = words->bytes.size;
        if (!split_word(line, &at, &words->bytes)) {
            return STATUS_INVALID;
        }
        status = add_word(words, slice_make(words->bytes.data + begin, words->bytes.size - begin));
    }
    return status;
}

/* --- writing --- */

static bool needs_quotes(struct slice word)
{
    for (size_t i = 0; i < word.size; i++) {
        unsigned char c = (unsigned char)word.data[i];
        if (c <= ' ' || c >= 127 || c == '"' || c == '\'' || c == '\\' || c == '#') {
            return true;
        }
    }
    return word.size == 0;
}

enum status config_words_append(struct buffer *out, struct slice word)
{
    return needs_quotes(word) ? config_words_append_quoted(out, word)
                              : buffer_append(out, word.data, word.size);
}

enum status config_words_append_quoted(struct buffer *out, struct slice word)
{
    enum status status = buffer_append(out, "\"", 1);
    for (size_t i = 0; i < word.size && status == STATUS_OK; i++) {
        unsigned char c = (unsigned char)word.data[i];
        char escaped[5];
        bool plain = c >= ' ' && c < 127 && c != '"' && c != '\\';
        int size = plain ? snprintf(escaped, sizeof(escaped), "%c", c)
                         : snprintf(escaped, sizeof(escaped), "\\x%02x", c);
        status = buffer_append(out, escaped, (size_t)size);
    }
    return status == STATUS_OK ? buffer_append(out, "\"", 1) : status;
}
