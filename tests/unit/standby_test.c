/* standby_test.c - a thread that stands by: woken, unasked, stopped. */
#include "base/standby.h"

#include "support/test_run.h"

#include <check.h>
#include <unistd.h>

#define FOR_EVER_MS (1000L * 1000 * 1000) /* eleven days */

static struct standby standby;
static atomic_uint rounds;
static atomic_bool may_end; /* does a round end? */

static void set_up(void)
{
    atomic_store(&rounds, 0);
    atomic_store(&may_end, true);
    standby_init(&standby);
}

static void tear_down(void)
{
    standby_stop(&standby);
    standby_deinit(&standby);
}

static void count(void *context)
{
    atomic_fetch_add((atomic_uint *)context, 1);
    while (!atomic_load(&may_end)) {
        usleep(1000);
    }
}

static void start(long pause_ms)
{
    const struct standby_work work = {
        .name = "standby", .pause_ms = pause_ms, .round = count, .context = &rounds};
    ck_assert_int_eq(standby_start(&standby, &work), STATUS_OK);
    ck_assert(standby_is_running(&standby));
}

static void wait_for_rounds(unsigned least)
{
    while (atomic_load(&rounds) < least) {
        usleep(1000);
    }
}

START_TEST(it_works_when_it_is_woken)
{
    start(FOR_EVER_MS);
    for (unsigned i = 1; i <= 3; i++) {
        standby_wake(&standby);
        wait_for_rounds(i);
        ck_assert_uint_eq(atomic_load(&rounds), i);
    }
}
END_TEST

START_TEST(it_works_unasked_after_a_while)
{
    start(1);
    wait_for_rounds(3);
}
END_TEST

START_TEST(who_asks_in_the_midst_of_a_round_gets_another)
{
    atomic_store(&may_end, false);
    start(FOR_EVER_MS);
    standby_wake(&standby);
    wait_for_rounds(1);
    standby_wake(&standby);
    atomic_store(&may_end, true);
    wait_for_rounds(2);
}
END_TEST

START_TEST(a_stop_ends_its_sleep)
{
    start(FOR_EVER_MS);
    standby_stop(&standby);
    ck_assert(!standby_is_running(&standby));
    ck_assert_uint_eq(atomic_load(&rounds), 0);
}
END_TEST

START_TEST(without_a_thread_nothing_happens)
{
    ck_assert(!standby_is_running(&standby));
    standby_wake(&standby);
    standby_stop(&standby);
    ck_assert_uint_eq(atomic_load(&rounds), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("standby");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, it_works_when_it_is_woken);
    tcase_add_test(tests, it_works_unasked_after_a_while);
    tcase_add_test(tests, who_asks_in_the_midst_of_a_round_gets_another);
    tcase_add_test(tests, a_stop_ends_its_sleep);
    tcase_add_test(tests, without_a_thread_nothing_happens);
    return test_run("standby", tests);
}
