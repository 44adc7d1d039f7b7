/*
 * record_scanner.h - reading the records of a segment file one after the other.
 *
 * Reads with file_read in large blocks, not through the mapping, and drops from the page cache what
 * it has passed, unless it is told to keep it. Values larger than the block are not read: who needs
 * one reads it through the segment's mapping.
 *
 * One scanner belongs to one thread. It owns its buffer and borrows the file.
 */
#ifndef SCDB_ENGINE_RECORD_SCANNER_H
#define SCDB_ENGINE_RECORD_SCANNER_H

#include "base/status.h"
#include "engine/file.h"
#include "engine/record.h"
#include "engine/segment.h"

#include <stdbool.h>
#include <stdint.h>

#define RECORD_SCANNER_BLOCK_SIZE  ((size_t)1 << 20)
#define RECORD_SCANNER_BLOCK_PAGES (RECORD_SCANNER_BLOCK_SIZE / FILE_PAGE_SIZE + 2)

struct record_scanner {
    struct file *file;
    uint64_t seed;
    uint64_t offset; /* of the next record; may be set to the place of any */
    uint64_t limit;  /* where the records end, or the file */
    bool want_values;
    bool keep_cache; /* what was read will be asked for again: set after init */
    const uint8_t
        *mapping; /* of the file; NULL: all that was read is dropped from the page cache */
    uint8_t
        was_cached[RECORD_SCANNER_BLOCK_PAGES]; /* of the buffer's pages: by others, they stay */
    uint8_t *buffer;                            /* owned */
    size_t capacity; /* the size of a block: may be set to less after init */
    uint64_t buffer_offset;
    size_t buffer_size;
};

/* A record that a scanner came upon; slices borrow from its buffer until the next call. */
struct scanned_record {
    struct record record; /* the value slice is valid only with has_value */
    uint64_t offset;
    uint64_t size;
    const uint8_t *bytes; /* the record, for record_verify_value when has_value */
    bool has_value;       /* the whole record is in the buffer */
};

/* Scans [offset, limit) of the segment's file. With `want_values` the records that fit into a block
 * are read whole. NO_MEMORY. */
enum status record_scanner_init(struct record_scanner *scanner, const struct segment *segment,
                                uint64_t offset, uint64_t limit, bool want_values) MUST_CHECK;

/* The same for a file that is no segment of an open store; `seed` is that of its checksums. */
enum status record_scanner_init_file(struct record_scanner *scanner, struct file *file,
                                     uint64_t seed, uint64_t offset, uint64_t limit) MUST_CHECK;
void record_scanner_deinit(struct record_scanner *scanner);

/*
 * The next record, its header and key verified. NOT_FOUND: the limit is reached exactly. CORRUPT:
 * there is no valid record at scanner->offset. IO, NO_MEMORY: it can't be read. The scanner moves
 * only on success; without it, *out means nothing.
 */
enum status record_scanner_next(struct record_scanner *scanner,
                                struct scanned_record *out) MUST_CHECK;

/* Are all bytes in [offset, limit) zero? */
enum status record_scanner_is_zero(struct record_scanner *scanner, uint64_t offset,
                                   bool *out) MUST_CHECK;

/* The bytes at `offset`, at least `size` of them (fewer at the limit, or where the file is shorter;
 * *available tells how many there are), valid until the next call. */
enum status record_scanner_bytes(struct record_scanner *scanner, uint64_t offset, size_t size,
                                 const uint8_t **out, size_t *available) MUST_CHECK;

#endif
