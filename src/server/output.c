/* output.c - see output.h. */
#include "server/output.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PIECES_MAX     64
#define SEND_SIZE_MAX  ((size_t)4 << 20) /* a turn of the others must not wait for one client */
#define SHIFT_SIZE_MIN ((size_t)64 << 10)

/* --- what may leave ------------------------------------------------------------------------- */

static bool reserve_mark(struct output *output)
{
    if (output->mark_count < output->mark_capacity) {
        return true;
    }
    size_t capacity = output->mark_capacity == 0 ? 4 : output->mark_capacity * 2;
    struct output_mark *marks = realloc(output->marks, capacity * sizeof(*marks));
    if (marks == NULL) {
        return false;
    }
    output->marks = marks;
    output->mark_capacity = capacity;
    return true;
}

static struct output_mark *last_mark(const struct output *output)
{
    return output->mark_count == 0 ? NULL : &output->marks[output->mark_count - 1];
}

/* Where the bytes end that the first `count` marks, or none, let go. */
static size_t end_of(const struct output *output, size_t count)
{
    return count == 0 ? output->free_end : output->marks[count - 1].end;
}

/* Does nothing stand between the last mark and what goes before it? */
static bool is_last_empty(const struct output *output)
{
    return end_of(output, output->mark_count) == end_of(output, output->mark_count - 1);
}

enum status output_add_mark(struct output *output, const struct reply *reply, uint64_t position,
                            bool has_written)
{
    size_t end = reply->bytes.size;
    struct output_mark *last = last_mark(output);
    CHECK(end >= end_of(output, output->mark_count));
    if (last == NULL && position == 0) {
        output->free_end = end;
        return STATUS_OK;
    }
    if (last != NULL && (last->position >= position || is_last_empty(output))) {
        last->end = end;
        last->position = last->position > position ? last->position : position;
        last->has_written |= has_written;
        return STATUS_OK;
    }
    if (!reserve_mark(output)) {
        return STATUS_NO_MEMORY;
    }
    output->marks[output->mark_count++] =
        (struct output_mark){.end = end, .position = position, .has_written = has_written};
    return STATUS_OK;
}

bool output_release_marks(struct output *output, output_may_leave *may_leave, void *context,
                          bool *failed)
{
    size_t released = 0;
    while (released < output->mark_count && may_leave(context, &output->marks[released], failed)) {
        output->free_end = output->marks[released].end;
        released++;
    }
    if (released == output->mark_count) {
        free(output->marks);
        output->marks = NULL;
        output->mark_count = 0;
        output->mark_capacity = 0;
        return true;
    }
    output->mark_count -= released;
    memmove(output->marks, output->marks + released, output->mark_count * sizeof(*output->marks));
    return false;
}

/* --- sending -------------------------------------------------------------------------------- */

struct pieces {
    struct iovec items[PIECES_MAX];
    size_t count;
    size_t size;
};

static bool add_piece(struct pieces *pieces, const char *data, size_t size)
{
    if (size > 0) {
        pieces->items[pieces->count].iov_base = (void *)(uintptr_t)data;
        pieces->items[pieces->count].iov_len = size;
        pieces->count++;
        pieces->size += size;
    }
    return pieces->count < PIECES_MAX && pieces->size < SEND_SIZE_MAX;
}

static void gather(const struct output *output, const struct reply *reply, struct pieces *pieces)
{
    CHECK(output->bytes_sent <= output->free_end && output->free_end <= reply->bytes.size);
    pieces->count = 0; /* not all of it: a kilobyte of zeros for each reply would be felt */
    pieces->size = 0;
    size_t at = output->bytes_sent;
    size_t offset = output->reference_offset;
    for (size_t i = output->references_sent; i < reply->reference_count; i++) {
        const struct reply_reference *reference = &reply->references[i];
        if (reference->position >= output->free_end) {
            break;
        }
        if (!add_piece(pieces, reply->bytes.data + at, reference->position - at) ||
            !add_piece(pieces, reference->slice.data + offset, reference->slice.size - offset)) {
            return;
        }
        at = reference->position;
        offset = 0;
    }
    if (at < output->free_end) {
        (void)add_piece(pieces, reply->bytes.data + at, output->free_end - at);
    }
}

void output_deinit(struct output *output, struct reply *reply)
{
    for (size_t i = output->references_sent; i < reply->reference_count; i++) {
        reply_release_reference(reply, &reply->references[i]);
    }
    reply->reference_count = 0;
    reply_deinit(reply);
    free(output->marks);
    *output = (struct output){0};
}

/* Notes that `size` more bytes were sent. */
static void advance(struct output *output, struct reply *reply, size_t size)
{
    while (size > 0 || output->references_sent < reply->reference_count) {
        const struct reply_reference *reference = output->references_sent < reply->reference_count
                                                      ? &reply->references[output->references_sent]
                                                      : NULL;
        size_t until = reference == NULL ? reply->bytes.size : reference->position;
        size_t plain = until - output->bytes_sent;
        size_t taken = size < plain ? size : plain;
        output->bytes_sent += taken;
        size -= taken;
        if (reference == NULL || output->bytes_sent < until) {
            CHECK(size == 0);
            return;
        }
        size_t left = reference->slice.size - output->reference_offset;
        taken = size < left ? size : left;
        output->reference_offset += taken;
        size -= taken;
        if (taken < left) {
            return;
        }
        reply_release_reference(reply, reference);
        output->references_sent++;
        output->reference_offset = 0;
    }
}

/* Drops what was sent from the front, when it is much: replies that never run dry must not grow. */
static void shift(struct output *output, struct reply *reply)
{
    size_t sent = output->bytes_sent;
    if (sent < SHIFT_SIZE_MIN || sent < reply->bytes.size / 2) {
        return;
    }
    buffer_consume(&reply->bytes, sent);
    reply->reference_count -= output->references_sent;
    if (reply->reference_count > 0) {
        memmove(reply->references, reply->references + output->references_sent,
                reply->reference_count * sizeof(*reply->references));
    }
    for (size_t i = 0; i < reply->reference_count; i++) {
        reply->references[i].position -= sent;
    }
    for (size_t i = 0; i < output->mark_count; i++) {
        output->marks[i].end -= sent;
    }
    output->free_end -= sent;
    output->bytes_sent = 0;
    output->references_sent = 0;
}

/* All is sent. A mark that is left stands for no bytes, and holds those that follow. */
static void clear(struct output *output, struct reply *reply)
{
    CHECK(output->mark_count <= 1 && end_of(output, output->mark_count) == output->bytes_sent);
    for (size_t i = 0; i < output->mark_count; i++) {
        output->marks[i].end = 0;
    }
    reply->reference_count = 0; /* All of them are released. */
    reply_clear(reply);
    output->bytes_sent = 0;
    output->references_sent = 0;
    output->reference_offset = 0;
    output->free_end = 0;
}

bool output_is_empty(const struct output *output, const struct reply *reply)
{
    return output->bytes_sent == reply->bytes.size;
}

enum output_result output_send(struct output *output, struct reply *reply, int descriptor,
                               uint64_t *sent_bytes)
{
    struct pieces pieces;
    gather(output, reply, &pieces);
    if (pieces.size == 0) {
        return OUTPUT_SENT;
    }
    ssize_t size;
    do {
        struct msghdr header = {.msg_iov = pieces.items, .msg_iovlen = pieces.count};
        size = pieces.count == 1
                   ? send(descriptor, pieces.items[0].iov_base, pieces.size, MSG_NOSIGNAL)
                   : sendmsg(descriptor, &header, MSG_NOSIGNAL);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? OUTPUT_BLOCKED : OUTPUT_CLOSED;
    }
    *sent_bytes += (uint64_t)size;
    advance(output, reply, (size_t)size);
    if (output_is_empty(output, reply)) {
        clear(output, reply);
        return OUTPUT_SENT;
    }
    bool done = output->bytes_sent == output->free_end;
    shift(output, reply);
    return done ? OUTPUT_SENT : OUTPUT_BLOCKED;
}

size_t output_sent(const struct output *output)
{
    return output->bytes_sent + output->reference_offset;
}

size_t output_pending(const struct output *output, const struct reply *reply)
{
    return reply->bytes.size + reply->referenced_bytes - output_sent(output);
}

size_t output_memory(const struct output *output, const struct reply *reply)
{
    return reply->bytes.capacity + reply->copied_bytes +
           reply->reference_capacity * sizeof(*reply->references) +
           output->mark_capacity * sizeof(*output->marks);
}
