/*
 * compaction_copy.h - reading a segment that is to go, and copying out of it what must stay.
 *
 * What stays: records that a slot points at; tombstones and expiry marks whose time has not come
 * (see struct compaction_copy's guard_limit); and, as tombstones, records that expired, which hide
 * older versions of their keys like one. All keep their sequence numbers.
 *
 * Records are read in batches without a lock, judged (does the slot still point here?), and copied.
 * The segment's map (live_map.h) is the judge where it can be; the index is asked under the lock.
 */
#ifndef SCDB_ENGINE_COMPACTION_COPY_H
#define SCDB_ENGINE_COMPACTION_COPY_H

#include "base/buffer.h"
#include "base/status.h"
#include "engine/compaction_output.h"
#include "engine/record_scanner.h"
#include "engine/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPACTION_BATCH_COUNT 1024
#define COMPACTION_BATCH_SIZE  ((size_t)256 * 1024)
#define COMPACTION_BATCH_READ  ((uint64_t)512 * 1024) /* of the segment, dead records included */

enum compaction_verdict {
    VERDICT_DROP,
    VERDICT_COPY,
    VERDICT_TOMBSTONE,
    VERDICT_OPEN, /* the lock is needed to say */
};

/* A record that may have to stay. */
struct compaction_candidate {
    struct record record; /* borrows from the batch's bytes, or from the segment's mapping */
    uint64_t offset;
    uint64_t size;
    size_t bytes_at; /* of its copy in the batch's bytes */
    bool is_large;   /* only head and key are copied; the value is read through the mapping */
    struct index_hash hash;
    enum compaction_verdict verdict;
};

struct compaction_copy {
    struct engine *engine;  /* borrowed */
    struct segment *victim; /* borrowed, referenced by the caller */
    /* A tombstone with a sequence number up to this hides nothing that any other file still
     * holds: it may go. */
    uint64_t guard_limit;
    struct record_scanner scanner;
    struct buffer bytes;
    struct compaction_candidate candidates[COMPACTION_BATCH_COUNT];
    size_t candidate_count;
    size_t next;     /* the first candidate that is not copied yet */
    bool ended;      /* the scanner has reached the end */
    bool is_damaged; /* the victim holds what can't be read: the last status came from there */
};

/* NO_MEMORY. */
enum status compaction_copy_init(struct compaction_copy *copy, struct engine *engine,
                                 struct segment *victim, uint64_t guard_limit) MUST_CHECK;
void compaction_copy_deinit(struct compaction_copy *copy);

/* Reads and judges the next batch. NOT_FOUND: there is none, all is copied. CORRUPT, IO: the
 * segment is damaged (logged); what was copied may still be published. No lock held. */
enum status compaction_copy_read(struct compaction_copy *copy) MUST_CHECK;

/*
 * Copies what stays of the batch. TOO_LARGE: the output has no room for the next record, which
 * takes *size bytes: come again with another. OK: the batch is done; the other statuses as above,
 * and the output's.
 */
enum status compaction_copy_write(struct compaction_copy *copy, struct compaction_output *output,
                                  uint64_t *size) MUST_CHECK;

#endif
