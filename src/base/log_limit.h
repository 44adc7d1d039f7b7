/*
 * log_limit.h - at most one line of the log in an interval, of what could fill it: how far long
 * work is, or a trouble that comes again with each request.
 *
 * Any thread; of those that ask at the same time one may write its line.
 */
#ifndef SCDB_BASE_LOG_LIMIT_H
#define SCDB_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* The intervals in use. */
#define LOG_LIMIT_PROGRESS_MS 1000
#define LOG_LIMIT_TROUBLE_MS  60000

/* All zero: the first line may be written at once. */
struct log_limit {
    _Atomic int64_t written_ms; /* of the last line, monotonic; 0 = there was none */
};

/* The first line may be written when an interval has passed: work that is done by then gets none.
 * Before other threads use it. */
void log_limit_begin(struct log_limit *limit, int64_t now_ms);

/* May a line be written, as none was for so long? True: the caller writes it. `now_ms` is
 * monotonic. */
bool log_limit_try(struct log_limit *limit, int64_t interval_ms, int64_t now_ms);

#endif
