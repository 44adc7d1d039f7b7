/* parser_test.c - requests out of bytes, whole and in pieces; expectations are redis-server's. */
#include "resp/parser.h"

#include "support/request_text.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_SIZE (64 * 1024)

struct expectation {
    struct slice bytes;
    const char *text;
};
#define EXPECT(literal, expected)                                                                  \
    {                                                                                              \
        SLICE_LITERAL(literal), expected                                                           \
    }

static void expect_pieces(struct slice bytes, const struct parser_limits *limits, size_t piece,
                          const char *expected)
{
    struct buffer text = request_text(bytes, limits, piece, NULL);
    ck_assert_msg(strcmp(text.data, expected) == 0, "in pieces of %zu: got '%s', expected '%s'",
                  piece, text.data, expected);
    buffer_deinit(&text);
}

static void expect_all(const struct expectation *rows, size_t count,
                       const struct parser_limits *limits)
{
    for (size_t i = 0; i < count; i++) {
        expect_pieces(rows[i].bytes, limits, 0, rows[i].text);
        expect_pieces(rows[i].bytes, limits, 1, rows[i].text);
        expect_pieces(rows[i].bytes, limits, 2, rows[i].text);
        expect_pieces(rows[i].bytes, limits, 7, rows[i].text);
    }
}

static const struct expectation arrays[] = {
    EXPECT("*1\r\n$4\r\nPING\r\n", "<PING>"),
    EXPECT("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10\r\n0123456789\r\n", "<SET|a|0123456789>"),
    EXPECT("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "<PING><ECHO|>"),
    EXPECT("*2\r\n$3\r\nGET\r\n$4\r\n\r\n\0$\r\n", "<GET|\r\n"), /* the text ends at the NUL */
    EXPECT("*0\r\n*-1\r\n*-5\r\n*1\r\n$4\r\nPING\r\n", "<><><><PING>"),
    EXPECT("*3\r\n$3\r\nSET\r\n$1\r\na\r\n", "..."),
    EXPECT("*3\r\n$3\r\nSET\r\n$1\r\na\r", "..."),
    EXPECT("*1\r\n$5\r\nPING\r\n", "..."),
    EXPECT("*", "..."),
    EXPECT("*1\r", "..."),
    EXPECT("*1\r\n$4\r", "..."),
    EXPECT("*12345678901234567890", "..."),
    EXPECT("", ""),
    /* The bytes behind '\r' and behind a string are not looked at. */
    EXPECT("*1\rx$4\r\rPINGab*1\r\n$4\r\nPONG\r\n", "<PING><PONG>"),
    EXPECT("*1\rx$11\r\rPINGPINGPINab*1\r\n$4\r\nPONG\r\n", "<PINGPINGPIN><PONG>"),
    EXPECT("*1\rx$0\r\rab*1\r\n$4\r\nPONG\r\n", "<><PONG>"),
    EXPECT("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$4xx\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$01\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$+1\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$ 1\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$1 \r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$9223372036854775808\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$536870912\r\n", "..."),
    EXPECT("*\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*+1\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*01\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*00\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*-0\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*2147483648\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*9223372036854775807\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*99999999999999999999\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*2147483647\r\n", "..."),
    EXPECT("*-9223372036854775808\r\n", "<>"),
    /* As the above, with all that a wrong reading of them would want. */
    EXPECT("*1\r\n$4294967297\r\na\r\n0123456789", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$18446744073709551617\r\na\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$010\r\n0123456789\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$/\r\n0123456789\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$:\r\n0123456789\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$1/\r\n0123456789\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$1:\r\n01234567890123456789\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$\xb1\r\n0123456789\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$1\0\r\n0123456789\r\n", "..."),
    EXPECT("*0\r\n$4\r\nPING\r\n", "<><$4><PING>"),
    EXPECT("*01\r\n$4\r\nPING\r\n0123456789", "!Protocol error: invalid multibulk length"),
    EXPECT("*4294967297\r\n$4\r\nPING\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*/\r\n$4\r\nPING\r\n0123456789", "!Protocol error: invalid multibulk length"),
    EXPECT("*:\r\n$4\r\nPING\r\n0123456789", "!Protocol error: invalid multibulk length"),
    EXPECT("*1\0\r\n$4\r\nPING\r\n0123456789", "..."),
    EXPECT("*2\r\n$4\r\nPING\r\n+4\r\nPING\r\n", "!Protocol error: expected '$', got '+'"),
    EXPECT("*2\r\n$12\r\n0123456789ab\r\n", "..."), /* the second has no room */
    EXPECT("*12\r\n$20\r\n01234567890123456789\r\n", "..."),
    EXPECT("*1\r\nx\r\n", "!Protocol error: expected '$', got 'x'"),
    EXPECT("*1\r\n\r\n", "!Protocol error: expected '$', got '\r'"),
    EXPECT("*1\r\n\nfoo\r\n", "!Protocol error: expected '$', got '\n'"),
    EXPECT("*1\r\n$4\r\nPING\r\n*x\r\n", "<PING>!Protocol error: invalid multibulk length"),
    /* A NUL hides the end of its line. */
    EXPECT("*1\r\n$4\0\r\nPING\r\n", "..."),
    EXPECT("*\0001\r\n$4\r\nPING\r\n", "..."),
};

START_TEST(array_requests)
{
    expect_all(arrays, sizeof(arrays) / sizeof(arrays[0]), &request_text_limits);
}
END_TEST

static const struct expectation inlines[] = {
    EXPECT("PING\r\n", "<PING>"),
    EXPECT("PING\n", "<PING>"),
    EXPECT("\r\n\n  \t \nPING\n", "<><><><PING>"),
    EXPECT("SET a b\r\nGET a\n", "<SET|a|b><GET|a>"),
    EXPECT("  PING \r\r\n", "<PING>"),
    EXPECT("PING\r", "..."),
    EXPECT("PING\n*1\r\n$4\r\nPING\r\nPONG\n", "<PING><PING><PONG>"),
    EXPECT("ECHO \"a\\x41\\n\\r\\t\\b\\a\\q\\\"'b\"\n", "<ECHO|aA\n\r\t\b\aq\"'b>"),
    EXPECT("ECHO 'a\\n\\'\"x'\n", "<ECHO|a\\\\n'\"x>"),
    EXPECT("ECHO foo\"bar\" 'a'\t\"\" ''\n", "<ECHO|foobar|a||>"),
    EXPECT("ECHO \"\\xg1\\x4\\x\"\n", "<ECHO|xg1x4x>"),
    EXPECT("ECHO \"\\xfF\"\n", "<ECHO|\xff>"),
    EXPECT("\"\"\n", "<>"), /* one argument, an empty one */
    EXPECT("\"a\" b \"c\\\\\"\n", "<a|b|c\\\\>"),
    /* \v and \f are blanks between arguments and behind a quote, but not inside. */
    EXPECT("\vECHO a\vb\f \"x\"\v\n", "<ECHO|a\vb\f|x>"),
    EXPECT("ECHO \"a\"b\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO 'a'b\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO \"a\"\"b\"\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO x\"a\r\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO 'a\r\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO '\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO \"a\\\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO \"a\\\r\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO 'a\\'\n", "!Protocol error: unbalanced quotes in request"),
    EXPECT("PING\n'\n", "<PING>!Protocol error: unbalanced quotes in request"),
    EXPECT("ECHO a\0b\r\nPING\r\n", "..."),
};

START_TEST(inline_requests)
{
    expect_all(inlines, sizeof(inlines) / sizeof(inlines[0]), &request_text_limits);
}
END_TEST

static const struct expectation unauthenticated[] = {
    EXPECT("*11\r\n", "!Protocol error: unauthenticated multibulk length"),
    EXPECT("*2147483648\r\n", "!Protocol error: invalid multibulk length"),
    EXPECT("*10\r\n", "..."),
    EXPECT("*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length"),
    EXPECT("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length"),
    EXPECT("*1\r\n$16384\r\n", "..."),
    EXPECT("AUTH x\n", "<AUTH|x>"),
};

START_TEST(requests_before_authentication)
{
    struct parser_limits limits = request_text_limits;
    limits.unauthenticated = true;
    expect_all(unauthenticated, sizeof(unauthenticated) / sizeof(unauthenticated[0]), &limits);
}
END_TEST

/* `head`, then `count` digits '1', then `tail`. */
static void expect_long_line(const char *head, size_t count, const char *tail, const char *expected)
{
    size_t head_size = strlen(head);
    size_t size = head_size + count + strlen(tail);
    char *bytes = malloc(size + 1);
    ck_assert_ptr_nonnull(bytes);
    (void)stpcpy(bytes, head);
    memset(bytes + head_size, '1', count);
    (void)stpcpy(bytes + head_size + count, tail);
    struct slice slice = slice_make(bytes, size);
    expect_pieces(slice, &request_text_limits, 0, expected);
    expect_pieces(slice, &request_text_limits, 4093, expected);
    free(bytes);
}

START_TEST(endless_lines)
{
    size_t most = LINE_MAX_SIZE;
    expect_long_line("", most + 1, "", "!Protocol error: too big inline request");
    expect_long_line("", most + 1, "\n", "!Protocol error: too big inline request");
    expect_long_line("", most, "", "...");
    expect_long_line(" ' ", most - 3, "\n", "!Protocol error: unbalanced quotes in request");
    expect_long_line("*", most, "", "!Protocol error: too big mbulk count string");
    expect_long_line("*", most, "\r\n", "!Protocol error: too big mbulk count string");
    expect_long_line("*", most - 1, "", "...");
    expect_long_line("*", most - 1, "\r\n", "!Protocol error: invalid multibulk length");
    expect_long_line("*1\r\n", most + 1, "\r\n", "!Protocol error: too big bulk count string");
    expect_long_line("*1\r\n$", most, "", "!Protocol error: too big bulk count string");
    expect_long_line("*1\r\n$", most - 1, "\r\n", "!Protocol error: invalid bulk length");
}
END_TEST

START_TEST(endless_lines_behind_a_nul)
{
    static char bytes[LINE_MAX_SIZE + 2] = "PING";
    memset(bytes + 5, '\n', sizeof(bytes) - 5);
    struct slice slice = slice_make(bytes, LINE_MAX_SIZE);
    expect_pieces(slice, &request_text_limits, 4093, "...");
    slice.size = LINE_MAX_SIZE + 1;
    expect_pieces(slice, &request_text_limits, 4093, "!Protocol error: too big inline request");
}
END_TEST

/* What a large string lacks is known at once, so that its room can be made in one go. */
START_TEST(missing_bytes)
{
    struct parser parser;
    parser_init(&parser);
    struct argument_list list = {0};
    size_t consumed;
    struct slice bytes = SLICE_LITERAL("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\nabc");
    ck_assert_int_eq(parser_next(&parser, bytes, &request_text_limits, &list, &consumed),
                     PARSE_INCOMPLETE);
    ck_assert_uint_eq(parser_missing(&parser), 1000000 + 2 - 3);
    ck_assert_uint_eq(list.count, 0);
    parser_deinit(&parser);
    ck_assert_int_eq(
        parser_next(&parser, slice_make(NULL, 0), &request_text_limits, &list, &consumed),
        PARSE_INCOMPLETE);
    ck_assert_uint_eq(parser_missing(&parser), 1);
    argument_list_deinit(&list);
}
END_TEST

/* What is announced takes no memory before it has come. */
START_TEST(announced_arguments)
{
    struct parser parser;
    parser_init(&parser);
    struct argument_list list = {0};
    size_t consumed;
    struct slice bytes = SLICE_LITERAL("*1000000\r\n$1\r\na\r\n$10\r\n0123456789\r\n");
    ck_assert_int_eq(parser_next(&parser, bytes, &request_text_limits, &list, &consumed),
                     PARSE_INCOMPLETE);
    ck_assert_uint_lt(list.capacity, 100);
    parser_deinit(&parser);
    argument_list_deinit(&list);
}
END_TEST

/* Arguments of all requests of a batch stay where they are until the list is reset. */
START_TEST(batch_shares_the_list)
{
    struct parser parser;
    parser_init(&parser);
    struct argument_list list = {0};
    struct slice bytes = SLICE_LITERAL("ECHO \"a b\"\nECHO 'c'\n*1\r\n$4\r\nPING\r\nx\"y\"\n");
    size_t consumed;
    while (bytes.size > 0) {
        ck_assert_int_eq(parser_next(&parser, bytes, &request_text_limits, &list, &consumed),
                         PARSE_REQUEST);
        bytes = slice_part(bytes, consumed, bytes.size - consumed);
    }
    static const char *const expected[] = {"ECHO", "a b", "ECHO", "c", "PING", "xy"};
    ck_assert_uint_eq(list.count, 6);
    for (size_t i = 0; i < list.count; i++) {
        ck_assert(slice_equal(list.items[i], slice_of_string(expected[i])));
    }
    argument_list_reset(&list);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_ptr_null(list.scratch);
    ck_assert_ptr_nonnull(list.items);
    argument_list_deinit(&list);
    ck_assert_ptr_null(list.items);
}
END_TEST

static void add(struct buffer *bytes, const char *text)
{
    ck_assert_int_eq(buffer_append(bytes, text, strlen(text)), STATUS_OK);
}

/* Feeds prefixes that grow by `piece` bytes; returns how often the parser was asked. */
static size_t feed(struct slice all, size_t piece, struct argument_list *list)
{
    struct parser parser;
    parser_init(&parser);
    size_t consumed;
    size_t calls = 0;
    enum parse_result result = PARSE_INCOMPLETE;
    for (size_t size = piece; result == PARSE_INCOMPLETE; size += piece) {
        struct slice bytes = slice_part(all, 0, size < all.size ? size : all.size);
        result = parser_next(&parser, bytes, &request_text_limits, list, &consumed);
        calls++;
    }
    ck_assert_int_eq(result, PARSE_REQUEST);
    ck_assert_uint_eq(consumed, all.size);
    return calls;
}

/* Would take minutes if any piece cost more than its own bytes. */
START_TEST(million_arguments_in_small_pieces)
{
    const size_t count = test_scale() < 1 ? 30000 : 1000000;
    struct buffer bytes = {0};
    char head[32];
    (void)snprintf(head, sizeof(head), "*%zu\r\n", count);
    add(&bytes, head);
    for (size_t i = 0; i < count; i++) {
        add(&bytes, "$1\r\n");
        add(&bytes, i % 2 == 0 ? "a\r\n" : "b\r\n");
    }
    struct argument_list list = {0};
    ck_assert_uint_gt(feed(buffer_slice(&bytes), 5, &list), count);
    ck_assert_uint_eq(list.count, count);
    ck_assert(slice_equal(list.items[count - 1], SLICE_LITERAL("b")));
    argument_list_reset(&list); /* so large an array is not kept */
    ck_assert_ptr_null(list.items);
    buffer_deinit(&bytes);
}
END_TEST

START_TEST(large_string_in_small_pieces)
{
    struct buffer bytes = {0};
    add(&bytes, "*2\r\n$4\r\nECHO\r\n$16777216\r\n");
    ck_assert_int_eq(buffer_reserve_exact(&bytes, (16 << 20) + 2), STATUS_OK);
    memset(bytes.data + bytes.size, '*', (16 << 20) + 2);
    bytes.size += (16 << 20) + 2;
    struct argument_list list = {0};
    ck_assert_uint_gt(feed(buffer_slice(&bytes), 16, &list), 1000000);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_uint_eq(list.items[1].size, 16 << 20);
    argument_list_deinit(&list);
    buffer_deinit(&bytes);
}
END_TEST

/* A random stream of valid and damaged requests gives the same however it is cut. */
static void add_random_request(struct test_random *random, struct buffer *bytes)
{
    static const char *const pieces[] = {
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        "PING\r\n",
        "ECHO 'a b'\n",
        "ECHO \"\\x00\\n\" x\n",
        "*0\r\n",
        "\n",
        "*3\r\n$3\r\nSET\r\n$2\r\n\r\n\r\n$0\r\n\r\n",
        "SET a \"b\"\r\n",
        "*1\r\n$12\r\nabcdefghijkl\r\n",
    };
    size_t start = bytes->size;
    add(bytes, pieces[test_random_below(random, sizeof(pieces) / sizeof(pieces[0]))]);
    if (test_random_one_in(random, 10)) {
        size_t at = start + test_random_below(random, bytes->size - start);
        bytes->data[at] = (char)test_random_next(random);
    }
}

START_TEST(cuts_make_no_difference)
{
    struct test_random random;
    test_random_init(&random, test_seed("parser_test"));
    for (int round = 0; round < 500; round++) {
        struct buffer bytes = {0};
        for (int i = 0; i < 20; i++) {
            add_random_request(&random, &bytes);
        }
        struct buffer whole = request_text(buffer_slice(&bytes), &request_text_limits, 0, NULL);
        struct buffer cut = request_text(buffer_slice(&bytes), &request_text_limits, 9, &random);
        ck_assert(slice_equal(buffer_slice(&whole), buffer_slice(&cut)));
        buffer_deinit(&whole);
        buffer_deinit(&cut);
        buffer_deinit(&bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parser");
    TCase *requests = tcase_create("requests");
    tcase_add_test(requests, array_requests);
    tcase_add_test(requests, inline_requests);
    tcase_add_test(requests, requests_before_authentication);
    tcase_add_test(requests, endless_lines);
    tcase_add_test(requests, endless_lines_behind_a_nul);
    tcase_add_test(requests, missing_bytes);
    tcase_add_test(requests, announced_arguments);
    tcase_add_test(requests, batch_shares_the_list);
    suite_add_tcase(suite, requests);
    TCase *pieces = tcase_create("pieces");
    tcase_set_timeout(pieces, 60);
    tcase_add_test(pieces, million_arguments_in_small_pieces);
    tcase_add_test(pieces, large_string_in_small_pieces);
    tcase_add_test(pieces, cuts_make_no_difference);
    suite_add_tcase(suite, pieces);
    return test_run_suite(suite);
}
