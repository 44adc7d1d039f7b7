/* tail.c - see tail.h. */
#include "engine/tail.h"

#include "base/check.h"

#include <stdlib.h>

void tail_init(struct tail *tail)
{
    *tail = (struct tail){0};
}

static void chunk_free(struct tail_chunk *chunk)
{
    if (chunk->segment != NULL) {
        segment_unreference(chunk->segment);
    }
    free(chunk->data);
    free(chunk);
}

static void chunk_list_free(struct tail_chunk *chunk)
{
    while (chunk != NULL) {
        struct tail_chunk *next = chunk->next;
        chunk_free(chunk);
        chunk = next;
    }
}

void tail_deinit(struct tail *tail)
{
    chunk_list_free(tail->first);
    chunk_list_free(tail->spare);
    chunk_list_free(tail->spare_pass);
    chunk_list_free(tail->set_aside);
    tail_init(tail);
}

static struct tail_chunk *chunk_new(size_t capacity)
{
    struct tail_chunk *chunk = calloc(1, sizeof(*chunk));
    if (chunk == NULL) {
        return NULL;
    }
    if (capacity > 0) {
        chunk->data = malloc(capacity);
        if (chunk->data == NULL) {
            free(chunk);
            return NULL;
        }
    }
    chunk->capacity = capacity;
    return chunk;
}

static struct tail_chunk *chunk_take(struct tail *tail)
{
    struct tail_chunk *chunk = tail->spare;
    CHECK(chunk != NULL);
    tail->spare = chunk->next;
    tail->spare_count--;
    return chunk;
}

/* It is the next to be taken. */
static void add_spare(struct tail *tail, struct tail_chunk *chunk)
{
    chunk->next = tail->spare;
    tail->spare = chunk;
    tail->spare_count++;
}

static void chunk_give_back(struct tail *tail, struct tail_chunk *chunk)
{
    if (chunk->capacity != TAIL_CHUNK_SIZE || tail->spare_count >= TAIL_SPARE_COUNT_MAX) {
        chunk_free(chunk);
        return;
    }
    if (chunk->segment != NULL) {
        segment_unreference(chunk->segment);
        chunk->segment = NULL;
    }
    add_spare(tail, chunk);
}

static void chunk_append(struct tail *tail, struct tail_chunk *chunk, struct segment *segment,
                         uint64_t offset)
{
    chunk->next = NULL;
    segment_reference(segment);
    chunk->segment = segment;
    chunk->offset = offset;
    chunk->size = 0;
    if (tail->last == NULL) {
        tail->first = chunk;
    } else {
        tail->last->next = chunk;
    }
    tail->last = chunk;
    if (segment->tail_from == UINT64_MAX) {
        segment->tail_from = offset;
    }
}

/* The new chunk is put at the head of the spare list, from where tail_extend() takes it: so a
 * preparation that is not used changes nothing. */
enum status tail_prepare_chunk(struct tail *tail, size_t size)
{
    if (size == 0 || (tail->spare != NULL && tail->spare->capacity >= size)) {
        return STATUS_OK;
    }
    struct tail_chunk *chunk = chunk_new(size > TAIL_CHUNK_SIZE ? size : TAIL_CHUNK_SIZE);
    if (chunk == NULL) {
        return STATUS_NO_MEMORY;
    }
    add_spare(tail, chunk);
    return STATUS_OK;
}

enum status tail_set_aside(struct tail *tail, size_t size)
{
    CHECK(tail->set_aside == NULL && size > 0);
    enum status status = tail_prepare_chunk(tail, size);
    if (status == STATUS_OK) {
        tail->set_aside = chunk_take(tail);
        tail->set_aside->next = NULL;
    }
    return status;
}

void tail_bring_back(struct tail *tail)
{
    if (tail->set_aside != NULL) {
        add_spare(tail, tail->set_aside);
        tail->set_aside = NULL;
    }
}

void tail_give_up(struct tail *tail)
{
    if (tail->set_aside != NULL) {
        chunk_give_back(tail, tail->set_aside);
        tail->set_aside = NULL;
    }
}

void tail_begin_chunk(struct tail *tail, struct segment *segment, uint64_t offset)
{
    chunk_append(tail, chunk_take(tail), segment, offset);
}

enum status tail_prepare_pass(struct tail *tail)
{
    if (tail->spare_pass == NULL) {
        tail->spare_pass = chunk_new(0);
    }
    return tail->spare_pass == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void tail_pass(struct tail *tail, struct segment *segment, uint64_t offset, size_t size)
{
    struct tail_chunk *last = tail->last;
    if (last == NULL || last->capacity > 0 || last->segment != segment ||
        last->offset + last->size != offset) {
        CHECK(tail->spare_pass != NULL);
        chunk_append(tail, tail->spare_pass, segment, offset);
        tail->spare_pass = NULL;
    }
    tail->last->size += size;
}

static bool chunk_holds(const struct tail_chunk *chunk, const struct segment *segment,
                        uint64_t offset)
{
    return chunk->segment == segment && offset >= chunk->offset &&
           offset - chunk->offset < chunk->size;
}

const uint8_t *tail_find(const struct tail *tail, const struct segment *segment, uint64_t offset,
                         uint64_t *available)
{
    const struct tail_chunk *chunk = tail->last;
    if (chunk != NULL && !chunk_holds(chunk, segment, offset)) {
        chunk = tail->first;
        while (chunk != NULL && !chunk_holds(chunk, segment, offset)) {
            chunk = chunk->next;
        }
    }
    if (chunk == NULL || chunk->capacity == 0) {
        return NULL;
    }
    *available = chunk->size - (offset - chunk->offset);
    return chunk->data + (offset - chunk->offset);
}

/* The last chunk stays while its segment grows: the next records go there. */
static bool is_in_use(const struct tail *tail, const struct tail_chunk *chunk)
{
    return chunk == tail->last && chunk->capacity > 0 && !chunk->segment->closed;
}

void tail_retire(struct tail *tail, uint64_t written)
{
    while (tail->first != NULL && !is_in_use(tail, tail->first)) {
        struct tail_chunk *chunk = tail->first;
        if (tail_chunk_position(chunk) + chunk->size > written) {
            return;
        }
        tail->first = chunk->next;
        if (tail->first == NULL) {
            tail->last = NULL;
        }
        struct segment *segment = chunk->segment;
        bool goes_on = tail->first != NULL && tail->first->segment == segment;
        segment->tail_from = goes_on ? tail->first->offset : UINT64_MAX;
        chunk_give_back(tail, chunk);
    }
}
