/*
 * clock.h - the time of day, and time that only goes forward. Any thread.
 */
#ifndef SCDB_BASE_CLOCK_H
#define SCDB_BASE_CLOCK_H

#include <stdint.h>

/* Unix time. May jump, also backwards, when the machine's clock is set. */
int64_t clock_unix_ms(void);
int64_t clock_unix_us(void);

/* Time since some fixed point; never goes backwards. For durations. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* Sleeps at least so long, or less when a signal comes. */
void clock_sleep_us(int64_t duration_us);

#endif
