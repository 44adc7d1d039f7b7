/* checkpoint_read.c - see checkpoint_read.h. */
#include "engine/checkpoint_read.h"

#include <stdlib.h>

static enum status read_exactly(struct file *file, uint64_t offset, void *into, size_t size)
{
    size_t read_size = 0;
    enum status status = file_read(file, offset, into, size, &read_size);
    return status == STATUS_OK && read_size < size ? STATUS_CORRUPT : status;
}

enum status checkpoint_read_header(struct file *file, const uint8_t *store_id, uint64_t number,
                                   struct checkpoint_header *out)
{
    uint8_t bytes[CHECKPOINT_HEADER_SIZE];
    uint64_t size;
    enum status status = file_size(file, &size);
    if (status == STATUS_OK) {
        status = read_exactly(file, 0, bytes, sizeof(bytes));
    }
    if (status == STATUS_OK) {
        status = checkpoint_header_decode(bytes, store_id, number, out);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_whole = out->facts_offset >= CHECKPOINT_HEADER_SIZE && out->facts_offset <= size &&
                    out->facts_size == size - out->facts_offset;
    return is_whole ? STATUS_OK : STATUS_CORRUPT;
}

enum status checkpoint_read_facts(struct file *file, const struct checkpoint_header *header,
                                  uint64_t seed, struct checkpoint_facts *out)
{
    size_t size = (size_t)header->facts_size;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = read_exactly(file, header->facts_offset, bytes, size);
    if (status == STATUS_OK) {
        status = checkpoint_facts_decode(bytes, size, seed, out);
    }
    free(bytes);
    return status;
}

/* --- blocks ------------------------------------------------------------------------------- */

void checkpoint_block_reader_init(struct checkpoint_block_reader *reader, struct file *file,
                                  const struct checkpoint_header *header, uint64_t seed)
{
    *reader = (struct checkpoint_block_reader){
        .file = file, .header = header, .seed = seed, .offset = CHECKPOINT_HEADER_SIZE};
    index_image_init(&reader->image);
}

void checkpoint_block_reader_deinit(struct checkpoint_block_reader *reader)
{
    index_image_deinit(&reader->image);
}

/* What stands behind the block's header, into the image, which is not decoded yet. */
static enum status read_body(struct checkpoint_block_reader *reader, const uint8_t *block_header)
{
    struct buffer *body = &reader->image.bytes;
    uint64_t offset = reader->offset + CHECKPOINT_BLOCK_HEADER_SIZE;
    size_t size;
    enum status status = checkpoint_block_body_size(block_header, &size);
    if (status == STATUS_OK && offset + size > reader->header->facts_offset) {
        status = STATUS_CORRUPT;
    }
    body->size = 0;
    if (status == STATUS_OK) {
        status = buffer_reserve(body, size);
    }
    if (status == STATUS_OK) {
        status = read_exactly(reader->file, offset, body->data, size);
        body->size = size;
    }
    return status;
}

enum status checkpoint_block_reader_next(struct checkpoint_block_reader *reader)
{
    uint8_t header[CHECKPOINT_BLOCK_HEADER_SIZE];
    if (reader->ordinal == reader->header->block_count) {
        return reader->offset == reader->header->facts_offset ? STATUS_NOT_FOUND : STATUS_CORRUPT;
    }
    enum status status = read_exactly(reader->file, reader->offset, header, sizeof(header));
    if (status == STATUS_OK) {
        status = read_body(reader, header);
    }
    if (status == STATUS_OK) {
        status = checkpoint_block_decode(header, reader->seed, &reader->block, &reader->image);
    }
    if (status == STATUS_OK && reader->block.ordinal != reader->ordinal) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        reader->offset += sizeof(header) + reader->image.bytes.size;
        reader->ordinal++;
    }
    return status;
}
