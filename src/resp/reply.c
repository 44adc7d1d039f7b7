/*
 * reply.c - see reply.h.
 *
 * Each piece of a reply is written after one reservation for all of it. Once a reservation fails
 * nothing more is written: `failed` stays set until reply_clear().
 */
#include "resp/reply.h"

#include "base/check.h"
#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A sign, a number, "\r\n". */
#define HEADER_SIZE_MAX (1 + NUMBER_TEXT_SIZE + 2)
/* The header of an aggregate of less than ten items: what a deferred one reserves. */
#define DEFERRED_HEADER_SIZE 4
#define KEPT_BYTES_MAX       (256 * 1024)
#define KEPT_REFERENCES_MAX  64
/* A double as "%.17g": sign, 17 digits, point, "e-308", NUL. */
#define DOUBLE_TEXT_SIZE 32

void reply_init(struct reply *reply)
{
    *reply = (struct reply){.size_max = SIZE_MAX, .protocol = 2};
}

bool reply_is_copied(const struct reply_reference *reference)
{
    return reference->release == free;
}

void reply_copy_reference(struct reply *reply, struct reply_reference *reference, char *copy)
{
    CHECK(!reply_is_copied(reference));
    if (reference->release != NULL) {
        reference->release(reference->owner);
    }
    reference->slice.data = copy;
    reference->release = free;
    reference->owner = copy;
    reply->copied_bytes += reference->slice.size;
}

void reply_release_reference(struct reply *reply, const struct reply_reference *reference)
{
    CHECK(reply->referenced_bytes >= reference->slice.size);
    reply->referenced_bytes -= reference->slice.size;
    if (reply_is_copied(reference)) {
        CHECK(reply->copied_bytes >= reference->slice.size);
        reply->copied_bytes -= reference->slice.size;
    }
    if (reference->release != NULL) {
        reference->release(reference->owner);
    }
}

static void release_from(struct reply *reply, size_t first)
{
    for (size_t i = first; i < reply->reference_count; i++) {
        reply_release_reference(reply, &reply->references[i]);
    }
    reply->reference_count = first;
}

static void free_references(struct reply *reply)
{
    free(reply->references);
    reply->references = NULL;
    reply->reference_capacity = 0;
}

void reply_deinit(struct reply *reply)
{
    release_from(reply, 0);
    free_references(reply);
    buffer_deinit(&reply->bytes);
}

void reply_clear(struct reply *reply)
{
    release_from(reply, 0);
    if (reply->reference_capacity > KEPT_REFERENCES_MAX) {
        free_references(reply);
    }
    if (reply->bytes.capacity > KEPT_BYTES_MAX) {
        buffer_deinit(&reply->bytes);
    }
    reply->bytes.size = 0;
    reply->failed = false;
    reply->too_long = false;
}

void reply_rewind(struct reply *reply, struct reply_mark mark)
{
    CHECK(mark.bytes <= reply->bytes.size && mark.references <= reply->reference_count);
    release_from(reply, mark.references);
    reply->bytes.size = mark.bytes;
    reply->failed = mark.failed;
    reply->too_long = reply->too_long && mark.failed;
}

/* --- writing --------------------------------------------------------------------------------- */

static bool is_too_long(const struct reply *reply)
{
    return reply->bytes.size + reply->referenced_bytes > reply->size_max;
}

/* What reserve() does where there is no room, or must be none: not inlined, being rare. */
static __attribute__((noinline)) bool make_room(struct reply *reply, size_t size)
{
    if (!reply->failed) {
        reply->too_long = is_too_long(reply);
        reply->failed = reply->too_long || buffer_reserve(&reply->bytes, size) != STATUS_OK;
    }
    return !reply->failed;
}

/* Room for `size` bytes, or NULL: then the reply has failed. */
static inline char *reserve(struct reply *reply, size_t size)
{
    bool has_room = !reply->failed && !is_too_long(reply) && buffer_has_room(&reply->bytes, size);
    return has_room || make_room(reply, size) ? reply->bytes.data + reply->bytes.size : NULL;
}

/* Ends what was written from reserve() on: `end` is behind the last byte. */
static inline void commit(struct reply *reply, const char *end)
{
    reply->bytes.size = (size_t)(end - reply->bytes.data);
    CHECK(reply->bytes.size <= reply->bytes.capacity);
}

static inline char *put(char *at, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(at, data, size);
    }
    return at + size;
}

/* Of a number below 1000, as most are. */
static inline char *put_few_digits(char *at, unsigned number)
{
    if (number < 10) {
        *at = (char)('0' + number);
        return at + 1;
    }
    if (number >= 100) {
        *at++ = (char)('0' + number / 100);
    }
    return put(at, number_pair(number % 100), 2);
}

static inline char *put_header(char *at, char sign, int64_t value)
{
    *at++ = sign;
    if (value >= 0 && value < 1000) {
        at = put_few_digits(at, (unsigned)value);
    } else {
        at += number_format(at, value);
    }
    return put(at, "\r\n", 2);
}

static void write_header(struct reply *reply, char sign, int64_t value)
{
    char *at = reserve(reply, HEADER_SIZE_MAX);
    if (at != NULL) {
        commit(reply, put_header(at, sign, value));
    }
}

/* A sign, a text, "\r\n". */
static void write_line(struct reply *reply, char sign, const char *text, size_t size)
{
    char *at = reserve(reply, size + 3);
    if (at == NULL) {
        return;
    }
    *at = sign;
    commit(reply, put(put(at + 1, text, size), "\r\n", 2));
}

void reply_raw(struct reply *reply, struct slice encoded)
{
    char *at = reserve(reply, encoded.size);
    if (at != NULL) {
        commit(reply, put(at, encoded.data, encoded.size));
    }
}

static bool is_resp3(const struct reply *reply)
{
    return reply->protocol >= 3;
}

/* --- simple strings and errors --------------------------------------------------------------- */

void reply_simple(struct reply *reply, const char *text)
{
    write_line(reply, '+', text, strlen(text));
}

void reply_ok(struct reply *reply)
{
    reply_raw(reply, SLICE_LITERAL("+OK\r\n"));
}

void reply_pong(struct reply *reply)
{
    reply_raw(reply, SLICE_LITERAL("+PONG\r\n"));
}

static void write_error(struct reply *reply, const char *text, size_t size)
{
    size_t start = reply->bytes.size;
    write_line(reply, '-', text, size);
    if (reply->failed) {
        return;
    }
    char *written = reply->bytes.data + start + 1;
    for (size_t i = 0; i < size; i++) {
        if (written[i] == '\r' || written[i] == '\n') {
            written[i] = ' ';
        }
    }
}

void reply_error(struct reply *reply, const char *text)
{
    write_error(reply, text, strlen(text));
}

/* Redis drops line ends at the end of an error that it formats, and blanks out the others. */
static size_t size_without_line_end(const char *text, size_t size)
{
    while (size > 0 && (text[size - 1] == '\r' || text[size - 1] == '\n')) {
        size--;
    }
    return size;
}

void reply_error_format(struct reply *reply, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    size_t size = (size_t)length;
    if (size < sizeof(text)) {
        write_error(reply, text, size_without_line_end(text, size));
    } else {
        char *longer = malloc(size + 1);
        if (longer == NULL) {
            reply->failed = true;
        } else {
            (void)vsnprintf(longer, size + 1, format, again);
            write_error(reply, longer, size_without_line_end(longer, size));
        }
        free(longer);
    }
    va_end(again);
}

/* --- numbers and strings --------------------------------------------------------------------- */

void reply_integer(struct reply *reply, int64_t value)
{
    write_header(reply, ':', value);
}

void reply_bulk_begin(struct reply *reply, size_t size)
{
    if (size > SIZE_MAX / 4) {
        reply->failed = true;
        return;
    }
    char *at = reserve(reply, HEADER_SIZE_MAX + size + 2);
    if (at != NULL) {
        commit(reply, put_header(at, '$', (int64_t)size));
    }
}

char *reply_extend(struct reply *reply, size_t size)
{
    char *at = reserve(reply, size);
    if (at != NULL) {
        commit(reply, at + size);
    }
    return at;
}

void reply_bulk(struct reply *reply, struct slice slice)
{
    if (slice.size > SIZE_MAX / 4) {
        reply->failed = true;
        return;
    }
    char *at = reserve(reply, HEADER_SIZE_MAX + slice.size + 2);
    if (at == NULL) {
        return;
    }
    at = put_header(at, '$', (int64_t)slice.size);
    at = put(at, slice.data, slice.size);
    commit(reply, put(at, "\r\n", 2));
}

void reply_bulk_string(struct reply *reply, const char *string)
{
    reply_bulk(reply, slice_of_string(string));
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    char text[NUMBER_TEXT_SIZE];
    reply_bulk(reply, slice_make(text, number_format(text, value)));
}

static bool reserve_reference(struct reply *reply)
{
    if (reply->reference_count < reply->reference_capacity) {
        return true;
    }
    size_t capacity = reply->reference_capacity == 0 ? 4 : reply->reference_capacity * 2;
    struct reply_reference *references =
        realloc(reply->references, capacity * sizeof(*reply->references));
    if (references == NULL) {
        reply->failed = true;
        return false;
    }
    reply->references = references;
    reply->reference_capacity = capacity;
    return true;
}

void reply_bulk_reference(struct reply *reply, struct slice slice, void (*release)(void *owner),
                          void *owner)
{
    char *at = reserve(reply, HEADER_SIZE_MAX + 2);
    if (at == NULL || !reserve_reference(reply)) {
        if (release != NULL) {
            release(owner);
        }
        return;
    }
    at = put_header(at, '$', (int64_t)slice.size);
    reply->references[reply->reference_count++] = (struct reply_reference){
        .position = (size_t)(at - reply->bytes.data),
        .slice = slice,
        .release = release,
        .owner = owner,
    };
    reply->referenced_bytes += slice.size;
    commit(reply, put(at, "\r\n", 2));
}

void reply_null(struct reply *reply)
{
    reply_raw(reply, is_resp3(reply) ? SLICE_LITERAL("_\r\n") : SLICE_LITERAL("$-1\r\n"));
}

void reply_null_array(struct reply *reply)
{
    reply_raw(reply, is_resp3(reply) ? SLICE_LITERAL("_\r\n") : SLICE_LITERAL("*-1\r\n"));
}

void reply_bool(struct reply *reply, bool value)
{
    if (is_resp3(reply)) {
        reply_raw(reply, value ? SLICE_LITERAL("#t\r\n") : SLICE_LITERAL("#f\r\n"));
    } else {
        reply_integer(reply, value ? 1 : 0);
    }
}

void reply_double(struct reply *reply, double value)
{
    char text[DOUBLE_TEXT_SIZE];
    int length = snprintf(text, sizeof(text), "%.17g", value);
    CHECK(length > 0 && (size_t)length < sizeof(text));
    if (is_resp3(reply)) {
        write_line(reply, ',', text, (size_t)length);
    } else {
        reply_bulk(reply, slice_make(text, (size_t)length));
    }
}

void reply_verbatim(struct reply *reply, struct slice slice, const char format[3])
{
    if (!is_resp3(reply)) {
        reply_bulk(reply, slice);
        return;
    }
    if (slice.size > SIZE_MAX / 4) {
        reply->failed = true;
        return;
    }
    char *at = reserve(reply, HEADER_SIZE_MAX + 4 + slice.size + 2);
    if (at == NULL) {
        return;
    }
    at = put_header(at, '=', (int64_t)slice.size + 4);
    at = put(put(at, format, 3), ":", 1);
    at = put(at, slice.data, slice.size);
    commit(reply, put(at, "\r\n", 2));
}

/* --- aggregates ------------------------------------------------------------------------------ */

void reply_empty_array(struct reply *reply)
{
    reply_raw(reply, SLICE_LITERAL("*0\r\n"));
}

void reply_array(struct reply *reply, size_t count)
{
    write_header(reply, '*', (int64_t)count);
}

/* The sign and the number that stand for a map in this protocol. */
static char map_header(const struct reply *reply, size_t *count)
{
    if (is_resp3(reply)) {
        return '%';
    }
    *count *= 2;
    return '*';
}

void reply_map(struct reply *reply, size_t pairs)
{
    size_t count = pairs;
    char sign = map_header(reply, &count);
    write_header(reply, sign, (int64_t)count);
}

void reply_set(struct reply *reply, size_t count)
{
    write_header(reply, is_resp3(reply) ? '~' : '*', (int64_t)count);
}

void reply_push(struct reply *reply, size_t count)
{
    write_header(reply, is_resp3(reply) ? '>' : '*', (int64_t)count);
}

struct reply_mark reply_deferred_begin(struct reply *reply)
{
    struct reply_mark mark = reply_mark(reply);
    write_header(reply, '*', 0);
    return mark;
}

/* Puts the true header in the place of "*0\r\n"; what follows moves if the number is longer. */
static void fill_header(struct reply *reply, struct reply_mark mark, char sign, size_t count)
{
    char header[HEADER_SIZE_MAX];
    size_t size = (size_t)(put_header(header, sign, (int64_t)count) - header);
    size_t extra = size - DEFERRED_HEADER_SIZE;
    if (reserve(reply, extra) == NULL) {
        return;
    }
    char *start = reply->bytes.data + mark.bytes;
    size_t tail = reply->bytes.size - mark.bytes - DEFERRED_HEADER_SIZE;
    if (extra > 0) {
        memmove(start + size, start + DEFERRED_HEADER_SIZE, tail);
    }
    memcpy(start, header, size);
    reply->bytes.size += extra;
    for (size_t i = mark.references; i < reply->reference_count; i++) {
        reply->references[i].position += extra;
    }
}

void reply_deferred_array(struct reply *reply, struct reply_mark mark, size_t count)
{
    fill_header(reply, mark, '*', count);
}

void reply_deferred_map(struct reply *reply, struct reply_mark mark, size_t pairs)
{
    size_t count = pairs;
    char sign = map_header(reply, &count);
    fill_header(reply, mark, sign, count);
}

void reply_deferred_set(struct reply *reply, struct reply_mark mark, size_t count)
{
    fill_header(reply, mark, is_resp3(reply) ? '~' : '*', count);
}
