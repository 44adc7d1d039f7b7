/* text.c - see text.h. */
#include "commands/text.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_init(struct text *text)
{
    *text = (struct text){0};
    buffer_init(&text->bytes);
}

void text_deinit(struct text *text)
{
    buffer_deinit(&text->bytes);
}

void text_add(struct text *text, struct slice slice)
{
    if (text->failed) {
        return;
    }
    text->failed = buffer_append(&text->bytes, slice.data, slice.size) != STATUS_OK;
}

/* Writes into the room that the buffer has. Returns the length that the whole would have. */
static size_t format_into(struct buffer *bytes, const char *format, va_list values)
{
    size_t room = bytes->capacity - bytes->size;
    int length = vsnprintf(bytes->data + bytes->size, room, format, values);
    CHECK(length >= 0);
    if ((size_t)length < room) {
        bytes->size += (size_t)length;
    }
    return (size_t)length;
}

void text_format(struct text *text, const char *format, ...)
{
    size_t room = 128;
    while (!text->failed) {
        if (buffer_reserve(&text->bytes, room) != STATUS_OK) {
            text->failed = true;
            return;
        }
        size_t before = text->bytes.capacity - text->bytes.size;
        va_list values;
        va_start(values, format);
        size_t length = format_into(&text->bytes, format, values);
        va_end(values);
        if (length < before) {
            return;
        }
        room = length + 1;
    }
}

void text_add_size(struct text *text, uint64_t bytes)
{
    static const char units[] = {'K', 'M', 'G', 'T', 'P', 'E'};
    if (bytes < 1024) {
        text_format(text, "%lluB", (unsigned long long)bytes);
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units)) {
        value /= 1024;
        unit++;
    }
    text_format(text, "%.2f%c", value, units[unit]);
}

static void add_escaped(struct text *text, char c)
{
    static const char plain[] = "\\\"\n\r\t\a\b";
    static const char letters[] = "\\\"nrtab";
    const char *found = c == '\0' ? NULL : strchr(plain, c);
    if (found != NULL) {
        char escaped[2] = {'\\', letters[found - plain]};
        text_add(text, slice_make(escaped, sizeof(escaped)));
    } else {
        text_format(text, "\\x%02x", (unsigned)(unsigned char)c);
    }
}

void text_add_quoted(struct text *text, struct slice slice)
{
    text_add(text, SLICE_LITERAL("\""));
    size_t start = 0;
    for (size_t i = 0; i < slice.size; i++) {
        char c = slice.data[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            text_add(text, slice_part(slice, start, i - start));
            add_escaped(text, c);
            start = i + 1;
        }
    }
    text_add(text, slice_part(slice, start, slice.size - start));
    text_add(text, SLICE_LITERAL("\""));
}

void text_reply(const struct text *text, struct reply *reply)
{
    if (text->failed) {
        reply->failed = true;
        return;
    }
    reply_verbatim(reply, buffer_slice(&text->bytes), "txt");
}
