/*
 * parser.c - see parser.h.
 *
 * Most requests arrive whole, and their lengths are plain numbers: read_whole_array() goes through
 * such a one in a line. Any other is read part by part, from its start, by what can stop at each
 * byte and go on there. Its arguments go straight into the caller's list, too; only when bytes run
 * out are those found so far moved into the parser, as offsets ("spans"), where the next calls add
 * to them, and the list gets them once the request is complete. So each argument is handled a
 * bounded number of times, whatever the pieces.
 *
 * Two manners of Redis are kept although they look odd: the byte after a '\r' and the two bytes
 * after a bulk string are skipped unseen, and a NUL byte hides the end of its line.
 */
#include "resp/parser.h"

#include "base/check.h"
#include "base/number.h"
#include "resp/inline_request.h"

#include <stdio.h>
#include <stdlib.h>

#define UNAUTHENTICATED_ARGUMENTS_MAX 10
#define UNAUTHENTICATED_BULK_SIZE_MAX (16 * 1024)
#define TERMINATOR_SIZE               2

/* What read_by_parts() works with. */
struct parse {
    struct parser *parser;
    struct slice bytes;
    const struct parser_limits *limits;
    struct argument_list *arguments;
    size_t first; /* index in `arguments` of the request's first argument */
};

/* --- spans: arguments of a request that is not complete -------------------------------------- */

static bool spans_reserve(struct parser *parser, size_t extra)
{
    if (extra <= parser->span_capacity - parser->span_count) {
        return true;
    }
    size_t capacity = argument_list_grown(parser->span_capacity, parser->span_count + extra,
                                          sizeof(*parser->spans));
    struct parser_span *spans =
        capacity == 0 ? NULL : realloc(parser->spans, capacity * sizeof(*parser->spans));
    if (spans == NULL) {
        return false;
    }
    parser->spans = spans;
    parser->span_capacity = capacity;
    return true;
}

static bool push_argument(struct parse *parse, size_t offset, size_t size)
{
    struct parser *parser = parse->parser;
    if (parser->span_count == 0) {
        return argument_list_push(parse->arguments, slice_make(parse->bytes.data + offset, size));
    }
    if (!spans_reserve(parser, 1)) {
        return false;
    }
    parser->spans[parser->span_count++] = (struct parser_span){.offset = offset, .size = size};
    return true;
}

/* The bytes have run out: the arguments that went into the list become spans. */
static bool save_arguments(struct parse *parse)
{
    struct parser *parser = parse->parser;
    struct argument_list *list = parse->arguments;
    if (list->count == parse->first) {
        return true;
    }
    if (!spans_reserve(parser, list->count - parse->first)) {
        return false;
    }
    for (size_t i = parse->first; i < list->count; i++) {
        parser->spans[parser->span_count++] = (struct parser_span){
            .offset = (size_t)(list->items[i].data - parse->bytes.data),
            .size = list->items[i].size,
        };
    }
    list->count = parse->first;
    return true;
}

/* The request is complete: the spans become arguments. */
static bool restore_arguments(struct parse *parse)
{
    const struct parser *parser = parse->parser;
    struct argument_list *list = parse->arguments;
    if (!argument_list_reserve(list, parser->span_count)) {
        return false;
    }
    for (size_t i = 0; i < parser->span_count; i++) {
        list->items[list->count++] =
            slice_make(parse->bytes.data + parser->spans[i].offset, parser->spans[i].size);
    }
    return true;
}

/* --- lines ----------------------------------------------------------------------------------- */

static enum parse_result protocol_error(struct parse *parse, const char *text)
{
    parse->parser->error = text;
    return PARSE_ERROR;
}

/*
 * Finds the end of the line at parser->position. PARSE_ERROR (without a text): no end within the
 * limit. What was searched in vain is remembered; a NUL byte stops the search for good.
 */
static enum parse_result find_line_end(struct parse *parse, char terminator, size_t *end)
{
    struct parser *parser = parse->parser;
    size_t available = parse->bytes.size - parser->position;
    size_t size_max = parse->limits->inline_size_max;
    size_t window_end = parser->position + (available <= size_max ? available : size_max + 1);
    const char *from = parse->bytes.data + parser->scanned;
    CHECK(parser->scanned >= parser->position && parser->scanned <= window_end);

    size_t unseen = window_end - parser->scanned;
    const char *found = memchr(from, terminator, unseen);
    const char *hidden = memchr(from, '\0', found == NULL ? unseen : (size_t)(found - from));
    if (found != NULL && hidden == NULL) {
        *end = (size_t)(found - parse->bytes.data);
        return PARSE_REQUEST;
    }
    parser->scanned = hidden == NULL ? window_end : (size_t)(hidden - parse->bytes.data);
    parser->missing = 1;
    return available > size_max ? PARSE_ERROR : PARSE_INCOMPLETE;
}

static void start_part(struct parser *parser, size_t position)
{
    parser->position = position;
    parser->scanned = position;
}

/*
 * Reads the line at parser->position, a sign ('*' or '$') and a number, up to '\r' and the byte
 * after it. *text is what stands behind the sign. `too_big` is the error for an endless line.
 */
static enum parse_result read_length_line(struct parse *parse, const char *too_big,
                                          struct slice *text)
{
    size_t end;
    enum parse_result result = find_line_end(parse, '\r', &end);
    if (result == PARSE_ERROR) {
        return protocol_error(parse, too_big);
    }
    if (result != PARSE_REQUEST) {
        return result;
    }
    struct parser *parser = parse->parser;
    if (end + TERMINATOR_SIZE > parse->bytes.size) {
        parser->scanned = end;
        parser->missing = 1;
        return PARSE_INCOMPLETE;
    }
    /* An empty line has no sign, which its reader finds out; then the text must not be used. */
    *text = end == parser->position
                ? slice_make(NULL, 0)
                : slice_make(parse->bytes.data + parser->position + 1, end - parser->position - 1);
    return PARSE_REQUEST;
}

/* --- arrays of bulk strings ------------------------------------------------------------------ */

static enum parse_result accept_argument_count(struct parse *parse, size_t next, int64_t count)
{
    const struct parser_limits *limits = parse->limits;
    if (count > INT32_MAX || (!limits->unauthenticated && count > limits->argument_count_max)) {
        return protocol_error(parse, "invalid multibulk length");
    }
    if (limits->unauthenticated &&
        (count > UNAUTHENTICATED_ARGUMENTS_MAX || count > limits->argument_count_max)) {
        return protocol_error(parse, "unauthenticated multibulk length");
    }
    parse->parser->arguments_left = count < 0 ? 0 : count;
    start_part(parse->parser, next);
    return PARSE_REQUEST;
}

static enum parse_result read_argument_count(struct parse *parse)
{
    int64_t count;
    struct slice text;
    enum parse_result result = read_length_line(parse, "too big mbulk count string", &text);
    if (result != PARSE_REQUEST) {
        return result;
    }
    if (!number_parse(text, &count)) {
        return protocol_error(parse, "invalid multibulk length");
    }
    size_t next = (size_t)(text.data + text.size - parse->bytes.data) + TERMINATOR_SIZE;
    return accept_argument_count(parse, next, count);
}

static enum parse_result accept_bulk_size(struct parse *parse, size_t next, int64_t size)
{
    const struct parser_limits *limits = parse->limits;
    if (size < 0 || size > limits->bulk_size_max) {
        return protocol_error(parse, "invalid bulk length");
    }
    if (limits->unauthenticated && size > UNAUTHENTICATED_BULK_SIZE_MAX) {
        return protocol_error(parse, "unauthenticated bulk length");
    }
    parse->parser->bulk_size = size;
    start_part(parse->parser, next);
    return PARSE_REQUEST;
}

static enum parse_result read_bulk_size(struct parse *parse)
{
    int64_t size;
    struct slice text;
    enum parse_result result = read_length_line(parse, "too big bulk count string", &text);
    if (result != PARSE_REQUEST) {
        return result;
    }
    parse->parser->sign = parse->bytes.data[parse->parser->position];
    if (parse->parser->sign != '$') {
        return protocol_error(parse, NULL);
    }
    if (!number_parse(text, &size)) {
        return protocol_error(parse, "invalid bulk length");
    }
    size_t next = (size_t)(text.data + text.size - parse->bytes.data) + TERMINATOR_SIZE;
    return accept_bulk_size(parse, next, size);
}

static enum parse_result read_argument(struct parse *parse)
{
    struct parser *parser = parse->parser;
    if (parser->bulk_size < 0) {
        enum parse_result result = read_bulk_size(parse);
        if (result != PARSE_REQUEST) {
            return result;
        }
    }
    size_t size = (size_t)parser->bulk_size;
    size_t available = parse->bytes.size - parser->position;
    if (available < size + TERMINATOR_SIZE) {
        parser->missing = size + TERMINATOR_SIZE - available;
        return PARSE_INCOMPLETE;
    }
    if (!push_argument(parse, parser->position, size)) {
        return PARSE_NO_MEMORY;
    }
    parser->bulk_size = -1;
    parser->arguments_left--;
    start_part(parser, parser->position + size + TERMINATOR_SIZE);
    return PARSE_REQUEST;
}

static enum parse_result read_array(struct parse *parse)
{
    struct parser *parser = parse->parser;
    enum parse_result result = PARSE_REQUEST;
    if (parser->arguments_left < 0) {
        result = read_argument_count(parse);
    }
    while (result == PARSE_REQUEST && parser->arguments_left > 0) {
        result = read_argument(parse);
    }
    if (result == PARSE_INCOMPLETE && !save_arguments(parse)) {
        return PARSE_NO_MEMORY;
    }
    if (result == PARSE_REQUEST && parser->span_count > 0 && !restore_arguments(parse)) {
        return PARSE_NO_MEMORY;
    }
    return result;
}

/* --- arrays that are all there --------------------------------------------------------------- */

/* "$0\r\n", the least that stands in front of an argument, and what stands behind it. */
#define ARGUMENT_SIZE_MIN (4 + TERMINATOR_SIZE)
/* The same for an argument whose length has two digits or more: "$10\r\n" and ten bytes. */
#define LONGER_ARGUMENT_SIZE_MIN (5 + 10 + TERMINATOR_SIZE)
/* "*1\r\n" and an argument. */
#define ARRAY_SIZE_MIN (4 + ARGUMENT_SIZE_MIN)
/* One more digit is no overflow, and the line is shorter than LONGER_ARGUMENT_SIZE_MIN. */
#define SHORT_LENGTH_MAX 9999999

static inline unsigned digit_of(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

/* The line of a length, plainly a number, where ARGUMENT_SIZE_MIN bytes are there. Returns what
 * stands behind it; NULL: it is something else, or not all of what it announces is there. */
static inline const char *read_short_line(const char *at, const char *end, char sign,
                                          size_t *length)
{
    unsigned value = digit_of(at[1]);
    if (at[0] != sign || value > 9) {
        return NULL;
    }
    bool is_longer = at[2] != '\r';
    if (is_longer && (value == 0 || end - at < LONGER_ARGUMENT_SIZE_MIN)) {
        return NULL;
    }
    for (at += 2; *at != '\r'; at++) {
        unsigned digit = digit_of(*at);
        if (digit > 9 || value > SHORT_LENGTH_MAX) {
            return NULL;
        }
        value = value * 10 + digit;
    }
    *length = value;
    return at + TERMINATOR_SIZE;
}

/* Reads the request at once, as any client that has logged in sends it most of the time. False: it
 * is another, not all there, or a wrong one, and nothing has changed. */
static inline bool read_whole_array(struct slice bytes, const struct parser_limits *limits,
                                    struct argument_list *list, size_t *consumed)
{
    if (bytes.size < ARRAY_SIZE_MIN || limits->unauthenticated) {
        return false; /* where there are no bytes there may be no address either */
    }
    const char *end = bytes.data + bytes.size;
    size_t count;
    const char *at = read_short_line(bytes.data, end, '*', &count);
    if (at == NULL || count == 0 || (int64_t)count > limits->argument_count_max ||
        (size_t)(end - at) < count * ARGUMENT_SIZE_MIN || !argument_list_reserve(list, count)) {
        return false;
    }
    struct slice *item = list->items + list->count;
    /* Behind an argument's own bytes: its end, and the least that those to come have. */
    ptrdiff_t behind = (ptrdiff_t)((count - 1) * ARGUMENT_SIZE_MIN + TERMINATOR_SIZE);
    const struct slice *items_end = item + count;
    do {
        size_t size;
        at = read_short_line(at, end, '$', &size);
        if (at == NULL || (int64_t)size > limits->bulk_size_max ||
            (int64_t)size > end - at - behind) {
            return false;
        }
        *item = slice_make(at, size);
        at += size + TERMINATOR_SIZE;
        behind -= ARGUMENT_SIZE_MIN;
        item++;
    } while (item < items_end);
    list->count += count;
    *consumed = (size_t)(at - bytes.data);
    return true;
}

/* --- inline commands ------------------------------------------------------------------------- */

static enum parse_result read_inline(struct parse *parse)
{
    size_t end;
    enum parse_result result = find_line_end(parse, '\n', &end);
    if (result == PARSE_ERROR) {
        return protocol_error(parse, "too big inline request");
    }
    if (result != PARSE_REQUEST) {
        return result;
    }
    enum status status = inline_request_split(slice_part(parse->bytes, 0, end), parse->arguments);
    if (status == STATUS_INVALID) {
        return protocol_error(parse, "unbalanced quotes in request");
    }
    start_part(parse->parser, end + 1);
    return status == STATUS_OK ? PARSE_REQUEST : PARSE_NO_MEMORY;
}

/* --- one request ----------------------------------------------------------------------------- */

void parser_init(struct parser *parser)
{
    *parser = (struct parser){.arguments_left = -1, .bulk_size = -1};
}

void parser_deinit(struct parser *parser)
{
    free(parser->spans);
    parser_init(parser);
}

/* A function of its own, so that its work takes no registers from that of most requests. */
static __attribute__((noinline)) enum parse_result read_by_parts(struct parse *parse,
                                                                 size_t *consumed)
{
    struct parser *parser = parse->parser;
    if (parse->bytes.size == 0) {
        parser->missing = 1;
        return PARSE_INCOMPLETE;
    }
    CHECK(parser->position <= parse->bytes.size);
    enum parse_result result = parse->bytes.data[0] == '*' ? read_array(parse) : read_inline(parse);
    if (result == PARSE_REQUEST) {
        *consumed = parser->position;
        parser_deinit(parser);
    } else {
        parse->arguments->count = parse->first;
    }
    return result;
}

enum parse_result parser_next(struct parser *parser, struct slice bytes,
                              const struct parser_limits *limits, struct argument_list *arguments,
                              size_t *consumed)
{
    bool is_begun = parser->scanned > 0; /* which is never before the position */
    if (!is_begun && read_whole_array(bytes, limits, arguments, consumed)) {
        return PARSE_REQUEST;
    }
    return read_by_parts(&(struct parse){.parser = parser,
                                         .bytes = bytes,
                                         .limits = limits,
                                         .arguments = arguments,
                                         .first = arguments->count},
                         consumed);
}

void parser_error(const struct parser *parser, char text[PARSER_ERROR_SIZE])
{
    if (parser->error == NULL) {
        (void)snprintf(text, PARSER_ERROR_SIZE, "Protocol error: expected '$', got '%c'",
                       parser->sign);
    } else {
        (void)snprintf(text, PARSER_ERROR_SIZE, "Protocol error: %s", parser->error);
    }
}

size_t parser_missing(const struct parser *parser)
{
    return parser->missing;
}

size_t parser_understood(const struct parser *parser)
{
    return parser->position;
}

size_t parser_memory(const struct parser *parser)
{
    return parser->span_capacity * sizeof(*parser->spans);
}
