/* request_text.c - see request_text.h. */
#include "support/request_text.h"

#include "base/check.h"

#include <stdlib.h>

const struct parser_limits request_text_limits = {
    .bulk_size_max = 512 * 1024 * 1024,
    .argument_count_max = INT32_MAX,
    .inline_size_max = 64 * 1024,
};

/* A stream on its way through a parser. */
struct stream {
    struct parser parser;
    struct argument_list arguments;
    const struct parser_limits *limits;
    size_t start;  /* of the request at hand, in all bytes */
    size_t needed; /* so many bytes the parser said it needs at least, counted from `start` */
    struct buffer text;
};

static void add(struct stream *stream, const void *data, size_t size)
{
    CHECK(buffer_append(&stream->text, data, size) == STATUS_OK);
}

static void add_request(struct stream *stream, size_t first)
{
    add(stream, "<", 1);
    for (size_t i = first; i < stream->arguments.count; i++) {
        struct slice argument = stream->arguments.items[i];
        add(stream, "|", i > first ? 1 : 0);
        for (size_t at = 0; at < argument.size; at++) {
            add(stream, "\\",
                argument.data[at] != '\0' && strchr("<>|\\", argument.data[at]) ? 1 : 0);
            add(stream, argument.data + at, 1);
        }
    }
    add(stream, ">", 1);
}

/* Parses what has come: the requests of one batch share the list. False: a protocol error. */
static bool parse_batch(struct stream *stream, struct slice bytes)
{
    char *copy = malloc(bytes.size > 0 ? bytes.size : 1);
    CHECK(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    size_t at = 0;
    enum parse_result result = PARSE_REQUEST;
    while (result == PARSE_REQUEST) {
        size_t consumed = 0;
        size_t first = stream->arguments.count;
        struct slice rest = slice_make(copy + at, bytes.size - at);
        result = parser_next(&stream->parser, rest, stream->limits, &stream->arguments, &consumed);
        CHECK(result != PARSE_NO_MEMORY);
        if (result == PARSE_REQUEST) {
            CHECK(consumed > 0 && consumed <= rest.size && rest.size >= stream->needed);
            CHECK(stream->parser.spans == NULL);
            add_request(stream, first);
            at += consumed;
            stream->needed = 0;
            continue;
        }
        CHECK(stream->arguments.count == first);
        if (result == PARSE_ERROR) {
            char error[PARSER_ERROR_SIZE];
            parser_error(&stream->parser, error);
            add(stream, "!", 1);
            add(stream, error, strlen(error));
        } else {
            CHECK(parser_missing(&stream->parser) > 0);
            stream->needed = rest.size + parser_missing(&stream->parser);
        }
    }
    argument_list_reset(&stream->arguments);
    free(copy);
    stream->start += at;
    return result == PARSE_INCOMPLETE;
}

struct buffer request_text(struct slice bytes, const struct parser_limits *limits, size_t piece,
                           struct test_random *random)
{
    struct stream stream = {.limits = limits};
    parser_init(&stream.parser);
    size_t come = 0;
    bool open = true;
    while (open && come < bytes.size) {
        size_t size = piece == 0 ? bytes.size : piece;
        if (random != NULL && piece != 0) {
            size = 1 + test_random_below(random, piece);
        }
        come = size < bytes.size - come ? come + size : bytes.size;
        open = parse_batch(&stream, slice_make(bytes.data + stream.start, come - stream.start));
    }
    if (open && stream.start < bytes.size) {
        add(&stream, "...", 3);
    }
    add(&stream, "", 1);
    stream.text.size--;
    parser_deinit(&stream.parser);
    argument_list_deinit(&stream.arguments);
    return stream.text;
}
