/* record_scanner.c - see record_scanner.h. */
#include "engine/record_scanner.h"

#include <stdlib.h>
#include <string.h>

/* What record_peek needs to see at most: the fixed header, the expiry, an id and a place. */
#define PEEK_SIZE 72

enum status record_scanner_init_file(struct record_scanner *scanner, struct file *file,
                                     uint64_t seed, uint64_t offset, uint64_t limit)
{
    *scanner = (struct record_scanner){
        .file = file, .seed = seed, .offset = offset, .limit = limit, .want_values = true};
    uint64_t all = limit > offset ? limit - offset : 0;
    scanner->capacity = all < RECORD_SCANNER_BLOCK_SIZE ? (size_t)all : RECORD_SCANNER_BLOCK_SIZE;
    scanner->buffer = malloc(scanner->capacity + 1);
    return scanner->buffer == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status record_scanner_init(struct record_scanner *scanner, const struct segment *segment,
                                uint64_t offset, uint64_t limit, bool want_values)
{
    enum status status =
        record_scanner_init_file(scanner, segment->file, segment->seed, offset, limit);
    scanner->want_values = want_values;
    scanner->mapping = segment->mapping;
    return status;
}

void record_scanner_deinit(struct record_scanner *scanner)
{
    free(scanner->buffer);
    *scanner = (struct record_scanner){0};
}

/* How many bytes from `offset` on are in the buffer. */
static size_t buffered(const struct record_scanner *scanner, uint64_t offset)
{
    uint64_t skipped = offset - scanner->buffer_offset; /* huge when it lies before the buffer */
    return skipped < scanner->buffer_size ? scanner->buffer_size - (size_t)skipped : 0;
}

static enum status grow_buffer(struct record_scanner *scanner, size_t size)
{
    uint8_t *buffer = realloc(scanner->buffer, size);
    if (buffer == NULL) {
        return STATUS_NO_MEMORY;
    }
    scanner->buffer = buffer;
    scanner->capacity = size;
    return STATUS_OK;
}

/* Pages from the one that has `offset` to the one that has the byte before `end`; of a block that
 * has grown, the first ones. */
static size_t pages_between(uint64_t offset, uint64_t end)
{
    uint64_t pages = (end - 1) / FILE_PAGE_SIZE - offset / FILE_PAGE_SIZE + 1;
    return pages < RECORD_SCANNER_BLOCK_PAGES ? (size_t)pages : RECORD_SCANNER_BLOCK_PAGES;
}

/* What is in memory before the block is read, others may be using: it stays. */
static void note_cached(struct record_scanner *scanner, uint64_t offset, size_t size)
{
    if (scanner->mapping == NULL || scanner->keep_cache || size == 0) {
        return;
    }
    uint64_t from = offset / FILE_PAGE_SIZE * FILE_PAGE_SIZE;
    file_find_cached(scanner->file, scanner->mapping + from,
                     pages_between(offset, offset + size) * FILE_PAGE_SIZE, scanner->was_cached);
}

/* What is in the buffer is done with: gives back the memory that reading it took. */
static void drop_block(const struct record_scanner *scanner)
{
    uint64_t offset = scanner->buffer_offset;
    if (scanner->keep_cache || scanner->buffer_size == 0) {
        return;
    }
    if (scanner->mapping == NULL) {
        file_drop_cache(scanner->file, offset, scanner->buffer_size);
        return;
    }
    size_t count = pages_between(offset, offset + scanner->buffer_size);
    uint64_t first = offset / FILE_PAGE_SIZE;
    for (size_t begin = 0, end; begin < count; begin = end + 1) {
        for (end = begin; end < count && scanner->was_cached[end] == 0; end++) {
        }
        if (end > begin) {
            file_drop_cache(scanner->file, (first + begin) * FILE_PAGE_SIZE,
                            (end - begin) * FILE_PAGE_SIZE);
        }
    }
}

/* Reads a block from `offset` on; what was in the buffer is done with. */
static enum status fill(struct record_scanner *scanner, uint64_t offset)
{
    drop_block(scanner);
    scanner->buffer_size = 0;
    uint64_t left = scanner->limit - offset;
    size_t wanted = left < scanner->capacity ? (size_t)left : scanner->capacity;
    size_t size = 0;
    note_cached(scanner, offset, wanted);
    enum status status = file_read(scanner->file, offset, scanner->buffer, wanted, &size);
    if (status == STATUS_OK) {
        scanner->buffer_offset = offset;
        scanner->buffer_size = size;
    }
    return status;
}

enum status record_scanner_bytes(struct record_scanner *scanner, uint64_t offset, size_t size,
                                 const uint8_t **out, size_t *available)
{
    uint64_t left = offset < scanner->limit ? scanner->limit - offset : 0;
    size_t wanted = size < left ? size : (size_t)left;
    if (buffered(scanner, offset) < wanted) {
        enum status status = STATUS_OK;
        if (wanted > scanner->capacity) {
            status = grow_buffer(scanner, wanted); /* a key of many megabytes */
        }
        if (status == STATUS_OK) {
            status = fill(scanner, offset);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    *available = buffered(scanner, offset);
    *out = scanner->buffer + (*available == 0 ? 0 : offset - scanner->buffer_offset);
    return STATUS_OK;
}

/* Bytes of the record that must be in memory: all of it, or what its header's checksum covers. */
static size_t needed_size(const struct scanned_record *scanned)
{
    const struct record *record = &scanned->record;
    return scanned->has_value
               ? (size_t)scanned->size
               : (size_t)record_head_size(record->key.size, 0, record->expiry_ms != EXPIRY_NONE,
                                          record->kind == RECORD_PIECED);
}

/* Takes the next record apart, with `wanted` bytes of it in the buffer if the file has them. */
static enum status look(struct record_scanner *scanner, size_t wanted, struct scanned_record *out,
                        size_t *available)
{
    enum status status =
        record_scanner_bytes(scanner, scanner->offset, wanted, &out->bytes, available);
    if (status == STATUS_OK && *available < RECORD_HEADER_SIZE) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        status =
            record_peek(out->bytes, scanner->limit - scanner->offset, &out->record, &out->size);
    }
    if (status == STATUS_OK) {
        out->has_value = scanner->want_values && out->size <= RECORD_SCANNER_BLOCK_SIZE;
    }
    return status;
}

enum status record_scanner_next(struct record_scanner *scanner, struct scanned_record *out)
{
    if (scanner->offset == scanner->limit) {
        return STATUS_NOT_FOUND;
    }
    size_t needed = PEEK_SIZE;
    size_t wanted;
    size_t available;
    do { /* once; and once more where the buffer's end has cut the record */
        wanted = needed;
        enum status status = look(scanner, wanted, out, &available);
        if (status != STATUS_OK) {
            return status;
        }
        needed = needed_size(out);
    } while (available < needed && wanted < needed);
    if (available < needed ||
        record_verify_head(out->bytes, &out->record, scanner->seed) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    out->offset = scanner->offset;
    scanner->offset += out->size;
    return STATUS_OK;
}

enum status record_scanner_is_zero(struct record_scanner *scanner, uint64_t offset, bool *out)
{
    while (offset < scanner->limit) {
        const uint8_t *bytes;
        size_t available;
        enum status status =
            record_scanner_bytes(scanner, offset, scanner->capacity, &bytes, &available);
        if (status != STATUS_OK) {
            return status;
        }
        if (available == 0) {
            break;
        }
        if (!slice_is_zeros(slice_make(bytes, available))) {
            *out = false;
            return STATUS_OK;
        }
        offset += available;
    }
    *out = true;
    return STATUS_OK;
}
