/*
 * buffer.h - bytes that we own, growing as needed.
 *
 * A buffer always owns its memory. An all-zero buffer is valid and empty. Growth that fails leaves
 * the buffer as it was. Not thread-safe: one owner at a time.
 */
#ifndef SCDB_BASE_BUFFER_H
#define SCDB_BASE_BUFFER_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data; /* owned; NULL while capacity is 0 */
    size_t size;
    size_t capacity;
};

void buffer_init(struct buffer *buffer);

/* Frees the memory; the buffer is empty and usable again. */
void buffer_deinit(struct buffer *buffer);

/* Is there room for `extra` more bytes? */
static inline bool buffer_has_room(const struct buffer *buffer, size_t extra)
{
    return extra <= buffer->capacity - buffer->size;
}

/* Makes room for `extra` more bytes, growing by at least half. NO_MEMORY: nothing has changed. */
enum status buffer_reserve(struct buffer *buffer, size_t extra) MUST_CHECK;

/* Like buffer_reserve, but the capacity becomes exactly size + extra: for sizes known ahead. */
enum status buffer_reserve_exact(struct buffer *buffer, size_t extra) MUST_CHECK;

/* Appends a copy of `size` bytes. NO_MEMORY: nothing has changed. */
enum status buffer_append(struct buffer *buffer, const void *data, size_t size) MUST_CHECK;

/* Drops the first `size` bytes and moves the rest to the front. */
void buffer_consume(struct buffer *buffer, size_t size);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_make(buffer->data, buffer->size);
}

#endif
