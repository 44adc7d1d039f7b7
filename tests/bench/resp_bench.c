/*
 * resp_bench.c - what the protocol costs: nanoseconds for each request parsed, each reply written.
 *
 * The fastest of several rounds is printed: the others had company.
 */
#include "base/check.h"
#include "base/clock.h"
#include "resp/parser.h"
#include "resp/reply.h"

#include <stdio.h>

#define STREAM_SIZE (16 * 1024) /* as much as a worker reads at a time */
#define VALUE_SIZE  100
#define ROUNDS      7
#define REPEATS     5000
#define REPLIES     64

static const struct parser_limits limits = {
    .bulk_size_max = 512 * 1024 * 1024,
    .argument_count_max = INT32_MAX,
    .inline_size_max = 64 * 1024,
};

static char value[VALUE_SIZE];

typedef uint64_t measured(void *context); /* does its work once; returns how many it did */

static void print_fastest(const char *what, measured *work, void *context)
{
    double fastest_ns = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count = 0;
        int64_t start_us = clock_monotonic_us();
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            count += work(context);
        }
        double ns = (double)(clock_monotonic_us() - start_us) * 1000.0 / (double)count;
        fastest_ns = round == 0 || ns < fastest_ns ? ns : fastest_ns;
    }
    printf("%-36s %6.1f ns\n", what, fastest_ns);
}

/* --- parsing --------------------------------------------------------------------------------- */

static uint64_t parse_stream(void *context)
{
    static struct argument_list arguments; /* keeps its memory, as a worker's does */
    struct slice rest = buffer_slice(context);
    struct parser parser;
    parser_init(&parser);
    uint64_t count = 0;
    while (rest.size > 0) {
        size_t consumed;
        CHECK(parser_next(&parser, rest, &limits, &arguments, &consumed) == PARSE_REQUEST);
        rest = slice_part(rest, consumed, rest.size - consumed);
        count++;
    }
    argument_list_reset(&arguments);
    return count;
}

/* SETs and GETs as clients send them, the arrays of bulk strings written by the reply writer. */
static void fill_stream(struct reply *stream, bool with_value)
{
    reply_init(stream);
    for (int i = 0; stream->bytes.size < STREAM_SIZE; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%012d", i);
        reply_array(stream, with_value ? 3 : 2);
        reply_bulk_string(stream, with_value ? "SET" : "GET");
        reply_bulk_string(stream, key);
        if (with_value) {
            reply_bulk(stream, slice_make(value, VALUE_SIZE));
        }
    }
    CHECK(!stream->failed);
}

static void measure_parsing(const char *what, bool with_value)
{
    struct reply stream;
    fill_stream(&stream, with_value);
    print_fastest(what, parse_stream, &stream.bytes);
    reply_deinit(&stream);
}

/* --- writing --------------------------------------------------------------------------------- */

static uint64_t write_bulks(void *context)
{
    struct reply *reply = context;
    for (int i = 0; i < REPLIES; i++) {
        reply_bulk(reply, slice_make(value, VALUE_SIZE));
    }
    reply_clear(reply);
    return REPLIES;
}

static uint64_t write_integers(void *context)
{
    struct reply *reply = context;
    for (int i = 0; i < REPLIES; i++) {
        reply_integer(reply, 12345 + i);
    }
    reply_clear(reply);
    return REPLIES;
}

static uint64_t write_oks(void *context)
{
    struct reply *reply = context;
    for (int i = 0; i < REPLIES; i++) {
        reply_ok(reply);
    }
    reply_clear(reply);
    return REPLIES;
}

int main(void)
{
    measure_parsing("request: SET, 100 bytes", true);
    measure_parsing("request: GET", false);
    struct reply reply;
    reply_init(&reply);
    print_fastest("reply: +OK", write_oks, &reply);
    print_fastest("reply: integer of 5 digits", write_integers, &reply);
    print_fastest("reply: bulk string of 100 bytes", write_bulks, &reply);
    CHECK(!reply.failed);
    reply_deinit(&reply);
    return 0;
}
