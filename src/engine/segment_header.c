/* segment_header.c - see segment_header.h. */
#include "engine/segment_header.h"

#include "base/check.h"
#include "base/little_endian.h"
#include "engine/checksum.h"
#include "engine/file.h"
#include "engine/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The header as it lies in the file; used for its offsets only. Magic, format_version, store_id,
 * file_number and checksum keep their places in every later version. */
struct layout {
    char magic[8];
    uint32_t format_version;
    uint32_t kind;
    uint8_t store_id[16];
    uint64_t file_number;
    uint64_t capacity;
    uint64_t first_sequence;
    uint64_t previous_file;
    uint64_t previous_end;
    uint64_t previous_sequence;
    uint64_t judged_sequence;
    uint64_t created_ms;
    uint8_t reserved[24]; /* zeros */
    uint64_t checksum;    /* of all before, under the seed of the file's records */
};

static_assert(sizeof(struct layout) == SEGMENT_HEADER_SIZE, "the header is 128 bytes");
static_assert(offsetof(struct layout, format_version) == 8, "on-disk offset");
static_assert(offsetof(struct layout, kind) == 12, "on-disk offset");
static_assert(offsetof(struct layout, store_id) == SEGMENT_HEADER_STORE_ID_OFFSET,
              "on-disk offset");
static_assert(offsetof(struct layout, file_number) == 32, "on-disk offset");
static_assert(offsetof(struct layout, capacity) == 40, "on-disk offset");
static_assert(offsetof(struct layout, first_sequence) == 48, "on-disk offset");
static_assert(offsetof(struct layout, previous_file) == 56, "on-disk offset");
static_assert(offsetof(struct layout, previous_end) == 64, "on-disk offset");
static_assert(offsetof(struct layout, previous_sequence) == 72, "on-disk offset");
static_assert(offsetof(struct layout, judged_sequence) == 80, "on-disk offset");
static_assert(offsetof(struct layout, created_ms) == 88, "on-disk offset");
static_assert(offsetof(struct layout, checksum) == 120, "on-disk offset");

#define AT(field) offsetof(struct layout, field)

static const char magic[8] = {'s', 'c', 'd', 'b', 's', 'e', 'g', '\n'};

void segment_header_encode(const struct segment_header *header, const uint8_t store_id[16],
                           uint8_t *into)
{
    memset(into, 0, SEGMENT_HEADER_SIZE);
    memcpy(into + AT(magic), magic, sizeof(magic));
    little_endian_store32(into + AT(format_version), FORMAT_VERSION_PLAIN);
    little_endian_store32(into + AT(kind), (uint32_t)header->kind);
    memcpy(into + AT(store_id), store_id, 16);
    little_endian_store64(into + AT(file_number), header->file_number);
    little_endian_store64(into + AT(capacity), header->capacity);
    little_endian_store64(into + AT(first_sequence), header->first_sequence);
    little_endian_store64(into + AT(previous_file), header->previous_file);
    little_endian_store64(into + AT(previous_end), header->previous_end);
    little_endian_store64(into + AT(previous_sequence), header->previous_sequence);
    little_endian_store64(into + AT(judged_sequence), header->judged_sequence);
    little_endian_store64(into + AT(created_ms), (uint64_t)header->created_ms);
    uint64_t seed = record_seed(store_id, header->file_number);
    little_endian_store64(into + AT(checksum), checksum_of(into, AT(checksum), seed));
}

enum status segment_header_decode(const uint8_t *bytes, const uint8_t store_id[16],
                                  uint64_t file_number, struct segment_header *out)
{
    uint64_t seed = record_seed(store_id, file_number);
    if (memcmp(bytes + AT(magic), magic, sizeof(magic)) != 0 ||
        memcmp(bytes + AT(store_id), store_id, 16) != 0 ||
        little_endian_load64(bytes + AT(file_number)) != file_number ||
        little_endian_load64(bytes + AT(checksum)) != checksum_of(bytes, AT(checksum), seed)) {
        return STATUS_CORRUPT;
    }
    /* Only now is the version worth believing: a flipped bit isn't a newer format. */
    if (little_endian_load32(bytes + AT(format_version)) > FORMAT_VERSION) {
        return STATUS_NEWER_FORMAT;
    }
    uint32_t kind = little_endian_load32(bytes + AT(kind));
    if (kind != SEGMENT_LOG && kind != SEGMENT_PACKED) {
        return STATUS_CORRUPT;
    }
    *out = (struct segment_header){
        .kind = (enum segment_kind)kind,
        .file_number = file_number,
        .capacity = little_endian_load64(bytes + AT(capacity)),
        .first_sequence = little_endian_load64(bytes + AT(first_sequence)),
        .previous_file = little_endian_load64(bytes + AT(previous_file)),
        .previous_end = little_endian_load64(bytes + AT(previous_end)),
        .previous_sequence = little_endian_load64(bytes + AT(previous_sequence)),
        .judged_sequence = little_endian_load64(bytes + AT(judged_sequence)),
        .created_ms = (int64_t)little_endian_load64(bytes + AT(created_ms)),
    };
    return STATUS_OK;
}

enum status segment_header_store_id(const uint8_t *bytes, uint64_t file_number,
                                    uint8_t store_id[16])
{
    uint8_t claimed[16];
    memcpy(claimed, bytes + AT(store_id), sizeof(claimed));
    struct segment_header header;
    enum status status = segment_header_decode(bytes, claimed, file_number, &header);
    if (status == STATUS_OK || status == STATUS_NEWER_FORMAT) {
        memcpy(store_id, claimed, sizeof(claimed));
        return STATUS_OK;
    }
    return status;
}

void segment_file_name(enum segment_kind kind, uint64_t file_number, char *name)
{
    const char *ending = kind == SEGMENT_LOG ? "log" : "pack";
    int length = snprintf(name, FILE_NAME_SIZE_MAX, "%020" PRIu64 ".%s", file_number, ending);
    CHECK(length > 0 && length < FILE_NAME_SIZE_MAX);
}
