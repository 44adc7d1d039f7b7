/*
 * request_text.h - what the parser makes of a stream of bytes, as a text that can be compared.
 *
 * "<SET|a|b><PING>" are two requests, "<>" is an empty one; "!text" is a protocol error, after
 * which nothing is read; "..." an incomplete request at the end. In arguments, '<', '>', '|' and
 * '\' have a '\' in front, so that different requests never give the same text.
 */
#ifndef SCDB_TESTS_SUPPORT_REQUEST_TEXT_H
#define SCDB_TESTS_SUPPORT_REQUEST_TEXT_H

#include "base/buffer.h"
#include "base/slice.h"
#include "resp/parser.h"
#include "support/test_random.h"

#include <stddef.h>

/* The limits of a client that has authenticated. */
extern const struct parser_limits request_text_limits;

/*
 * Feeds `bytes` to a parser in pieces of `piece` bytes, or, with `random`, of 1 to `piece` bytes;
 * 0 = all at once. Each time the parser sees a fresh copy of exactly the bytes that have come, so
 * that a sanitizer notices when it looks further or remembers an address. Aborts when the parser
 * breaks its contract. The result is NUL-terminated (the NUL not counted); the caller frees it.
 */
struct buffer request_text(struct slice bytes, const struct parser_limits *limits, size_t piece,
                           struct test_random *random);

#endif
