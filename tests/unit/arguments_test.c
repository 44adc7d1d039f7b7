/* arguments_test.c - numbers and times of commands; expectations are redis-server's. */
#include "commands/arguments.h"

#include "engine/record.h"
#include "support/test_run.h"

#include <check.h>
#include <float.h>
#include <math.h>

START_TEST(ints)
{
    static const struct {
        const char *text;
        enum client_error error;
        int value;
    } rows[] = {
        {"0", ERROR_NONE, 0},
        {"-1", ERROR_NONE, -1},
        {"2147483647", ERROR_NONE, 2147483647},
        {"-2147483648", ERROR_NONE, -2147483647 - 1},
        {"2147483648", ERROR_OUT_OF_INT_RANGE, 42},
        {"-2147483649", ERROR_OUT_OF_INT_RANGE, 42},
        {"9223372036854775808", ERROR_NOT_INTEGER, 42},
        {"x", ERROR_NOT_INTEGER, 42},
        {"", ERROR_NOT_INTEGER, 42},
        {"01", ERROR_NOT_INTEGER, 42},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int value = 42;
        ck_assert_int_eq(arguments_parse_int(slice_of_string(rows[i].text), &value), rows[i].error);
        ck_assert_int_eq(value, rows[i].value);
    }
}
END_TEST

START_TEST(long_doubles)
{
    static const struct {
        const char *text;
        long double value;
    } rows[] = {
        {"0", 0},          {"1.5", 1.5L},       {"-1.5", -1.5L},        {".5", 0.5L},
        {"1.", 1},         {"3.0e3", 3000},     {"0x10", 16},           {"+2", 2},
        {"inf", INFINITY}, {"-inf", -INFINITY}, {"infinity", INFINITY}, {"1e300", 1e300L},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        long double value = 42;
        ck_assert_msg(arguments_parse_long_double(slice_of_string(rows[i].text), &value), "%s",
                      rows[i].text);
        ck_assert_msg(value == rows[i].value, "%s", rows[i].text);
    }
    long double large = 0; /* beyond a double, not beyond a long double */
    ck_assert(arguments_parse_long_double(SLICE_LITERAL("1e400"), &large));
    ck_assert(large > (long double)DBL_MAX && !isinf(large));
    static const char *const wrong[] = {"",     " 1",     "1 ",      "x",       "1x",  "nan",
                                        "-nan", "1e5000", "-1e5000", "1e-5000", "--1", "1..0"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        long double value = 42;
        ck_assert_msg(!arguments_parse_long_double(slice_of_string(wrong[i]), &value), "%s",
                      wrong[i]);
        ck_assert(value == 42);
    }
    long double value;
    ck_assert(!arguments_parse_long_double(slice_make("1\0", 2), &value));
    ck_assert(!arguments_parse_long_double(slice_make(NULL, 0), &value));
    char many_digits[LONG_DOUBLE_TEXT_SIZE];
    memset(many_digits, '0', sizeof(many_digits));
    ck_assert(!arguments_parse_long_double(slice_make(many_digits, sizeof(many_digits)), &value));
    ck_assert(
        arguments_parse_long_double(slice_make(many_digits, sizeof(many_digits) - 1), &value));
}
END_TEST

START_TEST(prints_long_doubles)
{
    static const struct {
        long double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0L, "0"},
        {1, "1"},
        {-1, "-1"},
        {10, "10"},
        {1.5L, "1.5"},
        {3000, "3000"},
        {0.1L, "0.1"},
        {1e17L, "100000000000000000"},
        {-1e-17L, "-0.00000000000000001"},
        {1e-18L, "0"},
        {3.14159265358979L, "3.14159265358979"},
    };
    char text[LONG_DOUBLE_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_uint_eq(arguments_print_long_double(rows[i].value, text), strlen(rows[i].text));
        ck_assert_str_eq(text, rows[i].text);
    }
    ck_assert_uint_eq(arguments_print_long_double(-LDBL_MAX, text), 4934);
}
END_TEST

START_TEST(cursors)
{
    static const struct {
        struct slice text;
        bool is_right;
        uint64_t value;
    } rows[] = {
        {SLICE_LITERAL("0"), true, 0},
        {SLICE_LITERAL(""), true, 0},
        {SLICE_LITERAL("007"), true, 7},
        {SLICE_LITERAL("+5"), true, 5},
        {SLICE_LITERAL("-1"), true, UINT64_MAX},
        {SLICE_LITERAL("5\0x"), true, 5},
        {SLICE_LITERAL("18446744073709551615"), true, UINT64_MAX},
        {SLICE_LITERAL("18446744073709551616"), false, 42},
        {SLICE_LITERAL("99999999999999999999"), false, 42},
        {SLICE_LITERAL("-"), false, 42},
        {SLICE_LITERAL(" 1"), false, 42},
        {SLICE_LITERAL("1 "), false, 42},
        {SLICE_LITERAL("x"), false, 42},
        {SLICE_LITERAL("+-1"), false, 42},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 42;
        ck_assert_msg(arguments_parse_cursor(rows[i].text, &value) == rows[i].is_right, "%s",
                      rows[i].text.data);
        ck_assert_uint_eq(value, rows[i].value);
    }
}
END_TEST

#define NOW 1000000

START_TEST(times)
{
    static const struct {
        const char *text;
        enum expiry_unit unit;
        enum expiry_basis basis;
        enum client_error error;          /* of EXPIRE and its kin */
        enum client_error positive_error; /* of SET and its kin */
        int64_t expiry_ms;
    } rows[] = {
        {"10", UNIT_SECONDS, BASIS_NOW, ERROR_NONE, ERROR_NONE, NOW + 10000},
        {"10", UNIT_MILLISECONDS, BASIS_NOW, ERROR_NONE, ERROR_NONE, NOW + 10},
        {"10", UNIT_SECONDS, BASIS_EPOCH, ERROR_NONE, ERROR_NONE, 10000},
        {"10", UNIT_MILLISECONDS, BASIS_EPOCH, ERROR_NONE, ERROR_NONE, 10},
        {"0", UNIT_SECONDS, BASIS_NOW, ERROR_NONE, ERROR_INVALID_EXPIRE, NOW},
        {"-1", UNIT_SECONDS, BASIS_NOW, ERROR_NONE, ERROR_INVALID_EXPIRE, NOW - 1000},
        {"x", UNIT_SECONDS, BASIS_NOW, ERROR_NOT_INTEGER, ERROR_NOT_INTEGER, 0},
        {"9223372036854775", UNIT_SECONDS, BASIS_EPOCH, ERROR_NONE, ERROR_NONE,
         9223372036854775000},
        {"9223372036854775", UNIT_SECONDS, BASIS_NOW, ERROR_INVALID_EXPIRE, ERROR_INVALID_EXPIRE,
         0},
        {"9223372036854776", UNIT_SECONDS, BASIS_EPOCH, ERROR_INVALID_EXPIRE, ERROR_INVALID_EXPIRE,
         0},
        {"-9223372036854776", UNIT_SECONDS, BASIS_EPOCH, ERROR_INVALID_EXPIRE, ERROR_INVALID_EXPIRE,
         0},
        {"9223372036854775807", UNIT_MILLISECONDS, BASIS_NOW, ERROR_INVALID_EXPIRE,
         ERROR_INVALID_EXPIRE, 0},
        /* The very last moment means "never" to the engine, so it becomes the one before. */
        {"9223372036854775807", UNIT_MILLISECONDS, BASIS_EPOCH, ERROR_NONE, ERROR_NONE,
         EXPIRY_NONE - 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice text = slice_of_string(rows[i].text);
        int64_t expiry_ms = 42;
        ck_assert_int_eq(arguments_parse_time(text, rows[i].unit, rows[i].basis, NOW, &expiry_ms),
                         rows[i].error);
        ck_assert_int_eq(expiry_ms, rows[i].error == ERROR_NONE ? rows[i].expiry_ms : 42);
        expiry_ms = 42;
        ck_assert_int_eq(
            arguments_parse_positive_time(text, rows[i].unit, rows[i].basis, NOW, &expiry_ms),
            rows[i].positive_error);
        ck_assert_int_eq(expiry_ms, rows[i].positive_error == ERROR_NONE ? rows[i].expiry_ms : 42);
    }
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, ints);
    tcase_add_test(core, long_doubles);
    tcase_add_test(core, prints_long_doubles);
    tcase_add_test(core, cursors);
    tcase_add_test(core, times);
    return test_run("arguments", core);
}
