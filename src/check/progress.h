/*
 * progress.h - how far long work has come, on stderr: a line that is written over on a terminal, a
 * line every ten seconds elsewhere. Nothing for work that takes less than a second. One thread.
 */
#ifndef SCDB_CHECK_PROGRESS_H
#define SCDB_CHECK_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* borrowed: "reading" */
    uint64_t total;   /* bytes */
    uint64_t done;
    uint64_t looked_at; /* bytes done when the clock was last asked */
    int64_t next_ms;    /* when to say something again */
    bool is_terminal;
    bool is_quiet;
    bool has_spoken;
};

/* `is_quiet`: says nothing at all. */
void progress_begin(struct progress *progress, const char *what, uint64_t total_bytes,
                    bool is_quiet);

/* So many bytes are done in all. */
void progress_at(struct progress *progress, uint64_t done_bytes);

void progress_end(struct progress *progress);

#endif
