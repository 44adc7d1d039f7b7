/*
 * parser.h - requests out of bytes: RESP arrays of bulk strings, and inline commands.
 *
 * The parser is fed bytes and knows no socket. It copies nothing: arguments are slices of the
 * bytes that it was given. It is incremental: of a request that is not complete it remembers how
 * far it came (as offsets, so the bytes may move between calls), and never looks at a byte twice.
 *
 * An idle parser owns no memory. One owner at a time; no locks.
 */
#ifndef SCDB_RESP_PARSER_H
#define SCDB_RESP_PARSER_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parser_limits {
    int64_t bulk_size_max;      /* proto-max-bulk-len */
    int64_t argument_count_max; /* INT32_MAX; 10 before a client has authenticated */
    size_t inline_size_max;     /* 64 KiB, also for the line of a length */
    bool unauthenticated;       /* smaller limits and the error texts that go with them */
};

/* A growing array of arguments that several requests of a batch share. */
struct argument_list {
    struct slice *items; /* owned */
    size_t count;
    size_t capacity;
};

void argument_list_deinit(struct argument_list *list);

enum parse_result {
    PARSE_REQUEST, /* one request: its arguments were appended to the list (0 of them for an empty
                      request) */
    PARSE_INCOMPLETE, /* more bytes are needed */
    PARSE_ERROR,      /* protocol error: the connection gets *error and is closed */
    PARSE_NO_MEMORY
};

struct parser; /* fields are private: see the end of this file */

void parser_init(struct parser *parser);
void parser_deinit(struct parser *parser);

/*
 * Parses one request from the start of `bytes`. The bytes of a request that was INCOMPLETE must be
 * passed again, from its first byte on, with more behind them. After PARSE_REQUEST *consumed bytes
 * belong to the request; the caller drops them before the next call. On PARSE_ERROR `error` is
 * Redis's text after "-ERR " ("Protocol error: invalid multibulk length").
 */
enum parse_result parser_next(struct parser *parser, struct slice bytes,
                              const struct parser_limits *limits, struct argument_list *arguments,
                              size_t *consumed, char error[128]) MUST_CHECK;

/* After PARSE_INCOMPLETE: how many bytes are surely missing (at least 1), so that a large bulk
 * string gets its room at once. */
size_t parser_missing(const struct parser *parser);

/* private */
struct parser_span {
    size_t offset;
    size_t size;
};

struct parser {
    struct parser_span *spans; /* arguments found so far; owned, NULL when idle */
    size_t span_count;
    size_t span_capacity;
    size_t scanned;         /* bytes of the request looked at */
    int64_t arguments_left; /* -1: the request's first line is not read yet */
    int64_t bulk_size;      /* -1: the next argument's length is not read yet */
    size_t missing;
};

#endif
