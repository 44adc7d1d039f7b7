/* clock.c - see clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t clock_read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_unix_us(void)
{
    return clock_read_us(CLOCK_REALTIME);
}

int64_t clock_unix_ms(void)
{
    return clock_unix_us() / 1000;
}

int64_t clock_monotonic_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

void clock_sleep_us(int64_t duration_us)
{
    struct timespec duration = {.tv_sec = duration_us / 1000000,
                                .tv_nsec = duration_us % 1000000 * 1000};
    (void)nanosleep(&duration, NULL);
}
