/* statistics.c - see statistics.h. */
#include "server/statistics.h"

#include "base/clock.h"
#include "server/histogram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Random enough to tell two runs apart, also where the kernel has no random bytes to give. */
static void make_run_id(char run_id[41])
{
    uint64_t words[3] = {(uint64_t)clock_unix_us(), (uint64_t)getpid(), 0};
    if (getrandom(words, sizeof(words), 0) != (ssize_t)sizeof(words)) {
        words[2] = (uint64_t)clock_monotonic_us();
    }
    (void)snprintf(run_id, 41, "%016llx%016llx%08x", (unsigned long long)words[0],
                   (unsigned long long)words[1], (unsigned)(words[2] & UINT32_MAX));
}

enum status statistics_create(struct statistics **out)
{
    struct statistics *statistics = calloc(1, sizeof(*statistics));
    if (statistics == NULL) {
        return STATUS_NO_MEMORY;
    }
    statistics->started_unix_ms = clock_unix_ms();
    statistics->started_monotonic_ms = clock_monotonic_ms();
    make_run_id(statistics->run_id);
    quick_clock_init(&statistics->clock);
    statistics->last_save_unix_ms = statistics->started_unix_ms;
    statistics->last_save_clock_ms = clock_monotonic_ms();
    statistics->last_save_duration_ms = -1;
    *out = statistics;
    return STATUS_OK;
}

void statistics_destroy(struct statistics *statistics)
{
    if (statistics != NULL) {
        for (size_t i = 0; i < STATISTICS_COMMANDS_MAX; i++) {
            free(statistics->commands[i].latency);
        }
    }
    free(statistics);
}

void statistics_reset_locked(struct statistics *statistics)
{
    atomic_store(&statistics->commands_processed, 0);
    statistics->connections_received = 0;
    statistics->connections_rejected = 0;
    statistics->net_input_bytes = 0;
    statistics->net_output_bytes = 0;
    statistics->reads_processed = 0;
    statistics->writes_processed = 0;
    statistics->output_limit_disconnections = 0;
    statistics->query_limit_disconnections = 0;
    statistics->evicted_clients = 0;
    statistics->error_replies = 0;
    statistics->error_count = 0;
    /* Slots stay where they are: others hold pointers to them. */
    for (size_t i = 0; i < STATISTICS_COMMANDS_MAX; i++) {
        struct command_statistics *slot = &statistics->commands[i];
        free(slot->latency);
        *slot = (struct command_statistics){.command = slot->command};
    }
}

struct command_statistics *statistics_of_command_locked(struct statistics *statistics,
                                                        const struct command *command)
{
    /* Rows of a table are neighbours; the multiplication spreads them. */
    uint64_t hash = (uint64_t)(uintptr_t)command * 0x9E3779B97F4A7C15U;
    for (size_t i = hash >> 54;; i = (i + 1) % STATISTICS_COMMANDS_MAX) {
        struct command_statistics *slot = &statistics->commands[i];
        if (slot->command == command) {
            return slot;
        }
        if (slot->command == NULL) {
            slot->command = command;
            return slot;
        }
    }
}

int64_t statistics_begin_command_locked(struct statistics *statistics)
{
    if (statistics->clock_us == 0) {
        statistics->clock_us = quick_clock_begin(&statistics->clock);
        statistics->hold_clock_us = statistics->clock_us;
        statistics->unix_ms = clock_unix_ms();
        statistics->next_ms_us = statistics->clock_us + 1000;
    }
    return statistics->clock_us;
}

int64_t statistics_begin_unix_ms_locked(struct statistics *statistics)
{
    int64_t begin_us = statistics_begin_command_locked(statistics);
    if (begin_us >= statistics->next_ms_us) {
        int64_t passed_ms = 1 + (begin_us - statistics->next_ms_us) / 1000;
        statistics->unix_ms += passed_ms;
        statistics->next_ms_us += passed_ms * 1000;
    }
    return statistics->unix_ms;
}

static void track(struct command_statistics *slot, uint64_t microseconds)
{
    if (slot->latency == NULL) {
        slot->latency = calloc(1, sizeof(*slot->latency));
    }
    if (slot->latency != NULL) {
        histogram_add(slot->latency, microseconds * 1000);
    }
}

uint64_t statistics_end_command_locked(struct statistics *statistics, const struct command *command,
                                       int64_t begin_us, bool tracked)
{
    statistics->clock_us = quick_clock_us(&statistics->clock);
    uint64_t microseconds = (uint64_t)(statistics->clock_us - begin_us);
    struct command_statistics *slot = statistics_of_command_locked(statistics, command);
    slot->calls++;
    slot->microseconds += microseconds;
    if (tracked) {
        track(slot, microseconds);
    }
    /* Only the holder of the lock writes: a plain increment, seen by others sooner or later. */
    uint64_t count = atomic_load_explicit(&statistics->commands_processed, memory_order_relaxed);
    atomic_store_explicit(&statistics->commands_processed, count + 1, memory_order_relaxed);
    return microseconds;
}

int64_t statistics_hold_us_locked(const struct statistics *statistics)
{
    return statistics->clock_us == 0 ? 0 : statistics->clock_us - statistics->hold_clock_us;
}

void statistics_end_hold_locked(struct statistics *statistics)
{
    statistics->clock_us = 0;
}

void statistics_failed_locked(struct statistics *statistics, const struct command *command)
{
    statistics_of_command_locked(statistics, command)->failed++;
}

void statistics_rejected_locked(struct statistics *statistics, const struct command *command)
{
    statistics_of_command_locked(statistics, command)->rejected++;
}

void statistics_error_locked(struct statistics *statistics, struct slice text)
{
    statistics->error_replies++;
    size_t size = 0;
    while (size < text.size && text.data[size] != ' ' && text.data[size] != '\r') {
        size++;
    }
    struct error_statistics *errors = statistics->errors;
    if (size == 0 || size >= sizeof(errors->code)) {
        return;
    }
    size_t i = 0;
    while (i < statistics->error_count &&
           (strlen(errors[i].code) != size || memcmp(errors[i].code, text.data, size) != 0)) {
        i++;
    }
    if (i == STATISTICS_ERRORS_MAX) {
        return;
    }
    if (i == statistics->error_count) {
        memcpy(errors[i].code, text.data, size);
        errors[i].code[size] = '\0';
        errors[i].count = 0;
        statistics->error_count++;
    }
    errors[i].count++;
}

static void sample(struct rate *rate, uint64_t count, int64_t now_ms)
{
    int64_t passed_ms = now_ms - rate->last_ms;
    if (rate->last_ms != 0 && passed_ms > 0) {
        /* A reset makes the count smaller than it was. */
        uint64_t more = count >= rate->last_count ? count - rate->last_count : count;
        rate->samples[rate->next] = more * 1000 / (uint64_t)passed_ms;
        rate->next = (rate->next + 1) % STATISTICS_SAMPLES;
        uint64_t sum = 0;
        for (size_t i = 0; i < STATISTICS_SAMPLES; i++) {
            sum += rate->samples[i];
        }
        atomic_store(&rate->per_second, sum / STATISTICS_SAMPLES);
    }
    rate->last_count = count;
    rate->last_ms = now_ms;
}

void statistics_sample(struct statistics *statistics, int64_t now_ms)
{
    sample(&statistics->commands_rate, atomic_load(&statistics->commands_processed), now_ms);
    sample(&statistics->input_rate, atomic_load(&statistics->net_input_bytes), now_ms);
    sample(&statistics->output_rate, atomic_load(&statistics->net_output_bytes), now_ms);
}
