/* recovery_scan_files.c - see recovery_scan_files.h. */
#include "engine/recovery_scan_files.h"

#include "engine/recovery_threads.h"

#include <stdatomic.h>

/* What both threads take their parts from. */
struct parts {
    const struct recovery_scan_part *items;
    size_t count;
    _Atomic size_t next;
    _Atomic bool has_failed;
};

/* One of the threads. */
struct reader {
    RECOVERY_APART struct parts *parts;
    struct recovery_scan *scan;
    size_t reserved_keys;
    enum status status;
    size_t failed_part;
    struct error error;
};

static void read_parts(void *argument)
{
    struct reader *reader = argument;
    struct parts *parts = reader->parts;
    reader->status = recovery_table_reserve(&reader->scan->table, reader->reserved_keys);
    if (reader->status != STATUS_OK) {
        (void)error_set(&reader->error, reader->status, "can't build the index: %s",
                        status_words(reader->status));
    }
    while (reader->status == STATUS_OK && !atomic_load(&parts->has_failed)) {
        size_t i = atomic_fetch_add(&parts->next, 1);
        if (i >= parts->count) {
            return;
        }
        reader->failed_part = i;
        reader->status = recovery_scan_file(reader->scan, parts->items[i].file,
                                            parts->items[i].from, &reader->error);
    }
    if (reader->status != STATUS_OK) {
        atomic_store(&parts->has_failed, true);
    }
}

/* What went wrong, if anything did. */
static enum status result_of(const struct reader *first, const struct reader *second,
                             struct error *error)
{
    const struct reader *failed = first;
    if (first->status == STATUS_OK ||
        (second->status != STATUS_OK && second->failed_part < first->failed_part)) {
        failed = second;
    }
    if (failed->status != STATUS_OK) {
        *error = failed->error;
    }
    return failed->status;
}

/* Each thread with a table of its own; which of two records of a key is the newer one does not
 * depend on who read it. */
static enum status read_by_two(struct recovery_scan *scan, struct parts *parts, size_t key_count,
                               struct error *error)
{
    struct recovery_scan other;
    enum status status = recovery_scan_init_beside(&other, scan);
    if (status == STATUS_OK) {
        struct reader first = {.parts = parts, .scan = scan, .reserved_keys = key_count};
        struct reader second = {.parts = parts, .scan = &other, .reserved_keys = key_count / 2};
        recovery_threads_run(read_parts, &first, read_parts, &second);
        status = result_of(&first, &second, error);
        if (status != STATUS_OK) {
            recovery_scan_deinit(&other);
            return status;
        }
        status = recovery_scan_merge(scan, &other);
    }
    recovery_scan_deinit(&other);
    return status == STATUS_OK
               ? status
               : error_set(error, status, "can't build the index: %s", status_words(status));
}

enum status recovery_scan_files(struct recovery_scan *scan, const struct recovery_scan_part *parts,
                                size_t count, size_t key_count, struct error *error)
{
    struct parts shared = {.items = parts, .count = count};
    if (count > 1 && recovery_threads_pay(scan->engine, scan->progress.total_bytes)) {
        return read_by_two(scan, &shared, key_count, error);
    }
    struct reader reader = {.parts = &shared, .scan = scan, .reserved_keys = key_count};
    read_parts(&reader);
    if (reader.status != STATUS_OK) {
        *error = reader.error;
    }
    return reader.status;
}
