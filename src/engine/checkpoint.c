/* checkpoint.c - see checkpoint.h. */
#include "engine/checkpoint.h"

#include "base/check.h"
#include "base/little_endian.h"
#include "engine/checksum.h"
#include "engine/file.h"
#include "engine/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'s', 'c', 'd', 'b', 'i', 'd', 'x', '\n'};

void checkpoint_file_name(uint64_t file_number, char *name)
{
    int length = snprintf(name, FILE_NAME_SIZE_MAX, "%020" PRIu64 ".index", file_number);
    CHECK(length > 0 && length < FILE_NAME_SIZE_MAX);
}

/* --- the header --------------------------------------------------------------------------- */

struct place_layout {
    uint64_t file;
    uint64_t offset;
    uint64_t sequence;
};

/* The header as it lies in the file; used for its offsets only. */
struct header_layout {
    char magic[8];
    uint32_t format_version;
    uint32_t address_shift;
    uint8_t store_id[16];
    uint64_t file_number;
    struct place_layout start;
    struct place_layout end;
    uint64_t created_ms;
    uint64_t facts_offset;
    uint64_t facts_size;
    uint64_t block_count;
    uint64_t key_count;
    uint8_t reserved[120]; /* zeros */
    uint64_t checksum;
};

static_assert(sizeof(struct header_layout) == CHECKPOINT_HEADER_SIZE, "the header is 256 bytes");
static_assert(offsetof(struct header_layout, file_number) == 32, "on-disk offset");
static_assert(offsetof(struct header_layout, start) == 40, "on-disk offset");
static_assert(offsetof(struct header_layout, end) == 64, "on-disk offset");
static_assert(offsetof(struct header_layout, created_ms) == 88, "on-disk offset");
static_assert(offsetof(struct header_layout, key_count) == 120, "on-disk offset");
static_assert(offsetof(struct header_layout, checksum) == 248, "on-disk offset");

#define AT(field) offsetof(struct header_layout, field)

static void encode_place(const struct manifest_position *place, uint8_t *into)
{
    little_endian_store64(into + offsetof(struct place_layout, file), place->file);
    little_endian_store64(into + offsetof(struct place_layout, offset), place->offset);
    little_endian_store64(into + offsetof(struct place_layout, sequence), place->sequence);
}

static struct manifest_position decode_place(const uint8_t *from)
{
    return (struct manifest_position){
        .file = little_endian_load64(from + offsetof(struct place_layout, file)),
        .offset = little_endian_load64(from + offsetof(struct place_layout, offset)),
        .sequence = little_endian_load64(from + offsetof(struct place_layout, sequence)),
    };
}

void checkpoint_header_encode(const struct checkpoint_header *header, const uint8_t *store_id,
                              uint8_t *into)
{
    memset(into, 0, CHECKPOINT_HEADER_SIZE);
    memcpy(into + AT(magic), magic, sizeof(magic));
    little_endian_store32(into + AT(format_version),
                          header->knows_pieces ? FORMAT_VERSION_PIECES : FORMAT_VERSION_PLAIN);
    little_endian_store32(into + AT(address_shift), header->address_shift);
    memcpy(into + AT(store_id), store_id, STORE_ID_SIZE);
    little_endian_store64(into + AT(file_number), header->file_number);
    encode_place(&header->start, into + AT(start));
    encode_place(&header->end, into + AT(end));
    little_endian_store64(into + AT(created_ms), (uint64_t)header->created_ms);
    little_endian_store64(into + AT(facts_offset), header->facts_offset);
    little_endian_store64(into + AT(facts_size), header->facts_size);
    little_endian_store64(into + AT(block_count), header->block_count);
    little_endian_store64(into + AT(key_count), header->key_count);
    uint64_t seed = record_seed(store_id, header->file_number);
    little_endian_store64(into + AT(checksum), checksum_of(into, AT(checksum), seed));
}

enum status checkpoint_header_decode(const uint8_t *bytes, const uint8_t *store_id,
                                     uint64_t file_number, struct checkpoint_header *out)
{
    uint64_t seed = record_seed(store_id, file_number);
    if (memcmp(bytes + AT(magic), magic, sizeof(magic)) != 0 ||
        memcmp(bytes + AT(store_id), store_id, STORE_ID_SIZE) != 0 ||
        little_endian_load64(bytes + AT(file_number)) != file_number ||
        little_endian_load64(bytes + AT(checksum)) != checksum_of(bytes, AT(checksum), seed)) {
        return STATUS_CORRUPT;
    }
    if (little_endian_load32(bytes + AT(format_version)) > FORMAT_VERSION) {
        return STATUS_NEWER_FORMAT;
    }
    *out = (struct checkpoint_header){
        .file_number = file_number,
        .start = decode_place(bytes + AT(start)),
        .end = decode_place(bytes + AT(end)),
        .created_ms = (int64_t)little_endian_load64(bytes + AT(created_ms)),
        .facts_offset = little_endian_load64(bytes + AT(facts_offset)),
        .facts_size = little_endian_load64(bytes + AT(facts_size)),
        .block_count = little_endian_load64(bytes + AT(block_count)),
        .key_count = little_endian_load64(bytes + AT(key_count)),
        .address_shift = little_endian_load32(bytes + AT(address_shift)),
        .knows_pieces = little_endian_load32(bytes + AT(format_version)) >= FORMAT_VERSION_PIECES,
    };
    return STATUS_OK;
}

/* --- blocks ------------------------------------------------------------------------------- */

/* A block's header; used for its offsets only. */
struct block_layout {
    uint64_t checksum; /* of the rest of the header and the body */
    uint64_t ordinal;
    uint64_t keyspace_id;
    uint64_t first_hash;
    uint32_t depth;
    uint32_t count;
    uint32_t expires; /* 1: the seconds follow the slots */
    uint32_t reserved;
};

static_assert(sizeof(struct block_layout) == CHECKPOINT_BLOCK_HEADER_SIZE, "on-disk size");

#define IN_BLOCK(field) offsetof(struct block_layout, field)

/* The checksum covers what follows it in the header, then the body. */
static uint64_t block_checksum(const uint8_t *header, const void *body, size_t size, uint64_t seed)
{
    struct checksum_stream stream;
    checksum_stream_init(&stream, seed);
    checksum_stream_add(&stream, header + IN_BLOCK(ordinal),
                        CHECKPOINT_BLOCK_HEADER_SIZE - IN_BLOCK(ordinal));
    checksum_stream_add(&stream, body, size);
    return checksum_stream_sum(&stream);
}

enum status checkpoint_block_append(const struct checkpoint_block *block,
                                    const struct index_image *image, uint64_t seed,
                                    struct buffer *out)
{
    size_t body_size = index_image_size(image->count, image->expires);
    enum status status = buffer_reserve(out, CHECKPOINT_BLOCK_HEADER_SIZE + body_size);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *into = (uint8_t *)out->data + out->size;
    memset(into, 0, CHECKPOINT_BLOCK_HEADER_SIZE);
    little_endian_store64(into + IN_BLOCK(ordinal), block->ordinal);
    little_endian_store64(into + IN_BLOCK(keyspace_id), block->keyspace_id);
    little_endian_store64(into + IN_BLOCK(first_hash), image->first);
    little_endian_store32(into + IN_BLOCK(depth), image->depth);
    little_endian_store32(into + IN_BLOCK(count), image->count);
    little_endian_store32(into + IN_BLOCK(expires), image->expires);
    little_endian_store64(into + IN_BLOCK(checksum),
                          block_checksum(into, image->bytes.data, body_size, seed));
    if (body_size > 0) {
        memcpy(into + CHECKPOINT_BLOCK_HEADER_SIZE, image->bytes.data, body_size);
    }
    out->size += CHECKPOINT_BLOCK_HEADER_SIZE + body_size;
    return STATUS_OK;
}

enum status checkpoint_block_body_size(const uint8_t *header, size_t *out)
{
    uint32_t expires = little_endian_load32(header + IN_BLOCK(expires));
    uint32_t count = little_endian_load32(header + IN_BLOCK(count));
    if (expires > 1) {
        return STATUS_CORRUPT;
    }
    *out = index_image_size(count, expires != 0);
    return STATUS_OK;
}

enum status checkpoint_block_decode(const uint8_t *header, uint64_t seed,
                                    struct checkpoint_block *block, struct index_image *image)
{
    size_t body_size;
    enum status status = checkpoint_block_body_size(header, &body_size);
    if (status != STATUS_OK || body_size != image->bytes.size) {
        return STATUS_CORRUPT;
    }
    if (little_endian_load64(header + IN_BLOCK(checksum)) !=
        block_checksum(header, image->bytes.data, body_size, seed)) {
        return STATUS_CORRUPT;
    }
    image->first = little_endian_load64(header + IN_BLOCK(first_hash));
    image->depth = little_endian_load32(header + IN_BLOCK(depth));
    image->count = little_endian_load32(header + IN_BLOCK(count));
    image->expires = little_endian_load32(header + IN_BLOCK(expires)) != 0;
    block->ordinal = little_endian_load64(header + IN_BLOCK(ordinal));
    block->keyspace_id = little_endian_load64(header + IN_BLOCK(keyspace_id));
    return STATUS_OK;
}
