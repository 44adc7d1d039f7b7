/* staircase_test.c - expiry marks reduced to what they say, against saying it with all of them. */
#include "engine/staircase.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>

#define MARKS 60

static struct staircase staircase;

static void set_up(void)
{
    staircase_init(&staircase);
}

static void tear_down(void)
{
    staircase_deinit(&staircase);
}

START_TEST(no_mark_covers_nothing)
{
    ck_assert(!staircase_covers(&staircase, 1, INT64_MIN));
}
END_TEST

START_TEST(covers_what_is_older_and_due)
{
    ck_assert_int_eq(staircase_add(&staircase, 10, 1000), STATUS_OK);
    ck_assert(staircase_covers(&staircase, 9, 1000));
    ck_assert(!staircase_covers(&staircase, 9, 1001));
    ck_assert(!staircase_covers(&staircase, 10, 1000)); /* not older than the mark */
    ck_assert(!staircase_covers(&staircase, 11, 1));
}
END_TEST

START_TEST(time_that_goes_forward_leaves_one_step)
{
    for (int i = 1; i <= 1000; i++) {
        ck_assert_int_eq(staircase_add(&staircase, (uint64_t)i * 3, i * 100), STATUS_OK);
    }
    ck_assert_uint_eq(staircase.count, 1);
}
END_TEST

START_TEST(agrees_with_all_marks)
{
    struct test_random random;
    test_random_init(&random, test_seed("build/tests/unit/staircase_test"));
    for (int round = 0; round < 300; round++) {
        struct staircase_step marks[MARKS];
        staircase_deinit(&staircase);
        for (size_t i = 0; i < MARKS; i++) {
            marks[i].sequence = test_random_below(&random, 80);
            marks[i].until_ms = (int64_t)test_random_below(&random, 50);
            ck_assert_int_eq(staircase_add(&staircase, marks[i].sequence, marks[i].until_ms),
                             STATUS_OK);
            uint64_t sequence = test_random_below(&random, 82);
            int64_t expiry_ms = (int64_t)test_random_below(&random, 52);
            bool expected = false;
            for (size_t k = 0; k <= i; k++) {
                expected |= marks[k].sequence > sequence && marks[k].until_ms >= expiry_ms;
            }
            ck_assert(staircase_covers(&staircase, sequence, expiry_ms) == expected);
        }
        for (size_t i = 1; i < staircase.count; i++) {
            ck_assert_uint_gt(staircase.steps[i].sequence, staircase.steps[i - 1].sequence);
            ck_assert_int_lt(staircase.steps[i].until_ms, staircase.steps[i - 1].until_ms);
        }
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("staircase");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, no_mark_covers_nothing);
    tcase_add_test(tests, covers_what_is_older_and_due);
    tcase_add_test(tests, time_that_goes_forward_leaves_one_step);
    tcase_add_test(tests, agrees_with_all_marks);
    return test_run("staircase", tests);
}
