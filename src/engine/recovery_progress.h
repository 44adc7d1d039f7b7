/*
 * recovery_progress.h - how far a long recovery is, told to the log once a second.
 *
 * Several threads may count at the same time.
 */
#ifndef SCDB_ENGINE_RECOVERY_PROGRESS_H
#define SCDB_ENGINE_RECOVERY_PROGRESS_H

#include "base/log_limit.h"

#include <stdatomic.h>
#include <stdint.h>

struct recovery_progress {
    const char *what; /* what is done with the bytes; borrowed */
    uint64_t total_bytes;
    _Atomic uint64_t done_bytes;
    _Atomic uint64_t records;
    int64_t started_ms; /* monotonic */
    struct log_limit limit;
};

/* There is nothing to read yet. `what`: "read" makes "35 % of 250 MiB read". */
void recovery_progress_begin(struct recovery_progress *progress, const char *what);

/* One thread's part, which it adds from time to time. It may be made anew at any time behind
 * recovery_count_add(). */
struct recovery_count {
    struct recovery_progress *progress;
    uint64_t bytes;
    uint64_t records;
};

/* Records and bytes between two looks at the clock. */
#define RECOVERY_COUNT_RECORDS 4096
#define RECOVERY_COUNT_BYTES   ((uint64_t)1 << 20)

/* Adds what was counted, and tells the log how far all are when that is due. */
void recovery_count_add(struct recovery_count *count);

/* Counts a record that takes so many bytes. */
static inline void recovery_count_record(struct recovery_count *count, uint64_t bytes)
{
    count->records++;
    count->bytes += bytes;
    if (count->records == RECOVERY_COUNT_RECORDS || count->bytes >= RECOVERY_COUNT_BYTES) {
        recovery_count_add(count);
    }
}

#endif
