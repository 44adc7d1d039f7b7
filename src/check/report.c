/* report.c - see report.h. */
#include "check/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define KEY_BYTES_MAX 64 /* of a key that is shown in a message */
#define ESCAPED_MAX   4  /* characters for one byte */

static void line(FILE *out, const char *kind, const char *format, va_list arguments)
{
    (void)fprintf(out, "%s: ", kind);
    (void)vfprintf(out, format, arguments);
    (void)fputc('\n', out);
}

void report_problem(struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line(report->out, "damaged", format, arguments);
    va_end(arguments);
    report->problems++;
}

void report_note(struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line(report->out, "note", format, arguments);
    va_end(arguments);
    report->notes++;
}

/* One byte as text; returns how many characters. */
static size_t escape(unsigned char byte, char text[ESCAPED_MAX + 1])
{
    if (byte == '"' || byte == '\\') {
        return (size_t)snprintf(text, ESCAPED_MAX + 1, "\\%c", byte);
    }
    if (byte >= ' ' && byte < 0x7f) {
        return (size_t)snprintf(text, ESCAPED_MAX + 1, "%c", byte);
    }
    return (size_t)snprintf(text, ESCAPED_MAX + 1, "\\x%02x", byte);
}

const char *report_key(struct slice key, char text[REPORT_KEY_SIZE])
{
    size_t count = key.size < KEY_BYTES_MAX ? key.size : KEY_BYTES_MAX;
    size_t length = 0;
    text[length++] = '"';
    for (size_t i = 0; i < count; i++) {
        length += escape((unsigned char)key.data[i], text + length);
    }
    (void)snprintf(text + length, REPORT_KEY_SIZE - length, "%s\"", count < key.size ? "..." : "");
    return text;
}

static bool is_plain(char byte)
{
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

void report_write_escaped(FILE *out, struct slice bytes)
{
    char text[ESCAPED_MAX + 1];
    size_t i = 0;
    while (i < bytes.size) {
        size_t run = i;
        while (run < bytes.size && is_plain(bytes.data[run])) {
            run++;
        }
        if (run > i) {
            (void)fwrite(bytes.data + i, 1, run - i, out);
            i = run;
        } else {
            size_t size = escape((unsigned char)bytes.data[i++], text);
            (void)fwrite(text, 1, size, out);
        }
    }
}
