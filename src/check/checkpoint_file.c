/* checkpoint_file.c - see checkpoint_file.h. */
#include "check/checkpoint_file.h"

#include "engine/checkpoint.h"
#include "engine/checkpoint_pieces.h"
#include "engine/record.h"

#include <inttypes.h>
#include <stdlib.h>

struct reader {
    struct file *file;
    uint64_t size;
    uint64_t seed;
    uint64_t offset; /* where the next part is looked for: what a message names */
    struct checkpoint_header header;
};

/* Shorter than it should be is CORRUPT. */
static enum status read_exactly(struct reader *reader, void *into, size_t size)
{
    size_t read_size = 0;
    enum status status = file_read(reader->file, reader->offset, into, size, &read_size);
    return status == STATUS_OK && read_size < size ? STATUS_CORRUPT : status;
}

static enum status read_header(struct reader *reader, const struct check_store *store)
{
    uint8_t bytes[CHECKPOINT_HEADER_SIZE];
    enum status status = file_size(reader->file, &reader->size);
    if (status == STATUS_OK) {
        status = read_exactly(reader, bytes, sizeof(bytes));
    }
    if (status == STATUS_OK) {
        status = checkpoint_header_decode(bytes, store->store_id, store->manifest.checkpoint_file,
                                          &reader->header);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct checkpoint_header *header = &reader->header;
    bool is_whole = header->facts_offset >= CHECKPOINT_HEADER_SIZE &&
                    header->facts_offset <= reader->size &&
                    header->facts_size == reader->size - header->facts_offset;
    return is_whole ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_block(struct reader *reader, uint64_t ordinal, struct index_image *image)
{
    uint8_t header[CHECKPOINT_BLOCK_HEADER_SIZE];
    struct checkpoint_block block;
    size_t size = 0;
    uint64_t start = reader->offset;
    enum status status = read_exactly(reader, header, sizeof(header));
    if (status == STATUS_OK) {
        status = checkpoint_block_body_size(header, &size);
    }
    if (status == STATUS_OK && start + sizeof(header) + size > reader->header.facts_offset) {
        status = STATUS_CORRUPT;
    }
    image->bytes.size = 0;
    if (status == STATUS_OK) {
        status = buffer_reserve(&image->bytes, size);
    }
    if (status == STATUS_OK) {
        reader->offset = start + sizeof(header);
        status = read_exactly(reader, image->bytes.data, size);
        reader->offset = start;
        image->bytes.size = size;
    }
    if (status == STATUS_OK) {
        status = checkpoint_block_decode(header, reader->seed, &block, image);
    }
    if (status == STATUS_OK && block.ordinal != ordinal) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        reader->offset = start + sizeof(header) + size;
    }
    return status;
}

static enum status read_blocks(struct reader *reader)
{
    struct index_image image;
    index_image_init(&image);
    enum status status = STATUS_OK;
    for (uint64_t i = 0; status == STATUS_OK && i < reader->header.block_count; i++) {
        status = read_block(reader, i, &image);
    }
    index_image_deinit(&image);
    if (status == STATUS_OK && reader->offset != reader->header.facts_offset) {
        status = STATUS_CORRUPT;
    }
    return status;
}

static enum status read_strings(struct slice bytes)
{
    struct checkpoint_pieces_reader reader = {.left = bytes};
    struct piece piece;
    uint64_t ordinal;
    enum status status;
    while ((status = checkpoint_pieces_next_string(&reader)) == STATUS_OK) {
        while ((status = checkpoint_pieces_next_piece(&reader, &ordinal, &piece)) == STATUS_OK) {
        }
        if (status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status read_facts(struct reader *reader)
{
    size_t size = (size_t)reader->header.facts_size;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct checkpoint_facts facts;
    checkpoint_facts_init(&facts);
    enum status status = read_exactly(reader, bytes, size);
    if (status == STATUS_OK) {
        status = checkpoint_facts_decode(bytes, size, reader->seed, &facts);
    }
    if (status == STATUS_OK) {
        status = read_strings(buffer_slice(&facts.strings));
    }
    checkpoint_facts_deinit(&facts);
    free(bytes);
    return status;
}

static enum status read_all(struct reader *reader, const struct check_store *store)
{
    enum status status = read_header(reader, store);
    if (status == STATUS_OK) {
        reader->offset = CHECKPOINT_HEADER_SIZE;
        status = read_blocks(reader);
    }
    return status == STATUS_OK ? read_facts(reader) : status;
}

enum status checkpoint_file_verify(const struct check_store *store, struct report *report,
                                   struct error *error)
{
    uint64_t number = store->manifest.checkpoint_file;
    if (number == 0) {
        return STATUS_OK;
    }
    char name[FILE_NAME_SIZE_MAX];
    checkpoint_file_name(number, name);
    struct reader reader = {.seed = record_seed(store->store_id, number)};
    enum status status = fs_open(store->fs, name, FILE_MODE_READ, &reader.file);
    if (status == STATUS_OK) {
        status = read_all(&reader, store);
        file_close(reader.file);
    }
    if (check_store_is_refusal(status)) {
        return check_store_refused(status, name, error);
    }
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != STATUS_OK) {
        report_problem(
            report,
            "%s offset %" PRIu64 ": the checkpoint of the index is not valid (%s). "
            "Nothing is lost by it: the next start reads the segments instead, and makes "
            "a new one",
            name, reader.offset, status_words(status));
        return STATUS_OK;
    }
    (void)fprintf(report->out,
                  "%s: checkpoint, %" PRIu64 " bytes, %" PRIu64
                  " keys, up to sequence number %" PRIu64 "\n",
                  name, reader.size, reader.header.key_count, reader.header.end.sequence);
    return STATUS_OK;
}
