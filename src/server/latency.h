/*
 * latency.h - the last moments at which something took longer than latency-monitor-threshold.
 *
 * Events have the names that Redis gives them ("command", "fast-command", "aof-write"). Of each
 * the last 160 seconds in which it happened are kept, of a second the longest. Any thread: the
 * mutex is held for a few instructions and is innermost.
 */
#ifndef SCDB_SERVER_LATENCY_H
#define SCDB_SERVER_LATENCY_H

#include "base/mutex.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LATENCY_SAMPLES 160

enum latency_event {
    LATENCY_COMMAND,      /* a command */
    LATENCY_FAST_COMMAND, /* one of those that are never to take long */
    LATENCY_LOG_WRITE,    /* writing the log at the end of a worker's turn */
    LATENCY_EVENT_COUNT
};

struct latency_sample {
    int64_t unix_seconds; /* 0 = none */
    uint64_t milliseconds;
};

struct latency_series {
    uint64_t milliseconds_max; /* of all since the last reset */
    size_t next;               /* where the next sample is put: the oldest stands there */
    struct latency_sample samples[LATENCY_SAMPLES];
};

struct latency {
    struct mutex mutex;
    struct latency_series series[LATENCY_EVENT_COUNT] GUARDED_BY(mutex);
};

void latency_init(struct latency *latency);
void latency_deinit(struct latency *latency);

/* "command", "fast-command", "aof-write". */
const char *latency_event_name(enum latency_event event);

/* False: there is no such event. */
bool latency_find_event(struct slice name, enum latency_event *event);

/* Adds a sample of now. */
void latency_add(struct latency *latency, enum latency_event event, uint64_t milliseconds);

/* Copies the samples, oldest first, and the largest ever; returns how many there are. */
size_t latency_read(struct latency *latency, enum latency_event event,
                    struct latency_sample samples[LATENCY_SAMPLES], uint64_t *milliseconds_max);

/* Forgets the event's samples. False: it had none. */
bool latency_reset(struct latency *latency, enum latency_event event);

#endif
