/* slice_test.c - comparing and cutting slices. */
#include "base/slice.h"

#include "support/test_run.h"

#include <check.h>
#include <signal.h>

START_TEST(equality)
{
    struct slice empty = slice_make(NULL, 0);
    ck_assert(slice_equal(empty, slice_of_string("")));
    ck_assert(slice_equal(SLICE_LITERAL("a\0b"), slice_make("a\0b", 3)));
    ck_assert(!slice_equal(SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\0c")));
    ck_assert(!slice_equal(SLICE_LITERAL("ab"), SLICE_LITERAL("a")));
    ck_assert(!slice_equal(SLICE_LITERAL("a"), empty));
}
END_TEST

START_TEST(words)
{
    ck_assert(slice_is_word(SLICE_LITERAL("GeT"), "get"));
    ck_assert(slice_is_word(SLICE_LITERAL("get"), "GET"));
    ck_assert(!slice_is_word(SLICE_LITERAL("ge"), "get"));
    ck_assert(!slice_is_word(SLICE_LITERAL("gets"), "get"));
    ck_assert(!slice_is_word(SLICE_LITERAL("get\0"), "get"));
    ck_assert(slice_is_word(slice_make(NULL, 0), ""));
    ck_assert(!slice_is_word(slice_make(NULL, 0), "x"));
    /* Only letters have a case: '@' and '`', '[' and '{' differ in the same bit. */
    ck_assert(!slice_is_word(SLICE_LITERAL("@["), "`{"));
    ck_assert(!slice_is_word(SLICE_LITERAL("\xc4"), "\xe4"));
}
END_TEST

START_TEST(order)
{
    static const struct slice ascending[] = {
        SLICE_LITERAL(""),   SLICE_LITERAL("\0"), SLICE_LITERAL("\0\0"), SLICE_LITERAL("a"),
        SLICE_LITERAL("aa"), SLICE_LITERAL("b"),  SLICE_LITERAL("\x80"), SLICE_LITERAL("\xff"),
    };
    size_t count = sizeof(ascending) / sizeof(ascending[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int compared = slice_compare(ascending[i], ascending[j]);
            ck_assert_int_eq((compared > 0) - (compared < 0), (i > j) - (i < j));
        }
    }
}
END_TEST

START_TEST(parts)
{
    struct slice text = SLICE_LITERAL("abcdef");
    ck_assert(slice_equal(slice_part(text, 1, 3), SLICE_LITERAL("bcd")));
    ck_assert_uint_eq(slice_part(text, 6, 0).size, 0);
    ck_assert_ptr_null(slice_part(slice_make(NULL, 0), 0, 0).data);
}
END_TEST

START_TEST(zeros)
{
    char bytes[100] = {0};
    ck_assert(slice_is_zeros(slice_make(NULL, 0)));
    for (size_t size = 0; size < sizeof(bytes); size++) {
        ck_assert(slice_is_zeros(slice_make(bytes, size)));
    }
    for (size_t at = 0; at < sizeof(bytes); at++) {
        bytes[at] = (char)0x80;
        ck_assert(!slice_is_zeros(slice_make(bytes, sizeof(bytes))));
        ck_assert(slice_is_zeros(slice_make(bytes, at)));
        bytes[at] = 0;
    }
    memset(bytes, 1, sizeof(bytes));
    ck_assert(!slice_is_zeros(slice_make(bytes, sizeof(bytes))));
}
END_TEST

START_TEST(sizes_fit_printf)
{
    ck_assert_int_eq(slice_print_size(slice_make(NULL, 0)), 0);
    ck_assert_int_eq(slice_print_size(SLICE_LITERAL("abc")), 3);
    /* Beyond an int: never negative, which would print up to the next NUL. */
    ck_assert_int_eq(slice_print_size(slice_make("", (size_t)3 << 30)), (int)SLICE_PRINTED_MAX);
}
END_TEST

START_TEST(words_are_taken_off_the_front)
{
    struct slice rest = SLICE_LITERAL(" \ta bc\n\v\f\rd\0e ");
    ck_assert(slice_equal(slice_next_word(&rest), SLICE_LITERAL("a")));
    ck_assert(slice_equal(slice_next_word(&rest), SLICE_LITERAL("bc")));
    ck_assert(slice_equal(rest, SLICE_LITERAL("\n\v\f\rd\0e ")));
    ck_assert(slice_equal(slice_next_word(&rest), SLICE_LITERAL("d\0e")));
    ck_assert_uint_eq(slice_next_word(&rest).size, 0);
    ck_assert_uint_eq(rest.size, 0);
    ck_assert_uint_eq(slice_next_word(&rest).size, 0);
}
END_TEST

START_TEST(a_part_outside_aborts)
{
    (void)slice_part(SLICE_LITERAL("abc"), 2, (size_t)-1);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, equality);
    tcase_add_test(core, words);
    tcase_add_test(core, order);
    tcase_add_test(core, parts);
    tcase_add_test(core, zeros);
    tcase_add_test(core, sizes_fit_printf);
    tcase_add_test(core, words_are_taken_off_the_front);
    tcase_add_test_raise_signal(core, a_part_outside_aborts, SIGABRT);
    return test_run("slice", core);
}
