/*
 * parser.c - see parser.h.
 *
 * Most requests arrive whole. Their arguments go straight into the caller's list. Only when bytes
 * run out are the arguments found so far moved into the parser, as offsets ("spans"), where the
 * next calls add to them; the list gets them once the request is complete. So each argument is
 * handled a bounded number of times, whatever the pieces.
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

/* What one call of parser_next() works with. */
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

/*
 * The usual line of a length, "$3\r\n", without the general machinery: false for all that is not
 * plainly a number of a few digits, or not all there. Looks at no more than 10 bytes.
 */
static inline bool read_short_length(const struct parse *parse, char sign, size_t *next,
                                     int64_t *length)
{
    const char *line = parse->bytes.data + parse->parser->position;
    size_t size = parse->bytes.size - parse->parser->position;
    if (size < 4 || line[0] != sign || line[1] < '1' || line[1] > '9') {
        return false;
    }
    int64_t value = 0;
    size_t limit = size < 10 ? size - 1 : 9;
    for (size_t i = 1; i < limit; i++) {
        char c = line[i];
        if (c == '\r') {
            *length = value;
            *next = parse->parser->position + i + TERMINATOR_SIZE;
            return true;
        }
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    return false;
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
    size_t next;
    int64_t count;
    if (read_short_length(parse, '*', &next, &count)) {
        return accept_argument_count(parse, next, count);
    }
    struct slice text;
    enum parse_result result = read_length_line(parse, "too big mbulk count string", &text);
    if (result != PARSE_REQUEST) {
        return result;
    }
    if (!number_parse(text, &count)) {
        return protocol_error(parse, "invalid multibulk length");
    }
    next = (size_t)(text.data + text.size - parse->bytes.data) + TERMINATOR_SIZE;
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
    size_t next;
    int64_t size;
    if (read_short_length(parse, '$', &next, &size)) {
        return accept_bulk_size(parse, next, size);
    }
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
    next = (size_t)(text.data + text.size - parse->bytes.data) + TERMINATOR_SIZE;
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

enum parse_result parser_next(struct parser *parser, struct slice bytes,
                              const struct parser_limits *limits, struct argument_list *arguments,
                              size_t *consumed)
{
    struct parse parse = {
        .parser = parser,
        .bytes = bytes,
        .limits = limits,
        .arguments = arguments,
        .first = arguments->count,
    };
    if (bytes.size == 0) {
        parser->missing = 1;
        return PARSE_INCOMPLETE;
    }
    CHECK(parser->position <= bytes.size);
    enum parse_result result = bytes.data[0] == '*' ? read_array(&parse) : read_inline(&parse);
    if (result == PARSE_REQUEST) {
        *consumed = parser->position;
        parser_deinit(parser);
    } else {
        arguments->count = parse.first;
    }
    return result;
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
