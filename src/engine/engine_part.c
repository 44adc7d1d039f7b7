/* engine_part.c - values by parts: see engine.h and engine_part.h. */
#include "engine/engine_part.h"

#include "engine/engine_state.h"
#include "engine/lookup.h"
#include "engine/mapped_record.h"

#include <stdlib.h>

/* What was never written. In memory that is zero from the start, so that no file has it. */
static uint8_t zeros[1 << PIECES_SHIFT_MAX];

/* A part that was put together. */
struct part_buffer {
    struct part_buffer *next;
    char bytes[];
};

/* --- one piece ---------------------------------------------------------------------------- */

static bool is_that_piece(const struct record *record, const struct pieces *pieces,
                          uint64_t ordinal, uint64_t sequence)
{
    return record->kind == RECORD_PIECED && record->pieces_id == pieces->id &&
           record->keyspace_id == pieces->keyspace_id && record->place == ordinal &&
           record->sequence == sequence && record->value.size <= (uint64_t)1 << pieces->shape.shift;
}

enum status engine_part_piece_locked(struct engine *engine, const struct pieces *pieces,
                                     uint64_t ordinal, struct slice *out)
{
    const struct piece piece = pieces_get(pieces, ordinal);
    if (piece.address == 0) {
        *out = slice_make(NULL, 0);
        return piece.sequence == 0 ? STATUS_OK : STATUS_CORRUPT;
    }
    const struct record_address address = {.units = piece.address};
    const struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    uint64_t available;
    bool mapped;
    const uint8_t *bytes = appender_bytes_locked(engine, segment, offset, &available, &mapped);
    struct record record;
    enum status status = mapped ? mapped_record_decode(bytes, available, segment->seed, &record)
                                : record_decode_whole(bytes, available, segment->seed, &record);
    if (status == STATUS_OK && !is_that_piece(&record, pieces, ordinal, piece.sequence)) {
        status = STATUS_CORRUPT;
    }
    uint64_t position = lookup_position(segment, offset, (uint64_t)piece.units * SEGMENT_UNIT_SIZE);
    if (position > engine->rest_position) {
        engine->rest_position = position;
    }
    if (status != STATUS_OK) {
        lookup_report_locked(engine, segment, offset, status);
        return status;
    }
    *out = record.value;
    return STATUS_OK;
}

/* --- slice by slice ----------------------------------------------------------------------- */

static uint64_t end_of(const struct entry *entry, uint64_t offset, uint64_t size)
{
    if (offset >= entry->size) {
        return offset;
    }
    return size < entry->size - offset ? offset + size : entry->size;
}

/* Who takes a part. IO: the part, which was verified, can't be read any more. */
struct part_taker {
    enum status (*take)(void *context, struct slice part);
    void *context;
};

/* Hands on [from, to) of a piece of which `bytes` is what was written. */
static enum status take_piece(struct slice bytes, size_t from, size_t to,
                              const struct part_taker *taker)
{
    size_t written = bytes.size < to ? bytes.size : to;
    enum status status = STATUS_OK;
    if (from < written) {
        status = taker->take(taker->context, slice_make(bytes.data + from, written - from));
        from = written;
    }
    if (status == STATUS_OK && from < to) {
        status = taker->take(taker->context, slice_make((const char *)zeros, to - from));
    }
    return status;
}

static void report_piece(struct engine *engine, struct piece piece, enum status status)
{
    const struct record_address address = {.units = piece.address};
    const struct segment *segment = segment_table_find(&engine->segments, address);
    lookup_report_locked(engine, segment, segment_offset_of(&engine->segments, segment, address),
                         status);
}

static enum status each_piece(struct engine *engine, const struct entry *entry, uint64_t offset,
                              uint64_t end, const struct part_taker *taker)
{
    unsigned shift = entry->pieces->shape.shift;
    uint64_t piece_size = (uint64_t)1 << shift;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && offset < end) {
        uint64_t start = offset >> shift << shift;
        uint64_t to = end - start < piece_size ? end - start : piece_size;
        struct slice bytes;
        status = engine_part_piece_locked(engine, entry->pieces, offset >> shift, &bytes);
        if (status == STATUS_OK) {
            status = take_piece(bytes, (size_t)(offset - start), (size_t)to, taker);
            if (status != STATUS_OK) {
                report_piece(engine, pieces_get(entry->pieces, offset >> shift), status);
            }
        }
        offset = start + to;
    }
    return status;
}

static enum status each_part(struct engine *engine, const struct entry *entry, uint64_t offset,
                             uint64_t size, const struct part_taker *taker)
{
    uint64_t end = end_of(entry, offset, size);
    if (offset == end) {
        return STATUS_OK;
    }
    if (!entry_is_whole(entry)) {
        return each_piece(engine, entry, offset, end, taker);
    }
    enum status status =
        engine_verify_locked(engine, entry, (size_t)offset, (size_t)(end - offset));
    if (status != STATUS_OK) {
        return status;
    }
    status =
        taker->take(taker->context, slice_make(entry->value.data + offset, (size_t)(end - offset)));
    if (status != STATUS_OK) {
        lookup_report_locked(engine, entry->segment,
                             (uint64_t)(entry->record - entry->segment->mapping), status);
    }
    return status;
}

static enum status pass_over(void *context, struct slice part)
{
    (void)context;
    (void)part;
    return STATUS_OK;
}

enum status engine_part_verify_locked(struct engine *engine, const struct entry *entry,
                                      uint64_t offset, uint64_t size)
{
    const struct part_taker taker = {.take = pass_over};
    return each_part(engine, entry, offset, size, &taker);
}

/* --- in one ------------------------------------------------------------------------------- */

static enum status append_part(void *context, struct slice part)
{
    char **next = context;
    enum status status = mapped_record_copy(*next, part.data, part.size);
    *next += part.size;
    return status;
}

enum status engine_part_copy_locked(struct engine *engine, const struct entry *entry,
                                    uint64_t offset, uint64_t size, char *into)
{
    const struct part_taker taker = {.take = append_part, .context = &into};
    return each_part(engine, entry, offset, size, &taker);
}

static enum status put_together(struct engine *engine, const struct entry *entry, uint64_t offset,
                                uint64_t size, struct slice *out)
{
    struct part_buffer *buffer = malloc(sizeof(*buffer) + (size_t)size);
    if (buffer == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = engine_part_copy_locked(engine, entry, offset, size, buffer->bytes);
    if (status != STATUS_OK) {
        free(buffer);
        return status;
    }
    buffer->next = engine->part_buffers;
    engine->part_buffers = buffer;
    *out = slice_make(buffer->bytes, (size_t)size);
    return STATUS_OK;
}

static enum status take_part(void *context, struct slice part)
{
    *(struct slice *)context = part;
    return STATUS_OK;
}

enum status engine_part_locked(struct engine *engine, const struct entry *entry, uint64_t offset,
                               uint64_t size, struct slice *out)
{
    size = end_of(entry, offset, size) - offset;
    /* A small value was verified together with its key a moment ago. Everything else is copied,
     * wherever it lies: it could leave memory again while it is looked at, and the disk fail. */
    if (size > 0 && !entry->is_verified) {
        return put_together(engine, entry, offset, size, out);
    }
    struct slice part = slice_make("", 0); /* not NULL, so that it can be copied like others */
    const struct part_taker taker = {.take = take_part, .context = &part};
    enum status status = each_part(engine, entry, offset, size, &taker);
    if (status == STATUS_OK) {
        *out = part;
    }
    return status;
}

/* --- one behind the other ----------------------------------------------------------------- */

enum status engine_each_part_locked(struct engine *engine, const struct entry *entry,
                                    uint64_t offset, uint64_t size,
                                    const struct part_visitor *visitor)
{
    char copy[RECORD_VALUE_BLOCK_SIZE]; /* as much at a time as one checksum covers */
    uint64_t end = end_of(entry, offset, size);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && offset < end) {
        size_t part_size = sizeof(copy) - (size_t)(offset % sizeof(copy));
        part_size = part_size < end - offset ? part_size : (size_t)(end - offset);
        status = engine_part_copy_locked(engine, entry, offset, part_size, copy);
        if (status == STATUS_OK) {
            visitor->visit(visitor->context, slice_make(copy, part_size));
        }
        offset += part_size;
    }
    return status;
}

/* --- the end ------------------------------------------------------------------------------ */

void engine_part_purge_locked(struct engine *engine)
{
    engine->unreadable.status = STATUS_OK;
    while (engine->part_buffers != NULL) {
        struct part_buffer *buffer = engine->part_buffers;
        engine->part_buffers = buffer->next;
        free(buffer);
    }
    while (engine->dead_pieces != NULL) {
        struct pieces *pieces = engine->dead_pieces;
        engine->dead_pieces = pieces->next;
        pieces_free(pieces);
    }
}
