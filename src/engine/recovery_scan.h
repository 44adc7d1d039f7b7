/*
 * recovery_scan.h - reading the records of a store's files: the newest of each key, the marks, and
 * the newest map of the databases.
 *
 * A scan is used by one thread at a time, while the store is being opened; two may read different
 * files at the same time. A struct recovery_scan owns what it holds.
 */
#ifndef SCDB_ENGINE_RECOVERY_SCAN_H
#define SCDB_ENGINE_RECOVERY_SCAN_H

#include "engine/recovery_files.h"
#include "engine/recovery_pieces.h"
#include "engine/recovery_progress.h"
#include "engine/recovery_table.h"
#include "engine/recovery_threads.h"
#include "engine/staircase.h"

#define RECOVERY_WAITING_MAX 16

struct recovery_scan {
    RECOVERY_APART struct engine *engine; /* borrowed */
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
    struct recovery_progress *shared; /* that of the scan it reads beside, or its own */
};

/* Begins with the manifest's map. NO_MEMORY: only deinit is allowed. */
enum status recovery_scan_init(struct recovery_scan *scan, struct engine *engine) MUST_CHECK;
void recovery_scan_deinit(struct recovery_scan *scan);

/* A second scan of the same store, which adds to the progress of the first. NO_MEMORY: as above. */
enum status recovery_scan_init_beside(struct recovery_scan *scan,
                                      struct recovery_scan *first) MUST_CHECK;

/* Puts what `from` has read to that of `into`. NO_MEMORY: neither is of use. */
enum status recovery_scan_merge(struct recovery_scan *into,
                                const struct recovery_scan *from) MUST_CHECK;

/* Reads all records of the file from `from` (the place of one, or the file's end) on. CORRUPT: the
 * file is damaged within what was durable, `error` says where. */
enum status recovery_scan_file(struct recovery_scan *scan, const struct recovery_file *file,
                               uint64_t from, struct error *error) MUST_CHECK;

#endif
