/* store_dump.c - see store_dump.h. */
#include "support/store_dump.h"

#include "base/check.h"
#include "engine/manifest.h"
#include "engine/mark.h"
#include "engine/record.h"
#include "engine/segment_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct dump {
    struct file_system *fs;
    struct manifest manifest;
};

static void dump_value(const struct record *record)
{
    struct mark_sync sync;
    struct mark_keyspace_map map;
    int64_t until_ms;
    if (record->kind == RECORD_SYNC_MARK && mark_decode_sync(record->value, &sync) == STATUS_OK) {
        printf(" file %" PRIu64 " offset %" PRIu64 " sequence %" PRIu64, sync.file, sync.offset,
               sync.sequence);
    } else if (record->kind == RECORD_EXPIRY_MARK &&
               mark_decode_expiry(record->value, &until_ms) == STATUS_OK) {
        printf(" until %" PRId64, until_ms);
    } else if (record->kind == RECORD_KEYSPACE_MAP &&
               mark_decode_keyspace_map(record->value, &map) == STATUS_OK) {
        for (size_t i = 0; i < map.count; i++) {
            printf(" %" PRIu64, mark_keyspace_id(&map, i));
        }
    } else {
        printf(" %zu bytes", record->value.size);
    }
}

static void dump_records(const uint8_t *bytes, uint64_t size, uint64_t seed)
{
    static const char *const kinds[] = {"",          "value",       "pieced",      "tombstone",
                                        "sync mark", "expiry mark", "keyspace map"};
    uint64_t offset = SEGMENT_HEADER_SIZE;
    struct record record;
    uint64_t record_bytes;
    while (offset < size && record_decode(bytes + offset, size - offset, seed, &record,
                                          &record_bytes) == STATUS_OK) {
        bool is_valid = record_verify_value(bytes + offset, 0, SIZE_MAX, seed) == STATUS_OK;
        printf("    %" PRIu64 ": #%" PRIu64 " %s keyspace %" PRIu64 " key '%.*s'", offset,
               record.sequence, kinds[record.kind], record.keyspace_id, (int)record.key.size,
               record.key.size == 0 ? "" : record.key.data);
        dump_value(&record);
        if (record.expiry_ms != EXPIRY_NONE) {
            printf(", expiry %" PRId64, record.expiry_ms);
        }
        printf("%s%s\n", record.group_more ? ", group goes on" : "",
               is_valid ? "" : ", value DAMAGED");
        offset += record_bytes;
    }
    printf("    %" PRIu64 ": end of what is valid\n", offset);
}

static void dump_segment(const struct dump *dump, const char *name, const uint8_t *bytes,
                         uint64_t size)
{
    uint64_t number = strtoull(name, NULL, 10);
    uint64_t seed = record_seed(dump->manifest.store_id, number);
    struct segment_header header;
    if (size < SEGMENT_HEADER_SIZE ||
        segment_header_decode(bytes, dump->manifest.store_id, number, &header) != STATUS_OK) {
        printf("    no valid header\n");
        return;
    }
    printf("    first #%" PRIu64 ", after file %" PRIu64 " offset %" PRIu64 " #%" PRIu64
           ", judged #%" PRIu64 "\n",
           header.first_sequence, header.previous_file, header.previous_end,
           header.previous_sequence, header.judged_sequence);
    dump_records(bytes, size, seed);
}

static void dump_file(void *context, const char *name)
{
    const struct dump *dump = context;
    struct file *file;
    uint64_t size;
    size_t read_size = 0;
    CHECK(fs_open(dump->fs, name, FILE_MODE_READ, &file) == STATUS_OK);
    CHECK(file_size(file, &size) == STATUS_OK);
    uint8_t *bytes = malloc((size_t)size + 1);
    CHECK(bytes != NULL && file_read(file, 0, bytes, (size_t)size, &read_size) == STATUS_OK);
    file_close(file);
    uint64_t number = strtoull(name, NULL, 10);
    bool is_listed = number > 0 && manifest_find(&dump->manifest, number) != NULL;
    printf("  %s: %" PRIu64 " bytes%s\n", name, size, is_listed ? "" : ", not listed");
    if (number > 0) {
        dump_segment(dump, name, bytes, read_size);
    }
    free(bytes);
}

static void dump_manifest(const struct manifest *manifest)
{
    printf("manifest: generation %" PRIu64 ", durable: file %" PRIu64 " offset %" PRIu64
           " #%" PRIu64 ", next #%" PRIu64 ", map since #%" PRIu64 ":",
           manifest->generation, manifest->durable.file, manifest->durable.offset,
           manifest->durable.sequence, manifest->next_sequence, manifest->map_sequence);
    for (size_t i = 0; i < manifest->map_count; i++) {
        printf(" %" PRIu64, manifest->map[i]);
    }
    printf("\n");
    for (size_t i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        printf("  lists %" PRIu64 ", kind %d, end %" PRIu64 ", #%" PRIu64 " to #%" PRIu64 "\n",
               file->number, (int)file->kind, file->end, file->first_sequence, file->last_sequence);
    }
}

void store_dump(struct file_system *fs)
{
    struct dump dump = {.fs = fs};
    struct error error;
    manifest_init(&dump.manifest);
    if (manifest_read(fs, &dump.manifest, &error) != STATUS_OK) {
        printf("no manifest: %s\n", error.text);
    } else {
        dump_manifest(&dump.manifest);
    }
    if (fs_list(fs, dump_file, &dump) != STATUS_OK) {
        printf("the directory can't be listed\n");
    }
    manifest_deinit(&dump.manifest);
    (void)fflush(stdout);
}
