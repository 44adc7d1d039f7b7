/*
 * quick_clock.h - the time within a span of work, which is read often.
 *
 * The system's clock makes the processor finish all that it has begun before it is read, memory
 * that was fetched ahead included; and that costs more than the reading. The processor's own
 * counter of ticks doesn't. Each span begins with the system's clock, which so corrects what the
 * counter would lose or gain, and tells how long a tick is.
 *
 * The counter is used where Linux itself keeps time by it (clocksource "tsc", on x86-64): there it
 * is the same on all processors and counts on while they sleep. Elsewhere, for a first moment, and
 * when ticks turn out to have another length than before, the system's clock is read each time.
 *
 * One thread at a time. All times are monotonic microseconds, as clock_monotonic_us().
 */
#ifndef SCDB_BASE_QUICK_CLOCK_H
#define SCDB_BASE_QUICK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct quick_clock {
    bool has_ticks;
    double us_per_tick;  /* 0 = not known */
    uint64_t span_ticks; /* at the beginning of this span */
    int64_t span_us;
    uint64_t rate_ticks;      /* where the measuring of a tick has begun */
    double found_us_per_tick; /* the last time that it was measured */
    int64_t rate_us;          /* 0 = nowhere */
    int64_t last_us;          /* that was told: it never goes back within a span */
};

/* Nothing to free. */
void quick_clock_init(struct quick_clock *clock);

/* A span begins. Returns the time. */
int64_t quick_clock_begin(struct quick_clock *clock);

/* The time, within a thousandth of what has passed of the span, a microsecond, and as long as the
 * thread may have been held up within quick_clock_begin(). */
int64_t quick_clock_us(struct quick_clock *clock);

/* What these two do, with the counter and the clock as they are given; for tests. */
void quick_clock_begin_at(struct quick_clock *clock, int64_t us, uint64_t ticks);
int64_t quick_clock_us_at(struct quick_clock *clock, uint64_t ticks);

#endif
