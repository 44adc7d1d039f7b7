/*
 * latency_graph.c - LATENCY GRAPH and HISTOGRAM: samples as a picture, and as counts.
 *
 * The picture has four lines of characters; each character shows one of three heights, so there
 * are twelve steps between the smallest and the largest sample. Under each column stands, written
 * downwards, how long ago it was.
 */
#include "commands/latency.h"

#include "base/clock.h"
#include "commands/errors.h"
#include "commands/table.h"
#include "commands/text.h"
#include "server/histogram.h"
#include "server/latency.h"
#include "server/server.h"
#include "server/statistics.h"

#include <stdio.h>
#include <string.h>

/* --- GRAPH --- */

#define GRAPH_WIDTH 80
#define GRAPH_LINES 4
#define LABEL_SIZE  24
#define RULE        "----------------------------------------"

static const char heights[] = {'_', 'o', '#'};
#define HEIGHTS     ((int)sizeof(heights))
#define GRAPH_STEPS (GRAPH_LINES * HEIGHTS)

struct graph {
    const struct latency_sample *samples;
    size_t count;
    uint64_t low;
    uint64_t high;
    char labels[LATENCY_SAMPLES][LABEL_SIZE]; /* "2s", "5m" ... */
};

static void write_label(int64_t seconds, char label[LABEL_SIZE])
{
    static const struct unit {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t unit = 0;
    while (unit < 3 && seconds < units[unit].seconds) {
        unit++;
    }
    (void)snprintf(label, LABEL_SIZE, "%lld%c", (long long)(seconds / units[unit].seconds),
                   units[unit].letter);
}

static void measure(struct graph *graph)
{
    int64_t now = clock_unix_ms() / 1000;
    graph->low = UINT64_MAX;
    graph->high = 0;
    for (size_t i = 0; i < graph->count; i++) {
        uint64_t value = graph->samples[i].milliseconds;
        graph->low = value < graph->low ? value : graph->low;
        graph->high = value > graph->high ? value : graph->high;
        int64_t passed = now - graph->samples[i].unix_seconds;
        write_label(passed < 0 ? 0 : passed, graph->labels[i]);
    }
}

/* 0 to GRAPH_STEPS - 1. */
static int step_of(const struct graph *graph, uint64_t value)
{
    double range = graph->high == graph->low ? 1 : (double)(graph->high - graph->low);
    int step = (int)((double)(value - graph->low) * GRAPH_STEPS / range);
    return step < GRAPH_STEPS ? step : GRAPH_STEPS - 1;
}

/* What a line (0 is the lowest) shows of a column so high. */
static char picture_of(int step, int line)
{
    int above = step - line * HEIGHTS;
    return above < 0 ? ' ' : above < HEIGHTS ? heights[above] : '|';
}

static void draw_columns(const struct graph *graph, size_t first, size_t count, struct text *text)
{
    char line[GRAPH_WIDTH];
    for (int k = GRAPH_LINES - 1; k >= 0; k--) {
        for (size_t i = 0; i < count; i++) {
            line[i] = picture_of(step_of(graph, graph->samples[first + i].milliseconds), k);
        }
        text_add(text, slice_make(line, count));
        text_add(text, SLICE_LITERAL("\n"));
    }
}

static void draw_labels(const struct graph *graph, size_t first, size_t count, struct text *text)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(graph->labels[first + i]);
        length = size > length ? size : length;
    }
    /* The first line keeps the labels away from the columns. */
    char line[GRAPH_WIDTH];
    for (size_t k = 0; k <= length; k++) {
        for (size_t i = 0; i < count; i++) {
            const char *label = graph->labels[first + i];
            line[i] = k > 0 && k <= strlen(label) ? label[k - 1] : ' ';
        }
        text_add(text, slice_make(line, count));
        text_add(text, SLICE_LITERAL("\n"));
    }
}

static void draw(const struct graph *graph, struct text *text)
{
    for (size_t first = 0; first < graph->count; first += GRAPH_WIDTH) {
        size_t left = graph->count - first;
        size_t count = left < GRAPH_WIDTH ? left : GRAPH_WIDTH;
        if (first > 0) {
            text_add(text, SLICE_LITERAL("\n"));
        }
        draw_columns(graph, first, count, text);
        draw_labels(graph, first, count, text);
    }
}

void latency_graph(struct call *call)
{
    struct latency_sample samples[LATENCY_SAMPLES];
    struct graph graph = {.samples = samples};
    uint64_t longest = 0;
    enum latency_event event;
    if (latency_find_event(call->arguments[2], &event)) {
        graph.count = latency_read(server_latency(call->server), event, samples, &longest);
    }
    if (graph.count == 0) {
        reply_error_format(call->reply, "ERR No samples available for event '%.*s'",
                           slice_print_size_of(call->arguments[2], 128), call->arguments[2].data);
        return;
    }
    measure(&graph);
    struct text text;
    text_init(&text);
    text_format(&text, "%s - high %llu ms, low %llu ms (all time high %llu ms)\n" RULE RULE "\n",
                latency_event_name(event), (unsigned long long)graph.high,
                (unsigned long long)graph.low, (unsigned long long)longest);
    draw(&graph, &text);
    text_reply(&text, call->reply);
    text_deinit(&text);
}

/* --- HISTOGRAM --- */

/* From the first limit, in nanoseconds, on each is twice the one before. */
#define FIRST_LIMIT 1024

/* Only limits that add to the count are told. */
static void reply_histogram(struct reply *reply, const struct histogram *histogram)
{
    reply_map(reply, 2);
    reply_bulk_string(reply, "calls");
    reply_integer(reply, (int64_t)histogram->total);
    reply_bulk_string(reply, "histogram_usec");
    struct reply_mark mark = reply_deferred_begin(reply);
    size_t pairs = 0;
    uint64_t before = 0;
    for (uint64_t limit = FIRST_LIMIT; before < histogram->total; limit *= 2) {
        uint64_t highest;
        uint64_t count = histogram_count_up_to(histogram, limit, &highest);
        if (count > before) {
            reply_integer(reply, (int64_t)(highest / 1000));
            reply_integer(reply, (int64_t)count);
            pairs++;
        }
        before = count;
    }
    reply_deferred_map(reply, mark, pairs);
}

/* Returns how many were told: 0 or 1. */
static size_t add_row(struct call *call, const struct command *row)
{
    const struct command_statistics *counts =
        statistics_of_command_locked(server_statistics(call->server), row);
    if (counts->latency == NULL) {
        return 0;
    }
    char name[COMMAND_NAME_SIZE_MAX];
    reply_bulk_string(call->reply, table_full_name(row, name));
    reply_histogram(call->reply, counts->latency);
    return 1;
}

/* A command, and all its subcommands. */
static size_t add_command(struct call *call, const struct command *command)
{
    size_t count = add_row(call, command);
    const struct command *sub = command->subcommands;
    for (; sub != NULL && sub->name != NULL; sub++) {
        count += add_row(call, sub);
    }
    return count;
}

void latency_histogram(struct call *call)
{
    struct reply_mark mark = reply_deferred_begin(call->reply);
    size_t count = 0;
    for (size_t i = 2; i < call->argument_count; i++) {
        const struct command *command = table_find_full(call->arguments[i]);
        count += command == NULL ? 0 : add_command(call, command);
    }
    for (size_t i = 0; i < table_count() && call->argument_count == 2; i++) {
        count += add_command(call, table_at(i));
    }
    reply_deferred_map(call->reply, mark, count);
}
