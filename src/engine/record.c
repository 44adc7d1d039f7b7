/*
 * record.c - see record.h.
 *
 * A record is read in two steps, so that no byte is used before its size is known to fit:
 * record_peek() takes the sizes from the fixed header and says where the parts lie; what it says is
 * a guess until record_verify_head() has verified the checksum over all those bytes.
 */
#include "engine/record.h"

#include "base/check.h"
#include "base/little_endian.h"
#include "engine/checksum.h"

#include <assert.h>

/* The fixed header as it lies in the file; used for its offsets only. */
struct fixed_header {
    uint64_t header_checksum;
    uint64_t sequence;
    uint64_t keyspace_id;
    uint64_t value_checksum;
    uint64_t value_size;
    uint32_t key_size;
    uint8_t kind;
    uint8_t type;
    uint8_t encoding;
    uint8_t flags;
};

static_assert(sizeof(struct fixed_header) == RECORD_HEADER_SIZE, "the header is 48 bytes");
static_assert(offsetof(struct fixed_header, sequence) == 8, "on-disk offset");
static_assert(offsetof(struct fixed_header, keyspace_id) == 16, "on-disk offset");
static_assert(offsetof(struct fixed_header, value_checksum) == 24, "on-disk offset");
static_assert(offsetof(struct fixed_header, value_size) == 32, "on-disk offset");
static_assert(offsetof(struct fixed_header, key_size) == 40, "on-disk offset");
static_assert(offsetof(struct fixed_header, kind) == 44, "on-disk offset");
static_assert(offsetof(struct fixed_header, type) == 45, "on-disk offset");
static_assert(offsetof(struct fixed_header, encoding) == 46, "on-disk offset");
static_assert(offsetof(struct fixed_header, flags) == 47, "on-disk offset");

#define AT(field)     offsetof(struct fixed_header, field)
#define EXPIRY_SIZE   8
#define PIECED_SIZE   16 /* the id of the pieces, and the place */
#define CHECKSUM_SIZE 8
#define COVERED_FROM  AT(sequence) /* the header checksum covers all behind itself */
#define KNOWN_FLAGS   (RECORD_FLAG_EXPIRY | RECORD_FLAG_GROUP_MORE)
#define LAST_KIND     RECORD_KEYSPACE_MAP

uint64_t record_seed(const uint8_t store_id[16], uint64_t file_number)
{
    uint8_t input[24];
    memcpy(input, store_id, 16);
    little_endian_store64(input + 16, file_number);
    return checksum_of(input, sizeof(input), 0);
}

/* How many block checksums stand before a value: none while one checksum in the header does. */
static uint64_t block_count(uint64_t value_size)
{
    if (value_size <= RECORD_VALUE_BLOCK_SIZE) {
        return 0;
    }
    return (value_size + RECORD_VALUE_BLOCK_SIZE - 1) / RECORD_VALUE_BLOCK_SIZE;
}

static uint64_t key_offset(bool has_expiry, bool is_pieced)
{
    return RECORD_HEADER_SIZE + (has_expiry ? EXPIRY_SIZE : 0u) + (is_pieced ? PIECED_SIZE : 0u);
}

/* Where the value lies when the key ends at `key_end`. */
static uint64_t value_offset(uint64_t key_end, uint64_t value_size)
{
    uint64_t blocks = block_count(value_size);
    return blocks == 0 ? key_end : record_padded_size(key_end) + blocks * CHECKSUM_SIZE;
}

uint64_t record_head_size(size_t key_size, uint64_t value_size, bool has_expiry, bool is_pieced)
{
    return value_offset(key_offset(has_expiry, is_pieced) + key_size, value_size);
}

uint64_t record_size(size_t key_size, uint64_t value_size, bool has_expiry, bool is_pieced)
{
    return record_padded_size(record_head_size(key_size, value_size, has_expiry, is_pieced) +
                              value_size);
}

/* --- encoding ----------------------------------------------------------------------------- */

static uint64_t parts_size(const struct slice *parts, size_t part_count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < part_count; i++) {
        size += parts[i].size;
    }
    return size;
}

/* A place in a list of parts. */
struct part_cursor {
    const struct slice *parts;
    size_t index;
    size_t offset; /* in parts[index] */
};

/* The checksum of the next `size` bytes, which are there, and in several parts. */
static uint64_t sum_of_parts(struct part_cursor *cursor, uint64_t size, uint64_t seed)
{
    struct checksum_stream stream;
    checksum_stream_init(&stream, seed);
    while (size > 0) {
        const struct slice *part = &cursor->parts[cursor->index];
        size_t piece = part->size - cursor->offset;
        if (piece == 0) {
            cursor->index++;
            cursor->offset = 0;
            continue;
        }
        piece = piece < size ? piece : (size_t)size;
        checksum_stream_add(&stream, part->data + cursor->offset, piece);
        cursor->offset += piece;
        size -= piece;
    }
    return checksum_stream_sum(&stream);
}

/* The checksum of the next `size` bytes, which are there; most often they lie in one part. */
static uint64_t sum_of_next(struct part_cursor *cursor, uint64_t size, uint64_t seed)
{
    if (size == 0) {
        return checksum_of(NULL, 0, seed);
    }
    const struct slice *part = &cursor->parts[cursor->index];
    if (part->size - cursor->offset < size) {
        return sum_of_parts(cursor, size, seed);
    }
    uint64_t sum = checksum_of(part->data + cursor->offset, (size_t)size, seed);
    cursor->offset += (size_t)size;
    return sum;
}

/* Writes the block checksums to `array` if the value has any, and returns the value checksum. */
static uint64_t encode_value_checksums(const struct slice *parts, uint64_t value_size,
                                       uint64_t seed, uint8_t *array)
{
    struct part_cursor cursor = {.parts = parts, .index = 0, .offset = 0};
    uint64_t blocks = block_count(value_size);
    if (blocks == 0) {
        return sum_of_next(&cursor, value_size, seed);
    }
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t left = value_size - i * RECORD_VALUE_BLOCK_SIZE;
        uint64_t size = left < RECORD_VALUE_BLOCK_SIZE ? left : RECORD_VALUE_BLOCK_SIZE;
        little_endian_store64(array + i * CHECKSUM_SIZE, sum_of_next(&cursor, size, seed));
    }
    return checksum_of(array, (size_t)(blocks * CHECKSUM_SIZE), seed);
}

static void seal_head(uint8_t *bytes, uint64_t key_end, uint64_t seed)
{
    uint64_t sum = checksum_of(bytes + COVERED_FROM, (size_t)(key_end - COVERED_FROM), seed);
    little_endian_store64(bytes + AT(header_checksum), sum);
}

uint64_t record_array_size(uint64_t value_size)
{
    return block_count(value_size) * CHECKSUM_SIZE;
}

uint64_t record_encode_array(const struct slice *value_parts, size_t value_part_count,
                             uint64_t seed, uint8_t *array)
{
    uint64_t value_size = parts_size(value_parts, value_part_count);
    return encode_value_checksums(value_parts, value_size, seed, array);
}

/* Everything up to the key's end, which is returned; its checksum is still to come. */
static uint64_t encode_front(const struct record *record, uint64_t value_size, uint8_t *into)
{
    bool has_expiry = record->expiry_ms != EXPIRY_NONE;
    bool is_pieced = record->kind == RECORD_PIECED;
    CHECK(record->key.size <= RECORD_KEY_SIZE_MAX && value_size <= RECORD_VALUE_SIZE_MAX);
    CHECK(record->kind >= RECORD_VALUE && record->kind <= LAST_KIND);

    unsigned flags = (has_expiry ? RECORD_FLAG_EXPIRY : 0u);
    flags |= (record->group_more ? RECORD_FLAG_GROUP_MORE : 0u);
    little_endian_store64(into + AT(sequence), record->sequence);
    little_endian_store64(into + AT(keyspace_id), record->keyspace_id);
    little_endian_store64(into + AT(value_size), value_size);
    little_endian_store32(into + AT(key_size), (uint32_t)record->key.size);
    into[AT(kind)] = (uint8_t)record->kind;
    into[AT(type)] = record->type;
    into[AT(encoding)] = record->encoding;
    into[AT(flags)] = (uint8_t)flags;

    uint8_t *next = into + RECORD_HEADER_SIZE;
    if (has_expiry) {
        little_endian_store64(next, (uint64_t)record->expiry_ms);
        next += EXPIRY_SIZE;
    }
    if (is_pieced) {
        little_endian_store64(next, record->pieces_id);
        little_endian_store64(next + 8, record->place);
        next += PIECED_SIZE;
    }
    if (record->key.size > 0) {
        memcpy(next, record->key.data, record->key.size);
    }
    return (uint64_t)(next - into) + record->key.size;
}

/* The zeros between the key and the array; returns where that begins. */
static uint8_t *pad_key(uint8_t *into, uint64_t key_end, uint64_t value_size)
{
    uint8_t *array = into + key_end;
    if (block_count(value_size) > 0) {
        array = into + record_padded_size(key_end);
        memset(into + key_end, 0, (size_t)(array - (into + key_end)));
    }
    return array;
}

void record_encode_front(const struct record *record, const struct record_value *value,
                         uint64_t seed, uint8_t *into)
{
    uint64_t key_end = encode_front(record, value->size, into);
    (void)pad_key(into, key_end, value->size);
    little_endian_store64(into + AT(value_checksum), value->checksum);
    seal_head(into, key_end, seed);
}

void record_encode_head(const struct record *record, const struct slice *value_parts,
                        size_t value_part_count, uint64_t seed, uint8_t *into)
{
    uint64_t value_size = parts_size(value_parts, value_part_count);
    uint64_t key_end = encode_front(record, value_size, into);
    uint8_t *array = pad_key(into, key_end, value_size);
    uint64_t value_checksum = encode_value_checksums(value_parts, value_size, seed, array);
    little_endian_store64(into + AT(value_checksum), value_checksum);
    seal_head(into, key_end, seed);
}

/* --- decoding ----------------------------------------------------------------------------- */

/* Where the key of the encoded record ends; its sizes are known to fit. */
static uint64_t key_end_of(const uint8_t *bytes)
{
    bool has_expiry = (bytes[AT(flags)] & RECORD_FLAG_EXPIRY) != 0;
    bool is_pieced = bytes[AT(kind)] == RECORD_PIECED;
    return key_offset(has_expiry, is_pieced) + little_endian_load32(bytes + AT(key_size));
}

void record_end_group(uint8_t *encoded, uint64_t seed)
{
    encoded[AT(flags)] &= (uint8_t)~RECORD_FLAG_GROUP_MORE;
    seal_head(encoded, key_end_of(encoded), seed);
}

enum status record_peek(const uint8_t *bytes, uint64_t available, struct record *out,
                        uint64_t *size)
{
    if (available < RECORD_HEADER_SIZE) {
        return STATUS_CORRUPT;
    }
    uint64_t value_size = little_endian_load64(bytes + AT(value_size));
    uint32_t key_size = little_endian_load32(bytes + AT(key_size));
    unsigned flags = bytes[AT(flags)];
    unsigned kind = bytes[AT(kind)];
    if (key_size > RECORD_KEY_SIZE_MAX || value_size > RECORD_VALUE_SIZE_MAX ||
        kind - RECORD_VALUE > LAST_KIND - RECORD_VALUE || (flags & ~(unsigned)KNOWN_FLAGS) != 0) {
        return STATUS_CORRUPT;
    }
    bool has_expiry = (flags & RECORD_FLAG_EXPIRY) != 0;
    bool is_pieced = kind == RECORD_PIECED;
    uint64_t key_at = key_offset(has_expiry, is_pieced);
    uint64_t value_at = value_offset(key_at + key_size, value_size);
    uint64_t whole = record_padded_size(value_at + value_size);
    if (whole > available) {
        return STATUS_CORRUPT;
    }
    int64_t expiry_ms = EXPIRY_NONE;
    if (has_expiry) {
        expiry_ms = (int64_t)little_endian_load64(bytes + RECORD_HEADER_SIZE);
        if (expiry_ms == EXPIRY_NONE) {
            return STATUS_CORRUPT; /* never written: a record without an expiry has no such field */
        }
    }
    *out = (struct record){
        .sequence = little_endian_load64(bytes + AT(sequence)),
        .keyspace_id = little_endian_load64(bytes + AT(keyspace_id)),
        .expiry_ms = expiry_ms,
        .pieces_id = is_pieced ? little_endian_load64(bytes + key_at - PIECED_SIZE) : 0,
        .place = is_pieced ? little_endian_load64(bytes + key_at - 8) : 0,
        .kind = (enum record_kind)kind,
        .type = bytes[AT(type)],
        .encoding = bytes[AT(encoding)],
        .group_more = (flags & RECORD_FLAG_GROUP_MORE) != 0,
        .key = slice_make(bytes + key_at, key_size),
        .value = slice_make(bytes + value_at, (size_t)value_size),
    };
    *size = whole;
    return STATUS_OK;
}

static enum status compare(uint64_t sum, const uint8_t *expected)
{
    return sum == little_endian_load64(expected) ? STATUS_OK : STATUS_CORRUPT;
}

enum status record_verify_head(const uint8_t *bytes, const struct record *record, uint64_t seed)
{
    const uint8_t *covered = bytes + COVERED_FROM;
    const uint8_t *end = (const uint8_t *)record->key.data + record->key.size;
    uint64_t sum = checksum_of(covered, (size_t)(end - covered), seed);
    return compare(sum, bytes + AT(header_checksum));
}

enum status record_verify_short_value(const uint8_t *bytes, const struct record *record,
                                      uint64_t seed)
{
    uint64_t sum = checksum_of(record->value.data, record->value.size, seed);
    return compare(sum, bytes + AT(value_checksum));
}

enum status record_decode(const uint8_t *bytes, uint64_t available, uint64_t seed,
                          struct record *out, uint64_t *size)
{
    struct record record;
    uint64_t whole;
    enum status status = record_peek(bytes, available, &record, &whole);
    if (status == STATUS_OK) {
        status = record_verify_head(bytes, &record, seed);
    }
    if (status == STATUS_OK) {
        *out = record;
        *size = whole;
    }
    return status;
}

/* A value of several blocks, with the array of their checksums. */
struct blocks {
    const uint8_t *array;
    const uint8_t *value;
    uint64_t value_size;
    uint64_t seed;
};

static bool array_matches(const struct blocks *blocks, uint64_t expected)
{
    size_t size = (size_t)(block_count(blocks->value_size) * CHECKSUM_SIZE);
    return checksum_of(blocks->array, size, blocks->seed) == expected;
}

static bool block_matches(const struct blocks *blocks, uint64_t index)
{
    uint64_t from = index * RECORD_VALUE_BLOCK_SIZE;
    uint64_t left = blocks->value_size - from;
    size_t size = (size_t)(left < RECORD_VALUE_BLOCK_SIZE ? left : RECORD_VALUE_BLOCK_SIZE);
    uint64_t expected = little_endian_load64(blocks->array + index * CHECKSUM_SIZE);
    return checksum_of(blocks->value + from, size, blocks->seed) == expected;
}

enum status record_verify_value(const uint8_t *bytes, uint64_t offset, uint64_t size, uint64_t seed)
{
    uint64_t value_size = little_endian_load64(bytes + AT(value_size));
    uint64_t expected = little_endian_load64(bytes + AT(value_checksum));
    uint64_t key_end = key_end_of(bytes);
    const uint8_t *value = bytes + value_offset(key_end, value_size);
    if (block_count(value_size) == 0) {
        uint64_t sum = checksum_of(value, (size_t)value_size, seed);
        return sum == expected ? STATUS_OK : STATUS_CORRUPT;
    }
    struct blocks blocks = {
        .array = bytes + record_padded_size(key_end),
        .value = value,
        .value_size = value_size,
        .seed = seed,
    };
    if (!array_matches(&blocks, expected)) {
        return STATUS_CORRUPT;
    }
    offset = offset < value_size ? offset : value_size;
    uint64_t end = size < value_size - offset ? offset + size : value_size;
    if (offset == end) {
        return STATUS_OK;
    }
    for (uint64_t i = offset / RECORD_VALUE_BLOCK_SIZE; i * RECORD_VALUE_BLOCK_SIZE < end; i++) {
        if (!block_matches(&blocks, i)) {
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

enum status record_decode_whole(const uint8_t *bytes, uint64_t available, uint64_t seed,
                                struct record *out)
{
    struct record record;
    uint64_t size;
    enum status status = record_decode(bytes, available, seed, &record, &size);
    if (status == STATUS_OK) {
        status = record_verify_value(bytes, 0, record.value.size, seed);
    }
    if (status == STATUS_OK) {
        *out = record;
    }
    return status;
}
