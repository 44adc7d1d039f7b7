/* quick_clock_test.c - time from ticks: their length, and what happens when that changes. */
#include "base/quick_clock.h"

#include "base/clock.h"
#include "support/test_run.h"

#include <check.h>

/* Ticks of a nanosecond unless a test says otherwise. */
#define SECOND_US 1000000

START_TEST(the_length_of_a_tick_is_found)
{
    struct quick_clock clock = {.has_ticks = true};
    quick_clock_begin_at(&clock, 5 * SECOND_US, 77);
    ck_assert(clock.us_per_tick == 0);
    quick_clock_begin_at(&clock, 5 * SECOND_US + 50000, 77 + 50000000);
    ck_assert(clock.us_per_tick == 0); /* too soon */
    quick_clock_begin_at(&clock, 6 * SECOND_US, 77 + 1000000000);
    ck_assert(clock.us_per_tick == 0); /* found once */
    quick_clock_begin_at(&clock, 7 * SECOND_US, 77 + 2000000000);
    ck_assert(clock.us_per_tick > 0.00099999 && clock.us_per_tick < 0.00100001);
    ck_assert_int_eq(quick_clock_us_at(&clock, 77 + 2000000000 + 1500), 7 * SECOND_US + 1);
    ck_assert_int_eq(quick_clock_us_at(&clock, 77 + 2000000000 + 123456789),
                     7 * SECOND_US + 123456);
}
END_TEST

START_TEST(time_does_not_go_back_within_a_span)
{
    struct quick_clock clock = {.has_ticks = true};
    quick_clock_begin_at(&clock, SECOND_US / 2, 500000000);
    quick_clock_begin_at(&clock, SECOND_US, 1000000000);
    quick_clock_begin_at(&clock, 2 * SECOND_US, 2000000000);
    ck_assert_int_eq(quick_clock_us_at(&clock, 1999999000), 2 * SECOND_US);
    ck_assert_int_eq(quick_clock_us_at(&clock, 2000050000), 2 * SECOND_US + 50);
    ck_assert_int_eq(quick_clock_us_at(&clock, 2000049000), 2 * SECOND_US + 50);
}
END_TEST

/* A machine that is moved to another one, or sleeps. */
START_TEST(ticks_of_another_length_are_not_believed)
{
    struct quick_clock clock = {.has_ticks = true};
    quick_clock_begin_at(&clock, SECOND_US, 1000000000);
    quick_clock_begin_at(&clock, 2 * SECOND_US, 2000000000);
    quick_clock_begin_at(&clock, 3 * SECOND_US, 3000900000); /* within the tolerance */
    ck_assert(clock.us_per_tick > 0);
    quick_clock_begin_at(&clock, 4 * SECOND_US, 7000000000);
    ck_assert(clock.us_per_tick == 0);
    quick_clock_begin_at(&clock, 5 * SECOND_US, 9000000000);
    ck_assert(clock.us_per_tick == 0);
    quick_clock_begin_at(&clock, 6 * SECOND_US, 11000000000);
    ck_assert(clock.us_per_tick > 0.000499 && clock.us_per_tick < 0.000501);
    quick_clock_begin_at(&clock, 7 * SECOND_US, 5); /* from the beginning */
    ck_assert(clock.us_per_tick == 0);
    quick_clock_begin_at(&clock, 8 * SECOND_US, 1000000005);
    ck_assert(clock.us_per_tick == 0);
    quick_clock_begin_at(&clock, 9 * SECOND_US, 2000000005);
    ck_assert(clock.us_per_tick > 0.000999 && clock.us_per_tick < 0.001001);
}
END_TEST

/* With whatever this machine has. */
START_TEST(it_goes_with_the_clock_of_the_system)
{
    struct quick_clock clock;
    quick_clock_init(&clock);
    int64_t until_us = clock_monotonic_us() + SECOND_US / 2;
    while (clock_monotonic_us() < until_us) {
        int64_t begin_us = clock_monotonic_us();
        quick_clock_begin(&clock);
        int64_t held_up_us = clock_monotonic_us() - begin_us;
        for (int i = 0; i < 10; i++) {
            clock_sleep_us(1000);
            int64_t before_us = clock_monotonic_us();
            int64_t us = quick_clock_us(&clock);
            int64_t after_us = clock_monotonic_us();
            int64_t tolerance_us = 1 + held_up_us + (after_us - clock.span_us) / 500;
            ck_assert_int_ge(us, before_us - (clock.has_ticks ? tolerance_us : 0));
            ck_assert_int_le(us, after_us + (clock.has_ticks ? tolerance_us : 0));
        }
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("quick_clock");
    tcase_add_test(cases, the_length_of_a_tick_is_found);
    tcase_add_test(cases, time_does_not_go_back_within_a_span);
    tcase_add_test(cases, ticks_of_another_length_are_not_believed);
    tcase_add_test(cases, it_goes_with_the_clock_of_the_system);
    return test_run("quick_clock", cases);
}
