/* reply_test.c - replies into bytes, in both protocols; expectations are redis-server's. */
#include "resp/reply.h"

#include "support/test_run.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static struct reply reply;

static void set_up(void)
{
    reply_init(&reply);
}

static void tear_down(void)
{
    reply_deinit(&reply);
}

/* Checks what was written, then forgets it. */
static void expect(const char *expected)
{
    struct slice written = buffer_slice(&reply.bytes);
    ck_assert(!reply.failed);
    ck_assert_msg(slice_equal(written, slice_of_string(expected)), "got '%.*s', expected '%s'",
                  (int)written.size, written.data, expected);
    ck_assert_uint_eq(reply.referenced_bytes, 0);
    reply_clear(&reply);
}

START_TEST(simple_strings_and_integers)
{
    ck_assert_int_eq(reply.protocol, 2);
    reply_ok(&reply);
    expect("+OK\r\n");
    reply_pong(&reply);
    reply_simple(&reply, "PONG");
    expect("+PONG\r\n+PONG\r\n");
    reply_integer(&reply, 0);
    reply_integer(&reply, 9);
    reply_integer(&reply, 10);
    reply_integer(&reply, -1);
    reply_integer(&reply, INT64_MAX);
    reply_integer(&reply, INT64_MIN);
    expect(":0\r\n:9\r\n:10\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n");
    reply_raw(&reply, SLICE_LITERAL("*1\r\n:1\r\n"));
    expect("*1\r\n:1\r\n");
}
END_TEST

START_TEST(bulk_strings)
{
    reply_bulk(&reply, SLICE_LITERAL("a\r\nb"));
    reply_bulk(&reply, slice_make(NULL, 0));
    reply_bulk_string(&reply, "twelve bytes");
    reply_bulk_integer(&reply, -120);
    expect("$4\r\na\r\nb\r\n$0\r\n\r\n$12\r\ntwelve bytes\r\n$4\r\n-120\r\n");
}
END_TEST

/* Headers of all lengths of numbers, while the buffer grows. */
START_TEST(headers_of_all_numbers)
{
    static const char text[1200];
    struct buffer expected = {0};
    for (size_t size = 0; size <= sizeof(text); size++) {
        char header[64];
        int header_size =
            snprintf(header, sizeof(header), ":%zu\r\n+OK\r\n+PONG\r\n$%zu\r\n", size, size);
        ck_assert_int_eq(buffer_append(&expected, header, (size_t)header_size), STATUS_OK);
        ck_assert_int_eq(buffer_append(&expected, text, size), STATUS_OK);
        ck_assert_int_eq(buffer_append(&expected, "\r\n", 2), STATUS_OK);
        reply_integer(&reply, (int64_t)size);
        reply_ok(&reply);
        reply_pong(&reply);
        reply_bulk(&reply, slice_make(text, size));
        ck_assert(slice_equal(buffer_slice(&reply.bytes), buffer_slice(&expected)));
    }
    ck_assert(!reply.failed);
    buffer_deinit(&expected);
}
END_TEST

START_TEST(errors)
{
    reply_error(&reply, "ERR a\r\nb\n");
    expect("-ERR a  b \r\n");
    reply_error_format(&reply, "ERR unknown '%s' %d\n", "x\ny", 7);
    expect("-ERR unknown 'x y' 7\r\n");
    reply_error_format(&reply, "ERR with args beginning with: ");
    expect("-ERR with args beginning with: \r\n");
    reply_error_format(&reply, "%s", "\r\n");
    expect("-\r\n");
}
END_TEST

START_TEST(long_errors_are_whole)
{
    static char text[5000];
    for (size_t size = 250; size < sizeof(text); size = size < 260 ? size + 1 : size * 2) {
        memset(text, 'x', size);
        text[size] = '\0';
        reply_error_format(&reply, "ERR %s", text);
        ck_assert_uint_eq(reply.bytes.size, size + 7);
        ck_assert_mem_eq(reply.bytes.data, "-ERR x", 6);
        ck_assert_mem_eq(reply.bytes.data + size + 3, "xx\r\n", 4);
        reply_clear(&reply);
    }
}
END_TEST

static void write_differing(void)
{
    reply_null(&reply);
    reply_null_array(&reply);
    reply_bool(&reply, true);
    reply_bool(&reply, false);
    reply_verbatim(&reply, SLICE_LITERAL("a text"), "txt");
    reply_verbatim(&reply, slice_make(NULL, 0), "mkd");
    reply_map(&reply, 6);
    reply_set(&reply, 3);
    reply_push(&reply, 2);
    reply_array(&reply, 100);
    reply_empty_array(&reply);
}

START_TEST(where_the_protocols_differ)
{
    write_differing();
    expect("$-1\r\n*-1\r\n:1\r\n:0\r\n$6\r\na text\r\n$0\r\n\r\n*12\r\n*3\r\n*2\r\n*100\r\n*0\r\n");
    reply.protocol = 3;
    write_differing();
    expect("_\r\n_\r\n#t\r\n#f\r\n=10\r\ntxt:a text\r\n=4\r\nmkd:\r\n%6\r\n~3\r\n>2\r\n*100\r\n"
           "*0\r\n");
}
END_TEST

/* As ZSCORE, and EVAL with a double, of redis-server 7.0.15 answer. */
START_TEST(doubles)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {3.1, "3.1000000000000001"},
        {1e20, "1e+20"},
        {1e17, "1e+17"},
        {0.1, "0.10000000000000001"},
        {123456789.123, "123456789.123"},
        {-0.0, "-0"},
        {3, "3"},
        {1e300, "1.0000000000000001e+300"},
        {-2.2250738585072014e-308, "-2.2250738585072014e-308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
        {-NAN, "-nan"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[64];
        reply.protocol = 2;
        reply_double(&reply, rows[i].value);
        (void)snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n", strlen(rows[i].text),
                       rows[i].text);
        expect(expected);
        reply.protocol = 3;
        reply_double(&reply, rows[i].value);
        (void)snprintf(expected, sizeof(expected), ",%s\r\n", rows[i].text);
        expect(expected);
    }
}
END_TEST

static void write_items(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reply_integer(&reply, 1);
    }
}

/* Whatever the number of digits, the items stand right behind the header. */
START_TEST(deferred_aggregates)
{
    static const struct {
        size_t count;
        const char *header;
    } rows[] = {
        {0, "*0\r\n"},   {1, "*1\r\n"},       {9, "*9\r\n"},         {10, "*10\r\n"},
        {99, "*99\r\n"}, {1234, "*1234\r\n"}, {56789, "*56789\r\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reply_ok(&reply);
        struct reply_mark mark = reply_deferred_begin(&reply);
        write_items(rows[i].count);
        reply_deferred_array(&reply, mark, rows[i].count);
        reply_ok(&reply);
        size_t header_size = strlen(rows[i].header);
        ck_assert_uint_eq(reply.bytes.size, 5 + header_size + rows[i].count * 4 + 5);
        ck_assert_mem_eq(reply.bytes.data + 5, rows[i].header, header_size);
        for (size_t item = 0; item < rows[i].count; item++) {
            ck_assert_mem_eq(reply.bytes.data + 5 + header_size + item * 4, ":1\r\n", 4);
        }
        ck_assert_mem_eq(reply.bytes.data + reply.bytes.size - 5, "+OK\r\n", 5);
        reply_clear(&reply);
    }
}
END_TEST

START_TEST(deferred_maps_and_sets)
{
    for (int protocol = 2; protocol <= 3; protocol++) {
        reply.protocol = protocol;
        struct reply_mark outer = reply_deferred_begin(&reply);
        struct reply_mark inner = reply_deferred_begin(&reply);
        write_items(2);
        reply_deferred_set(&reply, inner, 12);
        reply_ok(&reply);
        reply_deferred_map(&reply, outer, 5);
        expect(protocol == 2 ? "*10\r\n*12\r\n:1\r\n:1\r\n+OK\r\n"
                             : "%5\r\n~12\r\n:1\r\n:1\r\n+OK\r\n");
    }
}
END_TEST

static int releases[3];

static void on_release(void *owner)
{
    ++*(int *)owner;
}

START_TEST(references)
{
    memset(releases, 0, sizeof(releases));
    static const char large[1000];
    reply_ok(&reply);
    struct reply_mark deferred = reply_deferred_begin(&reply);
    reply_bulk_reference(&reply, slice_make(large, 1000), on_release, &releases[0]);
    reply_bulk_reference(&reply, SLICE_LITERAL("static"), NULL, NULL);
    struct reply_mark mark = reply_mark(&reply);
    reply_bulk_reference(&reply, slice_make(large, 7), on_release, &releases[1]);
    ck_assert_uint_eq(reply.reference_count, 3);
    reply_rewind(&reply, mark);
    ck_assert_int_eq(releases[1], 1);
    ck_assert_uint_eq(reply.reference_count, 2);
    reply_deferred_array(&reply, deferred, 20);

    static const char bytes[] = "+OK\r\n*20\r\n$1000\r\n\r\n$6\r\n\r\n";
    ck_assert(slice_equal(buffer_slice(&reply.bytes), slice_of_string(bytes)));
    ck_assert_uint_eq(reply.referenced_bytes, 1000 + 6);
    ck_assert_uint_eq(reply.references[0].position, 5 + 5 + 7);
    ck_assert_uint_eq(reply.references[1].position, 5 + 5 + 7 + 2 + 4);
    ck_assert_int_eq(releases[0], 0);
    reply_clear(&reply);
    ck_assert_int_eq(releases[0], 1);
    ck_assert_uint_eq(reply.bytes.size + reply.referenced_bytes, 0);
    reply_bulk_reference(&reply, slice_make(large, 0), on_release, &releases[2]);
    reply_deinit(&reply);
    ck_assert_int_eq(releases[2], 1);
    reply_init(&reply);
}
END_TEST

START_TEST(marks)
{
    reply_error(&reply, "ERR before");
    struct reply_mark mark = reply_mark(&reply);
    ck_assert(!reply_is_error_since(&reply, mark));
    reply_ok(&reply);
    ck_assert(!reply_is_error_since(&reply, mark));
    reply_rewind(&reply, mark);
    reply_error(&reply, "ERR x");
    ck_assert(reply_is_error_since(&reply, mark));
    reply_rewind(&reply, mark);
    expect("-ERR before\r\n");
}
END_TEST

/* A reply that memory does not suffice for writes nothing more, and says so. */
START_TEST(failure)
{
    releases[0] = 0;
    reply_ok(&reply);
    reply_bulk(&reply, slice_make("", SIZE_MAX / 2));
    ck_assert(reply.failed);
    ck_assert(!reply.too_long);
    reply_ok(&reply);
    reply_error_format(&reply, "ERR %d", 1);
    reply_bulk_reference(&reply, SLICE_LITERAL("x"), on_release, &releases[0]);
    struct reply_mark mark = reply_deferred_begin(&reply);
    reply_deferred_array(&reply, mark, 12);
    ck_assert_int_eq(releases[0], 1);
    ck_assert_uint_eq(reply.bytes.size, 5);
    reply_clear(&reply);
    ck_assert(!reply.failed);
    reply_ok(&reply);
    expect("+OK\r\n");
}
END_TEST

START_TEST(what_is_allowed_is_not_exceeded_by_more_than_one_piece)
{
    memset(releases, 0, sizeof(releases));
    reply.size_max = 10;
    reply_bulk_string(&reply, "123"); /* 9 bytes */
    struct reply_mark before = reply_mark(&reply);
    reply_bulk_reference(&reply, SLICE_LITERAL("12345"), on_release, &releases[0]);
    ck_assert(!reply.failed);
    size_t size = reply.bytes.size;
    reply_ok(&reply);
    reply_bulk_reference(&reply, SLICE_LITERAL("x"), on_release, &releases[0]);
    ck_assert_int_eq(releases[0], 1); /* it was not taken */
    ck_assert(reply.failed);
    ck_assert(reply.too_long);
    ck_assert_uint_eq(reply.bytes.size, size);
    ck_assert_uint_eq(reply.referenced_bytes, 5);
    struct reply_mark behind = reply_mark(&reply);
    reply_rewind(&reply, behind);
    ck_assert(reply.too_long);
    reply_rewind(&reply, before);
    ck_assert(!reply.too_long);
    expect("$3\r\n123\r\n");
}
END_TEST

START_TEST(clearing_keeps_little)
{
    static const char large[300000];
    reply.protocol = 3;
    reply_bulk(&reply, slice_make(large, 100));
    reply_clear(&reply);
    ck_assert_ptr_nonnull(reply.bytes.data);
    reply_bulk(&reply, slice_make(large, sizeof(large)));
    reply_clear(&reply);
    ck_assert_ptr_null(reply.bytes.data);
    ck_assert_int_eq(reply.protocol, 3);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, simple_strings_and_integers);
    tcase_add_test(core, bulk_strings);
    tcase_add_test(core, headers_of_all_numbers);
    tcase_add_test(core, errors);
    tcase_add_test(core, long_errors_are_whole);
    tcase_add_test(core, where_the_protocols_differ);
    tcase_add_test(core, doubles);
    tcase_add_test(core, deferred_aggregates);
    tcase_add_test(core, deferred_maps_and_sets);
    tcase_add_test(core, references);
    tcase_add_test(core, marks);
    tcase_add_test(core, failure);
    tcase_add_test(core, what_is_allowed_is_not_exceeded_by_more_than_one_piece);
    tcase_add_test(core, clearing_keeps_little);
    return test_run("reply", core);
}
