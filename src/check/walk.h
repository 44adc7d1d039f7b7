/*
 * walk.h - the records of one file, one after the other, past whatever is damaged.
 *
 * Where no valid record is, the next one is looked for at every multiple of 8 bytes; checksums,
 * seeded with store and file, decide. Bytes that the disk can't deliver are stepped over page by
 * page. What was stepped over is reported as a gap.
 *
 * One thread. A struct walk owns its buffer and borrows the file.
 */
#ifndef SCDB_CHECK_WALK_H
#define SCDB_CHECK_WALK_H

#include "check/store.h"
#include "engine/record_scanner.h"

enum walk_event {
    WALK_RECORD, /* walk->scanned */
    WALK_GAP,    /* [gap_from, gap_to) holds no valid record */
    WALK_END
};

struct walk {
    struct check_file *file;
    struct record_scanner scanner;
    struct scanned_record scanned;
    uint64_t gap_from;
    uint64_t gap_to;
    bool gap_is_zero;       /* reserved space that was never used; reaches to the limit */
    bool gap_is_unreadable; /* the disk did not deliver some of it */
    bool has_record;        /* `scanned` lies behind a gap that was reported first */
};

/* Begins at the file's first record. A file that could not be opened has none. NO_MEMORY. */
enum status walk_begin(struct walk *walk, struct check_file *file) MUST_CHECK;
void walk_end(struct walk *walk);

/* The next event. Slices of `scanned` are valid until the next call. NO_MEMORY. */
enum status walk_next(struct walk *walk, enum walk_event *event) MUST_CHECK;

/* At WALK_END: is there nothing behind the last record, or zeros that were never used, but no gap?
 * *offset is where it ends then. */
bool walk_ends_clean(const struct walk *walk, uint64_t *offset);

/* The verified value of the record that walk_next has come to, valid until the next call. CORRUPT:
 * it fails its checksum; IO: it can't be read. */
enum status walk_value(struct walk *walk, struct slice *out) MUST_CHECK;

#endif
