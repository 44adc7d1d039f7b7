/*
 * record_fuzz.c - libFuzzer: bytes from a disk, given to all that decodes them.
 *
 * The first byte of the input says what the rest is; odd numbers have the checksums put right
 * first, so that what lies behind them is reached too.
 */
#include "base/check.h"
#include "base/little_endian.h"
#include "engine/checksum.h"
#include "engine/manifest.h"
#include "engine/mark.h"
#include "engine/record.h"
#include "engine/segment_header.h"
#include "support/sim_disk.h"

#include <stdlib.h>
#include <string.h>

#define SEED 7

static const uint8_t store_id[STORE_ID_SIZE] = "0123456789abcdef";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_within(struct slice part, const uint8_t *bytes, size_t size)
{
    const uint8_t *from = (const uint8_t *)part.data;
    return from >= bytes && from <= bytes + size && part.size <= size - (size_t)(from - bytes);
}

static void decode_marks(struct slice value)
{
    struct mark_sync sync;
    struct mark_keyspace_map map;
    int64_t until_ms;
    if (mark_decode_sync(value, &sync) == STATUS_OK) {
        CHECK(value.size == MARK_SYNC_SIZE);
    }
    if (mark_decode_expiry(value, &until_ms) == STATUS_OK) {
        CHECK(value.size == MARK_EXPIRY_SIZE);
    }
    if (mark_decode_keyspace_map(value, &map) == STATUS_OK) {
        for (size_t i = 0; i < map.count; i++) {
            CHECK(mark_keyspace_id(&map, i) < map.next_keyspace_id);
        }
    }
}

static void try_record(uint8_t *bytes, size_t size, bool seal)
{
    struct record record;
    uint64_t whole;
    if (record_peek(bytes, size, &record, &whole) != STATUS_OK) {
        return;
    }
    CHECK(whole <= size && whole % RECORD_ALIGNMENT == 0);
    CHECK(lies_within(record.key, bytes, size) && lies_within(record.value, bytes, size));
    if (seal) {
        size_t key_end = (size_t)((const uint8_t *)record.key.data - bytes) + record.key.size;
        little_endian_store64(bytes, checksum_of(bytes + 8, key_end - 8, SEED));
        CHECK(record_verify_head(bytes, &record, SEED) == STATUS_OK);
    }
    enum status status = record_verify_value(bytes, record.value.size / 2, SIZE_MAX, SEED);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    struct record decoded;
    uint64_t decoded_size;
    if (record_decode(bytes, size, SEED, &decoded, &decoded_size) == STATUS_OK) {
        CHECK(decoded_size == whole);
        bool has_expiry = decoded.expiry_ms != EXPIRY_NONE;
        CHECK(record_size(decoded.key.size, decoded.value.size, has_expiry,
                          decoded.kind == RECORD_PIECED) == whole);
        decode_marks(decoded.value);
    }
}

static void try_header(uint8_t *bytes, size_t size, bool seal)
{
    if (size < SEGMENT_HEADER_SIZE) {
        return;
    }
    if (seal) {
        memcpy(bytes + 16, store_id, sizeof(store_id));
        little_endian_store64(bytes + 32, 3);
        little_endian_store64(bytes + 120, checksum_of(bytes, 120, record_seed(store_id, 3)));
    }
    struct segment_header header;
    if (segment_header_decode(bytes, store_id, 3, &header) == STATUS_OK) {
        uint8_t again[SEGMENT_HEADER_SIZE];
        struct segment_header second;
        segment_header_encode(&header, store_id, again);
        CHECK(segment_header_decode(again, store_id, 3, &second) == STATUS_OK);
        CHECK(second.previous_end == header.previous_end);
    }
}

static void seal_manifest(uint8_t *bytes, size_t size)
{
    if (size < 48) {
        return;
    }
    little_endian_store64(bytes + 16, size);
    little_endian_store64(bytes + 24, checksum_of(bytes, 24, 0));
    uint64_t sum = checksum_of(bytes, size - 8, record_seed(bytes + 32, 0));
    little_endian_store64(bytes + size - 8, sum);
}

static void try_manifest(uint8_t *bytes, size_t size, bool seal)
{
    if (seal) {
        seal_manifest(bytes, size);
    }
    struct sim_disk *disk = sim_disk_create(1);
    struct file_system *fs = sim_disk_mount(disk);
    struct file *file;
    struct slice all = slice_make(bytes, size);
    CHECK(fs_open(fs, MANIFEST_NAME, FILE_MODE_CREATE, &file) == STATUS_OK);
    CHECK(file_write(file, 0, &all, 1) == STATUS_OK);
    file_close(file);
    struct manifest manifest;
    struct error error;
    if (manifest_read(fs, &manifest, &error) == STATUS_OK) {
        CHECK(manifest_write(fs, &manifest) == STATUS_OK);
        manifest_deinit(&manifest);
        CHECK(manifest_read(fs, &manifest, &error) == STATUS_OK);
        manifest_deinit(&manifest);
    }
    fs_close(fs);
    sim_disk_destroy(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    bool seal = data[0] % 2 == 1;
    uint8_t *bytes = malloc(size - 1); /* exactly as long as it is: a sanitizer sees overruns */
    CHECK(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    switch (data[0] / 2 % 3) {
    case 0:
        try_record(bytes, size - 1, seal);
        break;
    case 1:
        try_header(bytes, size - 1, seal);
        break;
    default:
        try_manifest(bytes, size - 1, seal);
        break;
    }
    free(bytes);
    return 0;
}
