/* buffer.c - see buffer.h. */
#include "base/buffer.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>

#define BUFFER_SIZE_MIN 64

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer);
}

static enum status buffer_resize(struct buffer *buffer, size_t capacity)
{
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        return STATUS_NO_MEMORY;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return STATUS_OK;
}

enum status buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (buffer_has_room(buffer, extra)) {
        return STATUS_OK;
    }
    if (extra > SIZE_MAX / 2 - buffer->size) {
        return STATUS_NO_MEMORY;
    }
    size_t wanted = buffer->size + extra;
    size_t grown = buffer->capacity + buffer->capacity / 2;
    size_t capacity = wanted > grown ? wanted : grown;
    return buffer_resize(buffer, capacity < BUFFER_SIZE_MIN ? BUFFER_SIZE_MIN : capacity);
}

enum status buffer_reserve_exact(struct buffer *buffer, size_t extra)
{
    if (buffer_has_room(buffer, extra)) {
        return STATUS_OK;
    }
    if (extra > SIZE_MAX / 2 - buffer->size) {
        return STATUS_NO_MEMORY;
    }
    return buffer_resize(buffer, buffer->size + extra);
}

enum status buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    enum status status = buffer_reserve(buffer, size);
    if (status != STATUS_OK) {
        return status;
    }
    if (size > 0) {
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
    return STATUS_OK;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    CHECK(size <= buffer->size);
    buffer->size -= size;
    if (size > 0 && buffer->size > 0) {
        memmove(buffer->data, buffer->data + size, buffer->size);
    }
}
