/*
 * resp_fuzz.c - any bytes as a client might send them.
 *
 * Properties: the requests found do not depend on how the bytes were cut into pieces; and written
 * as arrays of bulk strings by the reply writer, the same requests come out again.
 */
#include "base/check.h"
#include "resp/parser.h"
#include "resp/reply.h"
#include "support/request_text.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Limits small enough for a short input to reach them. */
static const struct parser_limits tiny_limits = {
    .bulk_size_max = 40,
    .argument_count_max = 5,
    .inline_size_max = 24,
};

/* The cuts follow from the input, so that it alone repeats a finding (FNV-1a). */
static uint64_t seed_of(struct slice bytes)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ (unsigned char)bytes.data[i]) * 0x100000001b3;
    }
    return hash;
}

static void check_cuts(struct slice bytes, const struct parser_limits *limits)
{
    struct test_random random;
    test_random_init(&random, seed_of(bytes));
    struct buffer whole = request_text(bytes, limits, 0, NULL);
    struct buffer cut = request_text(bytes, limits, 1 + bytes.size / 8, &random);
    CHECK(slice_equal(buffer_slice(&whole), buffer_slice(&cut)));
    if (bytes.size <= 200) {
        struct buffer bytewise = request_text(bytes, limits, 1, NULL);
        CHECK(slice_equal(buffer_slice(&whole), buffer_slice(&bytewise)));
        buffer_deinit(&bytewise);
    }
    buffer_deinit(&whole);
    buffer_deinit(&cut);
}

static void write_request(struct reply *reply, const struct argument_list *list)
{
    reply_array(reply, list->count);
    for (size_t i = 0; i < list->count; i++) {
        reply_bulk(reply, list->items[i]);
    }
}

/* All whole requests of the stream, as arrays. */
static void write_requests(struct reply *reply, struct slice bytes)
{
    struct parser parser;
    parser_init(&parser);
    struct argument_list list = {0};
    size_t consumed;
    while (parser_next(&parser, bytes, &request_text_limits, &list, &consumed) == PARSE_REQUEST) {
        write_request(reply, &list);
        argument_list_reset(&list);
        bytes = slice_part(bytes, consumed, bytes.size - consumed);
    }
    argument_list_deinit(&list);
    parser_deinit(&parser);
}

static void check_round_trip(struct slice bytes)
{
    struct reply reply;
    reply_init(&reply);
    write_requests(&reply, bytes);
    CHECK(!reply.failed);
    struct buffer before = request_text(bytes, &request_text_limits, 0, NULL);
    struct buffer after = request_text(buffer_slice(&reply.bytes), &request_text_limits, 0, NULL);
    /* What was left behind in `before` is an error or the beginning of a request. */
    CHECK(after.size <= before.size);
    CHECK(slice_equal(slice_part(buffer_slice(&before), 0, after.size), buffer_slice(&after)));
    CHECK(after.size == before.size || before.data[after.size] != '<');
    buffer_deinit(&before);
    buffer_deinit(&after);
    reply_deinit(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct parser_limits unauthenticated = request_text_limits;
    unauthenticated.unauthenticated = true;
    check_cuts(bytes, &request_text_limits);
    check_cuts(bytes, &unauthenticated);
    check_cuts(bytes, &tiny_limits);
    check_round_trip(bytes);
    return 0;
}
