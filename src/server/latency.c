/* latency.c - see latency.h. */
#include "server/latency.h"

#include "base/clock.h"

static const char *const names[LATENCY_EVENT_COUNT] = {
    [LATENCY_COMMAND] = "command",
    [LATENCY_FAST_COMMAND] = "fast-command",
    [LATENCY_LOG_WRITE] = "aof-write",
};

void latency_init(struct latency *latency)
{
    *latency = (struct latency){0};
    mutex_init(&latency->mutex);
}

void latency_deinit(struct latency *latency)
{
    mutex_deinit(&latency->mutex);
}

const char *latency_event_name(enum latency_event event)
{
    return names[event];
}

bool latency_find_event(struct slice name, enum latency_event *event)
{
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++) {
        if (slice_equal(name, slice_of_string(names[i]))) {
            *event = (enum latency_event)i;
            return true;
        }
    }
    return false;
}

static void add(struct latency_series *series, int64_t unix_seconds, uint64_t milliseconds)
{
    size_t last = (series->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES;
    struct latency_sample *sample = &series->samples[last];
    if (milliseconds > series->milliseconds_max) {
        series->milliseconds_max = milliseconds;
    }
    if (sample->unix_seconds != unix_seconds) {
        series->samples[series->next] =
            (struct latency_sample){.unix_seconds = unix_seconds, .milliseconds = milliseconds};
        series->next = (series->next + 1) % LATENCY_SAMPLES;
    } else if (milliseconds > sample->milliseconds) {
        sample->milliseconds = milliseconds;
    }
}

void latency_add(struct latency *latency, enum latency_event event, uint64_t milliseconds)
{
    int64_t unix_seconds = clock_unix_ms() / 1000;
    mutex_lock(&latency->mutex);
    add(&latency->series[event], unix_seconds, milliseconds);
    mutex_unlock(&latency->mutex);
}

size_t latency_read(struct latency *latency, enum latency_event event,
                    struct latency_sample samples[LATENCY_SAMPLES], uint64_t *milliseconds_max)
{
    size_t count = 0;
    mutex_lock(&latency->mutex);
    const struct latency_series *series = &latency->series[event];
    for (size_t i = 0; i < LATENCY_SAMPLES; i++) {
        const struct latency_sample *sample =
            &series->samples[(series->next + i) % LATENCY_SAMPLES];
        if (sample->unix_seconds != 0) {
            samples[count++] = *sample;
        }
    }
    *milliseconds_max = series->milliseconds_max;
    mutex_unlock(&latency->mutex);
    return count;
}

bool latency_reset(struct latency *latency, enum latency_event event)
{
    mutex_lock(&latency->mutex);
    bool had_some = latency->series[event].milliseconds_max > 0;
    latency->series[event] = (struct latency_series){0};
    mutex_unlock(&latency->mutex);
    return had_some;
}
