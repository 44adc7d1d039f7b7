/*
 * recovery_scan_files.h - reading all that has to be read of a store's files, by two threads where
 * it is much.
 *
 * Used by one thread, which has a second one help it until the call returns.
 */
#ifndef SCDB_ENGINE_RECOVERY_SCAN_FILES_H
#define SCDB_ENGINE_RECOVERY_SCAN_FILES_H

#include "engine/recovery_scan.h"

/* A file, and where its records begin that are to be read. */
struct recovery_scan_part {
    const struct recovery_file *file; /* borrowed */
    uint64_t from;
};

/*
 * Reads the records of all parts into `scan`; `key_count` is how many keys they are guessed to be
 * of, 0 when nobody knows. CORRUPT: a file is damaged within what was durable, `error` says where;
 * of several, in the first of the parts that were read. NO_MEMORY.
 */
enum status recovery_scan_files(struct recovery_scan *scan, const struct recovery_scan_part *parts,
                                size_t count, size_t key_count, struct error *error) MUST_CHECK;

#endif
