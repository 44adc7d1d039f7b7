/*
 * tail.h - the end of the log that may not be in its file yet, in memory.
 *
 * A list of chunks in log order. A chunk holds the bytes of one stretch of one segment; its bytes
 * never move and never change once written by the appender, so a record in it can be read while
 * others are appended. A stretch that was written straight to its file (a large value) is a chunk
 * without memory: it keeps the list without gaps.
 *
 * Threads: all calls want the execution lock. The bytes of a chunk that stand before a position
 * that was seen under the lock may be read without it by the one thread that holds the write mutex,
 * because chunks are only retired by that thread (tail_retire).
 */
#ifndef SCDB_ENGINE_TAIL_H
#define SCDB_ENGINE_TAIL_H

#include "base/status.h"
#include "engine/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAIL_CHUNK_SIZE      ((size_t)256 * 1024)
#define TAIL_SPARE_COUNT_MAX 8

struct tail_chunk {
    struct tail_chunk *next;
    struct segment *segment; /* referenced */
    uint64_t offset;         /* in the segment, of the first byte */
    size_t size;             /* bytes used */
    size_t capacity; /* TAIL_CHUNK_SIZE or more; 0 = the bytes are in the file, and not here */
    uint8_t *data;   /* owned; NULL when capacity is 0 */
};

struct tail {
    struct tail_chunk *first;
    struct tail_chunk *last;  /* the one that is appended to */
    struct tail_chunk *spare; /* of TAIL_CHUNK_SIZE or more, for the next ones */
    size_t spare_count;
    struct tail_chunk *spare_pass; /* without memory, for the next tail_pass() */
    struct tail_chunk *set_aside;  /* see tail_set_aside() */
};

void tail_init(struct tail *tail);
void tail_deinit(struct tail *tail);

/* Makes sure that tail_begin_chunk() can't fail, and that the chunk has room for `size` bytes. */
enum status tail_prepare_chunk(struct tail *tail, size_t size) MUST_CHECK;

/* Begins a chunk at (segment, offset), which was prepared. */
void tail_begin_chunk(struct tail *tail, struct segment *segment, uint64_t offset);

/* Does the last chunk end at (segment, offset), with room for `size` more? */
static inline bool tail_has_room(const struct tail *tail, const struct segment *segment,
                                 uint64_t offset, size_t size)
{
    const struct tail_chunk *last = tail->last;
    return last != NULL && last->capacity > 0 && last->segment == segment &&
           last->offset + last->size == offset && last->capacity - last->size >= size;
}

/* Makes sure that `size` bytes can be appended in one piece at (segment, offset), which is the end
 * of the log: in a chunk of their own when they are more than TAIL_CHUNK_SIZE. NO_MEMORY: nothing
 * has changed. */
static inline MUST_CHECK enum status tail_prepare(struct tail *tail, const struct segment *segment,
                                                  uint64_t offset, size_t size)
{
    return tail_has_room(tail, segment, offset, size) ? STATUS_OK : tail_prepare_chunk(tail, size);
}

/* Sets memory for `size` bytes in one piece aside, which no other bytes take, so that to prepare
 * them can't fail when they are the next after tail_bring_back(). NO_MEMORY: nothing has changed.
 */
enum status tail_set_aside(struct tail *tail, size_t size) MUST_CHECK;

/* What is set aside, if anything is, can be used again; or is given up, when it was for nothing. */
void tail_bring_back(struct tail *tail);
void tail_give_up(struct tail *tail);

/* Where tail_extend() will put the next bytes at (segment, offset): `size` have been prepared. They
 * may be filled in before, and are nobody's until then. */
static inline uint8_t *tail_next(const struct tail *tail, const struct segment *segment,
                                 uint64_t offset, size_t size)
{
    return tail_has_room(tail, segment, offset, size) ? tail->last->data + tail->last->size
                                                      : tail->spare->data;
}

/* The memory of the next `size` bytes at (segment, offset), which have been prepared; the caller
 * fills them before it releases the lock. */
static inline uint8_t *tail_extend(struct tail *tail, struct segment *segment, uint64_t offset,
                                   size_t size)
{
    if (!tail_has_room(tail, segment, offset, size)) {
        tail_begin_chunk(tail, segment, offset);
    }
    uint8_t *data = tail->last->data + tail->last->size;
    tail->last->size += size;
    return data;
}

/* Makes sure that tail_pass() can't fail. NO_MEMORY: nothing has changed. */
enum status tail_prepare_pass(struct tail *tail) MUST_CHECK;

/* Notes that the next `size` bytes were written to the file already. */
void tail_pass(struct tail *tail, struct segment *segment, uint64_t offset, size_t size);

/* Where the bytes at (segment, offset) lie in memory, and how many follow in one piece; NULL when
 * they are in the file. */
const uint8_t *tail_find(const struct tail *tail, const struct segment *segment, uint64_t offset,
                         uint64_t *available);

/* Frees the chunks that lie wholly before `written` (a position, engine.h), but not the one that
 * can still be appended to. Write mutex held, too. */
void tail_retire(struct tail *tail, uint64_t written);

static inline uint64_t tail_chunk_position(const struct tail_chunk *chunk)
{
    return chunk->segment->base_position + chunk->offset;
}

#endif
