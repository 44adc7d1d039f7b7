/*
 * latency.c - LATENCY: the moments at which something took long. What is noted is decided in
 * observe.c, and for the log in server/turn_settle.c.
 */
#include "commands/latency.h"

#include "base/clock.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"
#include "commands/text.h"
#include "server/config.h"
#include "server/latency.h"
#include "server/server.h"

/* What the server has noted of one event. */
struct record {
    enum latency_event event;
    uint64_t milliseconds_max;
    size_t count;
    struct latency_sample samples[LATENCY_SAMPLES];
};

static bool read_record(struct call *call, enum latency_event event, struct record *record)
{
    record->event = event;
    record->count = latency_read(server_latency(call->server), event, record->samples,
                                 &record->milliseconds_max);
    return record->count > 0;
}

static void latency_latest(struct call *call)
{
    struct record record;
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(call->reply);
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++) {
        if (!read_record(call, (enum latency_event)i, &record)) {
            continue;
        }
        const struct latency_sample *last = &record.samples[record.count - 1];
        reply_array(call->reply, 4);
        reply_bulk_string(call->reply, latency_event_name(record.event));
        reply_integer(call->reply, last->unix_seconds);
        reply_integer(call->reply, (int64_t)last->milliseconds);
        reply_integer(call->reply, (int64_t)record.milliseconds_max);
        count++;
    }
    reply_deferred_array(call->reply, mark, count);
}

static void latency_history(struct call *call)
{
    struct record record = {.count = 0};
    enum latency_event event;
    if (latency_find_event(call->arguments[2], &event)) {
        (void)read_record(call, event, &record);
    }
    reply_array(call->reply, record.count);
    for (size_t i = 0; i < record.count; i++) {
        reply_array(call->reply, 2);
        reply_integer(call->reply, record.samples[i].unix_seconds);
        reply_integer(call->reply, (int64_t)record.samples[i].milliseconds);
    }
}

static void run_latency_reset(struct call *call)
{
    struct latency *latency = server_latency(call->server);
    int64_t count = 0;
    enum latency_event event;
    for (size_t i = 2; i < call->argument_count; i++) {
        count += latency_find_event(call->arguments[i], &event) && latency_reset(latency, event);
    }
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT && call->argument_count == 2; i++) {
        count += latency_reset(latency, (enum latency_event)i);
    }
    reply_integer(call->reply, count);
}

/* --- DOCTOR --- */

static const char *advice_for(enum latency_event event)
{
    switch (event) {
    case LATENCY_COMMAND:
    case LATENCY_FAST_COMMAND:
        return "SLOWLOG GET shows the commands themselves. KEYS, and values of many megabytes, are "
               "what usually takes long; a slow disk shows when the data is larger than memory.";
    case LATENCY_LOG_WRITE:
        return "The system took long to accept what was written to the log: see whether the disk "
               "is busy with something else, and INFO persistence for the last fdatasync.";
    case LATENCY_EVENT_COUNT:
        break;
    }
    return "";
}

static void diagnose(struct call *call, const struct record *record, struct text *text)
{
    uint64_t sum = 0;
    uint64_t high = 0;
    for (size_t i = 0; i < record->count; i++) {
        uint64_t milliseconds = record->samples[i].milliseconds;
        sum += milliseconds;
        high = milliseconds > high ? milliseconds : high;
    }
    int64_t passed = clock_unix_ms() / 1000 - record->samples[0].unix_seconds;
    text_format(
        text,
        "* %s: in %zu of the last %lld seconds it took up to %llu ms, %llu ms in the mean; "
        "the longest ever, %llu ms. The threshold is %lld ms. %s\n",
        latency_event_name(record->event), record->count, (long long)passed + 1,
        (unsigned long long)high, (unsigned long long)(sum / record->count),
        (unsigned long long)record->milliseconds_max,
        (long long)config_number(server_config(call->server), CONFIG_LATENCY_MONITOR_THRESHOLD),
        advice_for(record->event));
}

static void latency_doctor(struct call *call)
{
    struct text text;
    struct record record;
    text_init(&text);
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++) {
        if (read_record(call, (enum latency_event)i, &record)) {
            diagnose(call, &record, &text);
        }
    }
    if (config_number(server_config(call->server), CONFIG_LATENCY_MONITOR_THRESHOLD) == 0) {
        text_add(&text, SLICE_LITERAL("Latency is not monitored: \"CONFIG SET "
                                      "latency-monitor-threshold 100\" notes what takes 100 "
                                      "milliseconds or more.\n"));
    } else if (text.bytes.size == 0) {
        text_add(&text, SLICE_LITERAL("Nothing took longer than latency-monitor-threshold.\n"));
    }
    text_reply(&text, call->reply);
    text_deinit(&text);
}

static void latency_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Say in words what took long, and what can be done.",
        "GRAPH <event>",
        "    Draw the samples of the event.",
        "HISTOGRAM [<command> ...]",
        "    Show how many calls of each command took up to how many microseconds.",
        "HISTORY <event>",
        "    Show the samples of the event: Unix time and milliseconds.",
        "LATEST",
        "    Show the last sample and the longest of each event.",
        "RESET [<event> ...]",
        "    Forget the samples of the events, or of all.",
        NULL,
    };
    help_reply(call, lines);
}

/* --- the rows --- */

#define OWN        (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define TIPS       "nondeterministic_output request_policy:all_nodes response_policy:special"
#define ROW_COMMON .group = "server", .parent = &latency_commands[0]

static const struct command latency_subcommands[] = {
    {.name = "doctor",
     .handler = latency_doctor,
     .arity = 2,
     .flags = OWN,
     .since = "2.8.13",
     .summary = "Says in words what took long",
     .complexity = "O(1)",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "graph",
     .handler = latency_graph,
     .arity = 3,
     .flags = OWN,
     .since = "2.8.13",
     .summary = "Draws the samples of an event",
     .complexity = "O(1)",
     .syntax = "event",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "histogram",
     .handler = latency_histogram,
     .arity = -2,
     .flags = OWN,
     .since = "7.0.0",
     .summary = "Shows how long the calls of commands took",
     .complexity = "O(N) where N is the number of commands shown",
     .syntax = "[command...]",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "history",
     .handler = latency_history,
     .arity = 3,
     .flags = OWN,
     .since = "2.8.13",
     .summary = "Shows the samples of an event",
     .complexity = "O(1)",
     .syntax = "event",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "latest",
     .handler = latency_latest,
     .arity = 2,
     .flags = OWN,
     .since = "2.8.13",
     .summary = "Shows the last sample of each event",
     .complexity = "O(1)",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "reset",
     .handler = run_latency_reset,
     .arity = -2,
     .flags = OWN,
     .since = "2.8.13",
     .summary = "Forgets the samples of events",
     .complexity = "O(1)",
     .syntax = "[event...]",
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     ROW_COMMON},
    {.name = "help",
     .handler = latency_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "2.8.13",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_COMMON},
    {0},
};

const struct command latency_commands[] = {
    {.name = "latency",
     .arity = -2,
     .group = "server",
     .since = "2.8.13",
     .summary = "A container for the commands about what took long",
     .complexity = "Depends on subcommand.",
     .subcommands = latency_subcommands},
    {0},
};
