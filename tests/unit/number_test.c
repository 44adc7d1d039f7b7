/* number_test.c - integers to text and back. */
#include "base/number.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(accepts)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"1", 1},
        {"-1", -1},
        {"10", 10},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775807", -INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 42;
        ck_assert_msg(number_parse(slice_of_string(rows[i].text), &value), "%s", rows[i].text);
        ck_assert_int_eq(value, rows[i].value);
    }
}
END_TEST

START_TEST(refuses)
{
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        "01",
        "-0",
        "00",
        "-01",
        " 1",
        "1 ",
        "1\n",
        "1a",
        "a",
        "0x1",
        "1.0",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "92233720368547758070",
        "99999999999999999999",
        "100000000000000000000",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t value = 42;
        ck_assert_msg(!number_parse(slice_of_string(texts[i]), &value), "%s", texts[i]);
        ck_assert_int_eq(value, 42);
    }
    int64_t value = 42;
    ck_assert(!number_parse(slice_make("1\0", 2), &value));
    ck_assert(!number_parse(slice_make(NULL, 0), &value));
}
END_TEST

static void expect_round_trip(int64_t value)
{
    char expected[32];
    int expected_size = snprintf(expected, sizeof(expected), "%" PRId64, value);
    char text[NUMBER_TEXT_SIZE];
    size_t size = number_format(text, value);
    ck_assert_uint_eq(size, (size_t)expected_size);
    ck_assert_mem_eq(text, expected, size);
    int64_t back = 0;
    ck_assert(number_parse(slice_make(text, size), &back));
    ck_assert_int_eq(back, value);
}

START_TEST(round_trips)
{
    for (int64_t value = -1100; value <= 1100; value++) {
        expect_round_trip(value);
    }
    expect_round_trip(INT64_MIN);
    expect_round_trip(INT64_MAX);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        expect_round_trip(power * 10);
        expect_round_trip(power * 10 - 1);
        expect_round_trip(-power * 10);
    }
    struct test_random random;
    test_random_init(&random, test_seed("number_test"));
    int rounds = (int)(100000 * test_scale());
    for (int i = 0; i < rounds; i++) {
        expect_round_trip((int64_t)(test_random_next(&random) >> test_random_below(&random, 64)));
        expect_round_trip((int64_t)test_random_next(&random));
    }
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, accepts);
    tcase_add_test(core, refuses);
    tcase_add_test(core, round_trips);
    return test_run("number", core);
}
