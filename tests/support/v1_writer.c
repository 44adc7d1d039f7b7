/* v1_writer.c - see v1_writer.h. */
#include "support/v1_writer.h"

#include "base/check.h"
#include "import/v1_layout.h"

static void append_number(struct buffer *out, uint64_t value, unsigned size)
{
    for (unsigned i = size; i-- > 0;) {
        char byte = (char)(value >> (8 * i));
        CHECK(buffer_append(out, &byte, 1) == STATUS_OK);
    }
}

static void append_slice(struct buffer *out, struct slice slice)
{
    CHECK(buffer_append(out, slice.data, slice.size) == STATUS_OK);
}

static void append_zeros(struct buffer *out, size_t size)
{
    CHECK(buffer_reserve(out, size) == STATUS_OK);
    memset(out->data + out->size, 0, size);
    out->size += size;
}

void v1_writer_init(struct v1_writer *writer, const struct v1_shape *shape)
{
    uint32_t columns = shape->block_size / V1_SLOT_SIZE;
    *writer = (struct v1_writer){
        .hash = shape->hash,
        .columns = columns,
        .blocks = (uint32_t)((shape->max_keys + columns - 1) / columns) + shape->redundant_blocks,
    };
    append_slice(&writer->file, V1_TITLE);
    append_number(&writer->file, shape->block_size, 4);
    append_number(&writer->file, shape->max_keys, 8);
    append_number(&writer->file, shape->redundant_blocks, 2);
    append_zeros(&writer->file, V1_HEADER_SIZE - writer->file.size);
    append_zeros(&writer->file, (size_t)writer->blocks * shape->block_size);
}

void v1_writer_deinit(struct v1_writer *writer)
{
    buffer_deinit(&writer->file);
}

uint64_t v1_writer_append(struct v1_writer *writer, struct slice key, struct slice value,
                          uint64_t expiry_s)
{
    uint64_t offset = writer->file.size;
    append_number(&writer->file, 17 + key.size + value.size, 4);
    append_number(&writer->file, key.size, 4);
    append_slice(&writer->file, key);
    append_number(&writer->file, 0, 1);
    append_number(&writer->file, expiry_s, 8);
    append_slice(&writer->file, value);
    return offset;
}

uint64_t v1_writer_slot(const struct v1_writer *writer, uint64_t slot_offset)
{
    uint64_t target = 0;
    for (unsigned i = 0; i < V1_SLOT_SIZE; i++) {
        target = target << 8 | (unsigned char)writer->file.data[slot_offset + i];
    }
    return target;
}

void v1_writer_put_slot(struct v1_writer *writer, uint64_t slot_offset, uint64_t target)
{
    for (unsigned i = 0; i < V1_SLOT_SIZE; i++) {
        writer->file.data[slot_offset + i] = (char)(target >> (56 - 8 * i));
    }
}

/* The slot of the key or, when it has none, the first empty one; 0: neither. */
static uint64_t find_place(const struct v1_writer *writer, struct slice key, bool *is_found)
{
    uint64_t column = v1_hash_of(writer->hash, key) % writer->columns;
    uint64_t empty = 0;
    struct v1_entry entry;
    *is_found = false;
    for (uint32_t block = 0; block < writer->blocks; block++) {
        uint64_t place = v1_slot_offset((uint64_t)block * writer->columns + column);
        uint64_t target = v1_writer_slot(writer, place);
        if (target == 0) {
            empty = empty == 0 ? place : empty;
        } else if (v1_entry_decode(buffer_slice(&writer->file), target, &entry) &&
                   slice_equal(entry.key, key)) {
            *is_found = true;
            return place;
        }
    }
    return empty;
}

uint64_t v1_writer_find_slot(const struct v1_writer *writer, struct slice key)
{
    bool is_found;
    uint64_t place = find_place(writer, key, &is_found);
    return is_found ? place : 0;
}

bool v1_writer_set(struct v1_writer *writer, struct slice key, struct slice value,
                   uint64_t expiry_s)
{
    bool is_found;
    uint64_t place = find_place(writer, key, &is_found);
    if (place != 0) {
        v1_writer_put_slot(writer, place, v1_writer_append(writer, key, value, expiry_s));
    }
    return place != 0;
}

void v1_writer_delete(struct v1_writer *writer, struct slice key)
{
    uint64_t place = v1_writer_find_slot(writer, key);
    if (place != 0) {
        uint64_t flag_at = v1_writer_slot(writer, place) + 8 + key.size;
        writer->file.data[flag_at] = 1;
    }
}
