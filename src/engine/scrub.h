/*
 * scrub.h - reads again what nobody has asked for in a long time, to find damage while a backup of
 * it still exists.
 *
 * A pass goes through all sealed segments, in the order of their numbers, and verifies the
 * checksums of every record, dead or alive. It reads a piece at each round of maintenance, with
 * pread but for large values, and drops from the page cache what it has read. A segment that turns
 * out damaged is reported once in the log and quarantined (segment.damaged): compaction leaves it
 * as it is, and so do later passes.
 *
 * It rests while a compaction runs: what that has copied from a segment, and has not yet settled,
 * is judged by whether the segment is damaged.
 *
 * Threads: scrub_step() and scrub_begin() are the maintenance thread's (or engine_tick()'s). The
 * interval may be set by any thread, the counters be read by any.
 */
#ifndef SCDB_ENGINE_SCRUB_H
#define SCDB_ENGINE_SCRUB_H

#include "engine/record_scanner.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;

/* What one step reads, but for the end of a record; together, ten megabytes a second. */
#define SCRUB_STEP_SIZE        ((uint64_t)1 << 20)
#define SCRUB_STEP_INTERVAL_MS 100

struct scrub {
    _Atomic uint64_t interval_s; /* between passes; 0 = off */

    atomic_bool running;     /* a pass is under way */
    _Atomic uint64_t passes; /* ended */
    _Atomic uint64_t read_bytes;
    _Atomic uint64_t damaged_records; /* places without a valid record count as one */
    _Atomic uint64_t damaged_segments;

    /* the maintenance thread's own */
    int64_t last_ms; /* when the last pass ended, or the store was opened */
    int64_t next_step_ms;
    uint64_t next_number;          /* segments before it are done with in this pass */
    struct segment *segment;       /* referenced; NULL between segments */
    struct record_scanner scanner; /* of it */
    uint64_t value_offset;         /* of a large value: what has been verified of it */
};

void scrub_init(struct scrub *scrub);

/* Lets go of the segment that it is at. */
void scrub_deinit(struct scrub *scrub);

/* Reads the next piece if a pass is under way or due, and the last piece is a while ago. No lock
 * held, no compaction running. */
void scrub_step(struct engine *engine);

/* Begins a pass now, if none is under way. */
void scrub_begin(struct scrub *scrub);

#endif
