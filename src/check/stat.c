/* stat.c - see stat.h. */
#include "check/stat.h"

#include <inttypes.h>

static void print_id(const uint8_t *id, FILE *out)
{
    (void)fputs("store_id:", out);
    for (size_t i = 0; i < STORE_ID_SIZE; i++) {
        (void)fprintf(out, "%02x", id[i]);
    }
    (void)fputc('\n', out);
}

static void print_manifest(const struct check_store *store, FILE *out)
{
    const struct manifest *manifest = &store->manifest;
    if (store->source == CHECK_FROM_DIRECTORY) {
        return;
    }
    (void)fprintf(out, "manifest_generation:%" PRIu64 "\n", manifest->generation);
    (void)fprintf(out, "segment_size:%" PRIu64 "\n", manifest->segment_size);
    (void)fprintf(out, "next_file_number:%" PRIu64 "\n", manifest->next_file_number);
    (void)fprintf(out, "next_sequence:%" PRIu64 "\n", manifest->next_sequence);
    (void)fprintf(out, "next_keyspace_id:%" PRIu64 "\n", manifest->next_keyspace_id);
    (void)fprintf(out, "checkpoint_file:%" PRIu64 "\n", manifest->checkpoint_file);
}

static void print_segments(const struct check_store *store, FILE *out)
{
    size_t logs = 0;
    size_t packed = 0;
    uint64_t disk_bytes = 0;
    for (size_t i = 0; i < store->file_count; i++) {
        const struct check_file *file = &store->files[i];
        logs += file->kind == SEGMENT_LOG ? 1 : 0;
        packed += file->kind == SEGMENT_PACKED ? 1 : 0;
        disk_bytes += file->size;
    }
    (void)fprintf(out, "segments:%zu\nlog_segments:%zu\npacked_segments:%zu\n", store->file_count,
                  logs, packed);
    (void)fprintf(out, "segment_file_bytes:%" PRIu64 "\n", disk_bytes);
}

static void print_keys(const struct live *live, FILE *out)
{
    (void)fprintf(out, "records:%" PRIu64 "\nrecord_bytes:%" PRIu64 "\n", live->records,
                  live->record_bytes);
    (void)fprintf(out, "live_bytes:%" PRIu64 "\ndead_bytes:%" PRIu64 "\n", live->live_bytes,
                  live->record_bytes - live->live_bytes);
    (void)fprintf(out, "keys:%" PRIu64 "\n", live->keys);
    (void)fprintf(out, "expired_keys:%" PRIu64 "\nunreadable_keys:%" PRIu64 "\n",
                  live->expired_keys, live->unreadable_keys);
    for (size_t i = 0; i < live->database_count; i++) {
        const struct live_database *database = &live->databases[i];
        if (database->keys > 0) {
            (void)fprintf(out,
                          "db%zu:keys=%" PRIu64 ",expires=%" PRIu64 ",bytes=%" PRIu64
                          ",keyspace=%" PRIu64 "%s\n",
                          i, database->keys, database->expiring, database->bytes,
                          database->keyspace_id, database->is_stray ? ",stray=1" : "");
        }
    }
}

void stat_print(const struct live *live, FILE *out)
{
    if (live->store->source != CHECK_FROM_DIRECTORY) {
        (void)fprintf(out, "format_version:%u\n", (unsigned)live->store->manifest.format_version);
    }
    print_id(live->store->store_id, out);
    print_manifest(live->store, out);
    print_segments(live->store, out);
    print_keys(live, out);
}
