/*
 * recovery_scan.h - reading the records of a store's files: the newest of each key, the marks, and
 * the newest map of the databases.
 *
 * Used by one thread, while the store is being opened. A struct recovery_scan owns what it holds.
 */
#ifndef SCDB_ENGINE_RECOVERY_SCAN_H
#define SCDB_ENGINE_RECOVERY_SCAN_H

#include "engine/recovery_files.h"
#include "engine/recovery_pieces.h"
#include "engine/recovery_table.h"
#include "engine/staircase.h"

#define RECOVERY_WAITING_MAX 16

/* What has been read, of what there is to read; for the log. */
struct recovery_progress {
    uint64_t total_bytes;
    uint64_t done_bytes;
    uint64_t records;
    int64_t started_ms; /* monotonic, as are the others */
    int64_t told_ms;
};

struct recovery_scan {
    struct engine *engine; /* borrowed */
    struct recovery_table table;
    struct staircase marks;
    struct recovery_pieces pieces;

    /* on their way into the table: its memory is asked for before it is used */
    struct recovery_entry waiting[RECOVERY_WAITING_MAX];
    size_t waiting_count;

    /* the newest map seen */
    uint64_t map_sequence;
    uint64_t *map; /* owned */
    size_t map_count;
    uint64_t next_keyspace_id;

    struct recovery_progress progress;
};

/* Begins with the manifest's map. NO_MEMORY: only deinit is allowed. */
enum status recovery_scan_init(struct recovery_scan *scan, struct engine *engine) MUST_CHECK;
void recovery_scan_deinit(struct recovery_scan *scan);

/* Reads all records of the file from `from` (the place of one, or the file's end) on. CORRUPT: the
 * file is damaged within what was durable, `error` says where. */
enum status recovery_scan_file(struct recovery_scan *scan, const struct recovery_file *file,
                               uint64_t from, struct error *error) MUST_CHECK;

#endif
