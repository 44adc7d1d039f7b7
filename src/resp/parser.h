/*
 * parser.h - requests out of bytes: RESP arrays of bulk strings, and inline commands.
 *
 * The parser is fed bytes and knows no socket. It copies nothing: arguments are slices of the
 * bytes that it was given; only an inline argument with quotes inside (foo"bar", "a\x41") is
 * written out unquoted, into memory that the argument list owns. It is incremental: of a request
 * that is not complete it remembers how far it came (as offsets, so the bytes may move between
 * calls), and the work for each byte is constant however small the pieces are. The requests found
 * do not depend on how the bytes were cut into pieces.
 *
 * An idle parser owns no memory. One owner at a time; no locks.
 */
#ifndef SCDB_RESP_PARSER_H
#define SCDB_RESP_PARSER_H

#include "base/slice.h"
#include "base/status.h"
#include "resp/argument_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parser_limits {
    int64_t bulk_size_max;      /* proto-max-bulk-len */
    int64_t argument_count_max; /* INT32_MAX */
    size_t inline_size_max;     /* 64 KiB, also for the line of a length */
    /* At most 10 arguments of at most 16 KiB, and the error texts that go with it. A client may
     * authenticate in the middle of a batch: while this is set, execute each request before the
     * next is parsed. */
    bool unauthenticated;
};

enum parse_result {
    PARSE_REQUEST, /* one request: its arguments were appended to the list (0 of them for an empty
                      request) */
    PARSE_INCOMPLETE, /* more bytes are needed */
    PARSE_ERROR,      /* protocol error: the connection gets parser_error() and is closed */
    PARSE_NO_MEMORY
};

struct parser; /* fields are private: see the end of this file */

void parser_init(struct parser *parser);
void parser_deinit(struct parser *parser);

/*
 * Parses one request from the start of `bytes`. The bytes of a request that was INCOMPLETE must be
 * passed again, from its first byte on, with more behind them. After PARSE_REQUEST *consumed bytes
 * belong to the request; the caller drops them before the next call. Otherwise the list is as it
 * was. After PARSE_ERROR or PARSE_NO_MEMORY the parser is only good for parser_error() and
 * parser_deinit().
 */
enum parse_result parser_next(struct parser *parser, struct slice bytes,
                              const struct parser_limits *limits, struct argument_list *arguments,
                              size_t *consumed) MUST_CHECK;

#define PARSER_ERROR_SIZE 64

/* After PARSE_ERROR: writes Redis's text, what stands behind "-ERR " ("Protocol error: invalid
 * multibulk length"). It may hold a byte that the client sent. */
void parser_error(const struct parser *parser, char text[PARSER_ERROR_SIZE]);

/* After PARSE_INCOMPLETE: how many bytes are surely missing (at least 1), so that a large bulk
 * string gets its room at once. */
size_t parser_missing(const struct parser *parser);

/* After PARSE_INCOMPLETE: how many bytes, from the front, are known to be whole arguments and what
 * announces them. */
size_t parser_understood(const struct parser *parser);

/* Bytes of memory that an incomplete request takes here, besides its own. */
size_t parser_memory(const struct parser *parser);

/* private */
struct parser_span {
    size_t offset;
    size_t size;
};

struct parser {
    /* Arguments of a request that was incomplete at the end of a call; owned, NULL otherwise. */
    struct parser_span *spans;
    size_t span_count;
    size_t span_capacity;
    size_t position;        /* where the line or bulk string at hand begins */
    size_t scanned;         /* up to here the line's end was looked for in vain */
    int64_t arguments_left; /* -1: the request's first line is not read yet */
    int64_t bulk_size;      /* -1: the next argument's length is not read yet */
    size_t missing;
    const char *error; /* NULL: not '$' but `sign` stood before the length of a string */
    char sign;
};

#endif
