/* parser_sizes_test.c - strings of all sizes and arrays of all counts, whole and cut anywhere. */
#include "base/number.h"
#include "resp/parser.h"
#include "support/request_text.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE_DIGITS_MAX 8

/* An array of one argument of so many bytes, with `others` of one byte each behind it. */
static struct buffer array_of(size_t size, size_t others)
{
    struct buffer bytes = {0};
    char head[2 * (1 + NUMBER_TEXT_SIZE + 2) + 1];
    int head_size = snprintf(head, sizeof(head), "*%zu\r\n$%zu\r\n", 1 + others, size);
    ck_assert_int_eq(buffer_append(&bytes, head, (size_t)head_size), STATUS_OK);
    ck_assert_int_eq(buffer_reserve(&bytes, size), STATUS_OK);
    memset(bytes.data + bytes.size, 'x', size);
    bytes.size += size;
    ck_assert_int_eq(buffer_append(&bytes, "\r\n", 2), STATUS_OK);
    for (size_t i = 0; i < others; i++) {
        ck_assert_int_eq(buffer_append(&bytes, "$1\r\ny\r\n", 7), STATUS_OK);
    }
    return bytes;
}

/* What a new parser makes of a copy of the bytes, with nothing behind them. */
static enum parse_result parse_copy(struct slice bytes, const struct parser_limits *limits,
                                    size_t size, size_t others)
{
    char *copy = malloc(bytes.size + 1);
    ck_assert_ptr_nonnull(copy);
    char *begin = copy + 1; /* at no even address */
    memcpy(begin, bytes.data, bytes.size);
    struct parser parser;
    parser_init(&parser);
    struct argument_list list = {0};
    size_t consumed = 0;
    enum parse_result result =
        parser_next(&parser, slice_make(begin, bytes.size), limits, &list, &consumed);
    ck_assert_uint_eq(list.count, result == PARSE_REQUEST ? 1 + others : 0);
    if (result == PARSE_REQUEST) {
        ck_assert_uint_eq(consumed, bytes.size);
        ck_assert_uint_eq(list.items[0].size, size);
        ck_assert_ptr_eq(list.items[0].data + size + 2 + others * 7, begin + bytes.size);
        for (size_t i = 1; i <= others; i++) {
            ck_assert(slice_equal(list.items[i], SLICE_LITERAL("y")));
        }
    }
    parser_deinit(&parser);
    argument_list_deinit(&list);
    free(copy);
    return result;
}

/* Cut anywhere near its lines it is incomplete; a byte or an argument too many is refused. */
static void expect_array(size_t size, size_t others)
{
    struct buffer bytes = array_of(size, others);
    size_t tail = 2 + others * 7 + 2;
    for (size_t cut = 0; cut < bytes.size; cut++) {
        if (cut < 40 || cut + tail > bytes.size) {
            ck_assert_int_eq(parse_copy(slice_make(bytes.data, cut), &request_text_limits, 0, 0),
                             PARSE_INCOMPLETE);
        }
    }
    struct parser_limits limits = request_text_limits;
    limits.bulk_size_max = size > 0 ? (int64_t)size : 1;
    limits.argument_count_max = 1 + (int64_t)others;
    struct slice whole = buffer_slice(&bytes);
    ck_assert_int_eq(parse_copy(whole, &limits, size, others), PARSE_REQUEST);
    limits.argument_count_max--;
    ck_assert_int_eq(parse_copy(whole, &limits, size, others), PARSE_ERROR);
    limits.argument_count_max++;
    limits.bulk_size_max = (int64_t)size - 1;
    ck_assert_int_eq(parse_copy(whole, &limits, size, others), PARSE_ERROR);
    buffer_deinit(&bytes);
}

START_TEST(strings_of_all_digits)
{
    size_t size = 1;
    for (int digits = 1; digits <= SIZE_DIGITS_MAX; digits++, size *= 10) {
        expect_array(size - 1, 0);
        expect_array(size - 1, 2);
        expect_array(size, 0);
        expect_array(size, 1);
    }
    expect_array(12345678, 3);
}
END_TEST

START_TEST(arrays_of_all_digits)
{
    static const size_t counts[] = {1, 2, 8, 9, 10, 11, 98, 99, 100, 101, 999, 1000, 9999, 10000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct buffer bytes = array_of(3, counts[i] - 1);
        ck_assert_int_eq(parse_copy(buffer_slice(&bytes), &request_text_limits, 3, counts[i] - 1),
                         PARSE_REQUEST);
        for (size_t cut = 0; cut < bytes.size;
             cut += cut < 100 || cut + 100 > bytes.size ? 1 : 97) {
            ck_assert_int_eq(parse_copy(slice_make(bytes.data, cut), &request_text_limits, 0, 0),
                             PARSE_INCOMPLETE);
        }
        buffer_deinit(&bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parser sizes");
    TCase *sizes = tcase_create("sizes");
    tcase_set_timeout(sizes, 60);
    tcase_add_test(sizes, strings_of_all_digits);
    tcase_add_test(sizes, arrays_of_all_digits);
    suite_add_tcase(suite, sizes);
    return test_run_suite(suite);
}
