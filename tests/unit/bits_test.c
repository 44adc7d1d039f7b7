/* bits_test.c - ranges of bits against looking at each bit. */
#include "commands/bits.h"

#include "commands/bit_arguments.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE_MAX_TESTED 40
#define ROUNDS          20000

START_TEST(ranges_are_clipped)
{
    static const struct {
        int64_t start;
        int64_t last;
        enum bit_unit unit;
        size_t size;
        bool is_there;
        struct bit_range range;
    } rows[] = {
        {0, -1, BIT_UNIT_BYTE, 3, true, {0, 24}},
        {0, 0, BIT_UNIT_BYTE, 3, true, {0, 8}},
        {-1, -1, BIT_UNIT_BYTE, 3, true, {16, 24}},
        {1, 100, BIT_UNIT_BYTE, 3, true, {8, 24}},
        {-100, 0, BIT_UNIT_BYTE, 3, true, {0, 8}},
        {-100, -200, BIT_UNIT_BYTE, 3, true, {0, 8}}, /* both are the first byte */
        {2, 1, BIT_UNIT_BYTE, 3, false, {0, 0}},
        {3, 5, BIT_UNIT_BYTE, 3, false, {0, 0}},
        {0, -1, BIT_UNIT_BYTE, 0, false, {0, 0}},
        {INT64_MIN, INT64_MAX, BIT_UNIT_BYTE, 1, true, {0, 8}},
        {INT64_MAX, INT64_MAX, BIT_UNIT_BIT, 1, false, {0, 0}},
        {3, 12, BIT_UNIT_BIT, 2, true, {3, 13}},
        {-3, -1, BIT_UNIT_BIT, 2, true, {13, 16}},
        {15, 16, BIT_UNIT_BIT, 2, true, {15, 16}},
        {16, 16, BIT_UNIT_BIT, 2, false, {0, 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bit_range range = {0, 0};
        bool is_there = bits_clip(rows[i].start, rows[i].last, rows[i].unit, rows[i].size, &range);
        ck_assert_msg(is_there == rows[i].is_there && range.first == rows[i].range.first &&
                          range.end == rows[i].range.end,
                      "row %zu", i);
    }
}
END_TEST

/* Few different bytes, so that long runs of equal ones are met. */
static void fill(struct test_random *random, char *bytes, size_t size)
{
    static const unsigned char choices[] = {0x00, 0x00, 0xFF, 0xFF, 0x01, 0x80, 0xFE, 0x7F};
    unsigned char usual = choices[test_random_below(random, sizeof(choices))];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(test_random_one_in(random, 10)
                              ? choices[test_random_below(random, sizeof(choices))]
                              : usual);
    }
}

static void check_range(struct slice bytes, struct bit_range range)
{
    uint64_t count = 0;
    uint64_t first[2] = {UINT64_MAX, UINT64_MAX};
    for (uint64_t i = range.first; i < range.end; i++) {
        bool bit = ((unsigned char)bytes.data[i / 8] & 0x80U >> i % 8) != 0;
        count += bit ? 1 : 0;
        first[bit] = first[bit] == UINT64_MAX ? i : first[bit];
    }
    ck_assert_uint_eq(bits_count(bytes, range), count);
    for (int wanted = 0; wanted < 2; wanted++) {
        uint64_t found = UINT64_MAX;
        ck_assert_int_eq(bits_find(bytes, range, wanted == 1, &found), first[wanted] != UINT64_MAX);
        ck_assert_uint_eq(found, first[wanted]);
    }
}

START_TEST(agrees_with_each_bit)
{
    struct test_random random;
    test_random_init(&random, test_seed("bits_test"));
    for (int round = 0; round < (int)(ROUNDS * test_scale()); round++) {
        size_t size = 1 + test_random_below(&random, SIZE_MAX_TESTED);
        char *bytes = malloc(size); /* exactly as long as it is: a sanitizer sees overruns */
        ck_assert_ptr_nonnull(bytes);
        fill(&random, bytes, size);
        uint64_t first = test_random_below(&random, 8 * size);
        uint64_t end = first + 1 + test_random_below(&random, 8 * size - first);
        check_range(slice_make(bytes, size), (struct bit_range){first, end});
        free(bytes);
    }
}
END_TEST

START_TEST(types_and_offsets)
{
    struct bitfield_type type = {.bits = 0};
    ck_assert_int_eq(bit_arguments_parse_type(slice_of_string("u63"), &type), ERROR_NONE);
    ck_assert(!type.is_signed && type.bits == 63);
    ck_assert_int_eq(bit_arguments_parse_type(slice_of_string("i64"), &type), ERROR_NONE);
    ck_assert(type.is_signed && type.bits == 64);
    static const char *const wrong[] = {"", "u", "i", "u64", "i65", "u0", "U8", "x8", "i-1", "u08"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(bit_arguments_parse_type(slice_of_string(wrong[i]), &type),
                         ERROR_BITFIELD_TYPE);
    }
    static const struct {
        const char *text;
        unsigned bits;
        enum client_error error;
        uint64_t offset;
    } rows[] = {
        {"0", 8, ERROR_NONE, 0},
        {"799", 8, ERROR_NONE, 799},
        {"800", 8, ERROR_BIT_OFFSET, 7},
        {"#3", 5, ERROR_NONE, 15},
        {"#0", 64, ERROR_NONE, 0},
        {"#100", 8, ERROR_BIT_OFFSET, 7},
        {"-1", 8, ERROR_BIT_OFFSET, 7},
        {"#-1", 8, ERROR_BIT_OFFSET, 7},
        {"#", 8, ERROR_BIT_OFFSET, 7},
        {"", 8, ERROR_BIT_OFFSET, 7},
        {"#9223372036854775807", 2, ERROR_BIT_OFFSET, 7},
        {"#4611686018427387905", 4, ERROR_NONE, 4}, /* wraps, as in Redis */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t offset = 7;
        ck_assert_msg(bit_arguments_parse_field_offset(slice_of_string(rows[i].text), rows[i].bits,
                                                       100, &offset) == rows[i].error &&
                          offset == rows[i].offset,
                      "%s", rows[i].text);
    }
}
END_TEST

int main(void)
{
    TCase *test_case = tcase_create("bits");
    tcase_add_test(test_case, ranges_are_clipped);
    tcase_add_test(test_case, agrees_with_each_bit);
    tcase_add_test(test_case, types_and_offsets);
    return test_run("bits", test_case);
}
