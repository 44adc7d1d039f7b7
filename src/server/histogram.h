/*
 * histogram.h - how often which latency was met, to about two decimal digits.
 *
 * Counts values of 1 ns to 1 s (what lies outside counts as the nearest of these). Each power of
 * two is divided into 128 steps of equal width, so a value is known to better than 1 %, and a
 * step's largest value stands for all in it: the numbers are those that redis-server tells for the
 * same latencies. One takes 25 KiB, of which what is never met is never touched.
 *
 * One owner at a time; no locks.
 */
#ifndef SCDB_SERVER_HISTOGRAM_H
#define SCDB_SERVER_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_STEPS      128 /* of each power of two */
#define HISTOGRAM_VALUE_MAX  1000000000
#define HISTOGRAM_POWERS     24 /* from the first 256 values on to above HISTOGRAM_VALUE_MAX */
#define HISTOGRAM_CELL_COUNT ((size_t)HISTOGRAM_STEPS * (HISTOGRAM_POWERS + 1))

struct histogram {
    uint64_t total;
    uint64_t cells[HISTOGRAM_CELL_COUNT];
};

void histogram_add(struct histogram *histogram, uint64_t nanoseconds);

/* The value that `percentile` (0 to 100) of all do not exceed. Of an empty histogram: 0. */
uint64_t histogram_value_at(const struct histogram *histogram, double percentile);

/* How many do not exceed the step that `nanoseconds` is in; *highest is that step's largest. */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t nanoseconds,
                               uint64_t *highest);

#endif
