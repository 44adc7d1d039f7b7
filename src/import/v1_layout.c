/* v1_layout.c - see v1_layout.h. */
#include "import/v1_layout.h"

#include "base/check.h"

#include <inttypes.h>

/* Of the header, all numbers are big-endian. */
#define BLOCK_SIZE_AT       16
#define MAX_KEYS_AT         20
#define REDUNDANT_BLOCKS_AT 28
#define ZEROS_AT            30

/* A block of the grid is as large as a page of the machine that made the file. */
#define BLOCK_SIZE_MIN 512
#define BLOCK_SIZE_MAX ((uint64_t)1 << 26)

/* Of an entry: two sizes, then the key, then a byte, eight bytes and the value. */
#define ENTRY_KEY_AT     8
#define ENTRY_FIXED_SIZE 17

static uint64_t load(struct slice bytes, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | (unsigned char)bytes.data[offset + i];
    }
    return value;
}

static bool has_stray_bytes(struct slice bytes)
{
    for (size_t i = ZEROS_AT; i < V1_HEADER_SIZE; i++) {
        if (bytes.data[i] != 0) {
            return true;
        }
    }
    return false;
}

enum status v1_layout_decode(struct slice bytes, struct v1_layout *out, struct error *error)
{
    struct slice title = V1_TITLE;
    if (bytes.size < title.size || !slice_equal(slice_part(bytes, 0, title.size), title)) {
        return error_set(error, STATUS_NOT_FOUND, "it does not begin with '%s'", title.data);
    }
    if (bytes.size < V1_HEADER_SIZE) {
        return error_set(error, STATUS_CORRUPT, "it ends within its header, after %zu bytes",
                         bytes.size);
    }
    uint64_t block_size = load(bytes, BLOCK_SIZE_AT, 4);
    if (block_size < BLOCK_SIZE_MIN || block_size > BLOCK_SIZE_MAX ||
        (block_size & (block_size - 1)) != 0) {
        return error_set(error, STATUS_CORRUPT,
                         "its header is damaged at offset %d: no machine has pages of %" PRIu64
                         " bytes",
                         BLOCK_SIZE_AT, block_size);
    }
    uint64_t columns = block_size / V1_SLOT_SIZE;
    uint64_t max_keys = load(bytes, MAX_KEYS_AT, 8);
    uint64_t blocks =
        max_keys / columns + (max_keys % columns != 0) + load(bytes, REDUNDANT_BLOCKS_AT, 2);
    if (blocks == 0 || blocks > (bytes.size - V1_HEADER_SIZE) / block_size) {
        return error_set(error, STATUS_CORRUPT,
                         "its header (%" PRIu64 " keys at most) wants %" PRIu64
                         " blocks of %" PRIu64 " bytes for the index, but the file has %zu bytes",
                         max_keys, blocks, block_size, bytes.size);
    }
    *out = (struct v1_layout){
        .columns = columns,
        .slot_count = blocks * columns,
        .entries_begin = V1_HEADER_SIZE + blocks * block_size,
        .has_stray_bytes = has_stray_bytes(bytes),
    };
    return STATUS_OK;
}

uint64_t v1_slot_offset(uint64_t slot)
{
    return V1_HEADER_SIZE + slot * V1_SLOT_SIZE;
}

uint64_t v1_slot_decode(struct slice bytes, uint64_t slot)
{
    uint64_t offset = v1_slot_offset(slot);
    CHECK(offset <= bytes.size - V1_SLOT_SIZE);
    return load(bytes, offset, V1_SLOT_SIZE);
}

bool v1_entry_decode(struct slice bytes, uint64_t offset, struct v1_entry *out)
{
    if (offset > bytes.size || bytes.size - offset < ENTRY_FIXED_SIZE) {
        return false;
    }
    uint64_t size = load(bytes, offset, 4);
    uint64_t key_size = load(bytes, offset + 4, 4);
    if (size > bytes.size - offset || size < ENTRY_FIXED_SIZE + key_size) {
        return false;
    }
    uint64_t flag_at = offset + ENTRY_KEY_AT + key_size;
    uint64_t value_at = offset + ENTRY_FIXED_SIZE + key_size;
    uint64_t flag = load(bytes, flag_at, 1);
    if (flag > 1) {
        return false;
    }
    *out = (struct v1_entry){
        .offset = offset,
        .size = size,
        .key = slice_part(bytes, offset + ENTRY_KEY_AT, key_size),
        .value = slice_part(bytes, value_at, offset + size - value_at),
        .expiry_s = load(bytes, flag_at + 1, 8),
        .is_deleted = flag == 1,
    };
    return true;
}
