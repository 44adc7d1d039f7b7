/* quick_clock.c - see quick_clock.h. */
#include "base/quick_clock.h"

#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* For so long ticks are counted before their length is taken from it: it is right to 1 of 100,000,
 * as the system's clock tells microseconds. */
#define RATE_US_MIN 100000
/* A length is believed when it differs by no more from the one that was found before: a thread that
 * was held up between its two readings, of the clock and of the counter, has found a wrong one. */
#define RATE_TOLERANCE 0.001

/* --- the counter ---------------------------------------------------------------------------- */

#if defined(__x86_64__)

static inline uint64_t read_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

static bool find_ticks(void)
{
    static const char wanted[] = "tsc\n";
    char name[sizeof(wanted)] = "";
    int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                    O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t size = read(file, name, sizeof(name));
    (void)close(file);
    return size == (ssize_t)strlen(wanted) && memcmp(name, wanted, (size_t)size) == 0;
}

#else

static inline uint64_t read_ticks(void)
{
    return 0;
}

static bool find_ticks(void)
{
    return false;
}

#endif

/* --- time from ticks ------------------------------------------------------------------------ */

/* The length of a tick, from time to time: so it follows a machine that is moved to another. */
static void measure(struct quick_clock *clock, int64_t us, uint64_t ticks)
{
    if (clock->rate_us != 0 && us - clock->rate_us < RATE_US_MIN) {
        return;
    }
    double found = 0;
    if (clock->rate_us != 0 && ticks > clock->rate_ticks) {
        found = (double)(us - clock->rate_us) / (double)(ticks - clock->rate_ticks);
    }
    double before = clock->found_us_per_tick;
    double change = found > before ? found - before : before - found;
    clock->us_per_tick = change <= before * RATE_TOLERANCE ? found : 0;
    clock->found_us_per_tick = found;
    clock->rate_us = us;
    clock->rate_ticks = ticks;
}

void quick_clock_begin_at(struct quick_clock *clock, int64_t us, uint64_t ticks)
{
    measure(clock, us, ticks);
    clock->span_us = us;
    clock->span_ticks = ticks;
    clock->last_us = us;
}

int64_t quick_clock_us_at(struct quick_clock *clock, uint64_t ticks)
{
    if (ticks > clock->span_ticks) {
        double passed_us = (double)(ticks - clock->span_ticks) * clock->us_per_tick;
        int64_t us = clock->span_us + (int64_t)passed_us;
        clock->last_us = us > clock->last_us ? us : clock->last_us;
    }
    return clock->last_us;
}

/* --- both together -------------------------------------------------------------------------- */

void quick_clock_init(struct quick_clock *clock)
{
    *clock = (struct quick_clock){.has_ticks = find_ticks()};
}

int64_t quick_clock_begin(struct quick_clock *clock)
{
    int64_t us = clock_monotonic_us();
    if (clock->has_ticks) {
        quick_clock_begin_at(clock, us, read_ticks());
    }
    return us;
}

int64_t quick_clock_us(struct quick_clock *clock)
{
    return clock->us_per_tick > 0 ? quick_clock_us_at(clock, read_ticks()) : clock_monotonic_us();
}
