/*
 * segment_header.h - the first 128 bytes of every segment file.
 *
 * Pure functions, any thread. See docs/file-format.md.
 */
#ifndef SCDB_ENGINE_SEGMENT_HEADER_H
#define SCDB_ENGINE_SEGMENT_HEADER_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_HEADER_SIZE 128 /* the first record starts here */

/* Of PIECES are the manifest of a store that a program which knows strings in pieces has opened for
 * writing, and a checkpoint that has some; all else is written as PLAIN. */
#define FORMAT_VERSION_PLAIN  1
#define FORMAT_VERSION_PIECES 2
#define FORMAT_VERSION        2 /* the newest that is known */

enum segment_kind {
    SEGMENT_LOG = 1,   /* what the writer appended, in order */
    SEGMENT_PACKED = 2 /* what compaction copied together */
};

struct segment_header {
    enum segment_kind kind;
    uint64_t file_number;
    uint64_t capacity;       /* bytes that the file may grow to */
    uint64_t first_sequence; /* log: of its first record; packed: the smallest it holds */

    /* Log: where the log segment before this one ends; all 0 for the first of a store. */
    uint64_t previous_file;
    uint64_t previous_end;      /* offset behind its last record */
    uint64_t previous_sequence; /* of its last record */

    /* Packed: the file holds nothing that was dead at this sequence number (the rule by which
     * tombstones may go: docs/durability.md), and nothing newer; the log was durable up to it
     * before the file was made (rule 17). Log: 0. */
    uint64_t judged_sequence;

    int64_t created_ms;
};

/* Encodes into SEGMENT_HEADER_SIZE bytes, checksum included. */
void segment_header_encode(const struct segment_header *header, const uint8_t store_id[16],
                           uint8_t *into);

/* CORRUPT: not a header of this store and file number. NEWER_FORMAT: a later format's. */
enum status segment_header_decode(const uint8_t *bytes, const uint8_t store_id[16],
                                  uint64_t file_number, struct segment_header *out) MUST_CHECK;

/* The same when the store's id is what is looked for: a header that is valid under the id that it
 * names itself. Also for a later format's. CORRUPT: `store_id` is untouched. */
enum status segment_header_store_id(const uint8_t *bytes, uint64_t file_number,
                                    uint8_t store_id[16]) MUST_CHECK;

/* Where a header names its store: for guesses at it when no header is whole. */
#define SEGMENT_HEADER_STORE_ID_OFFSET 16

/* "00000000000000000012.log" / ".pack" into `name` (FILE_NAME_SIZE_MAX bytes). */
void segment_file_name(enum segment_kind kind, uint64_t file_number, char *name);

#endif
