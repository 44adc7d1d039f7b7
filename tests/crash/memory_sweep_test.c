/*
 * memory_sweep_test.c - each allocation that the engine makes fails in turn, alone and with the
 * next few; whoever asked is told NO_MEMORY, and the store stays what it should be (crash_run.h).
 *
 * A history runs undisturbed first, which tells how many allocations there are; then again for each
 * of them.
 */
#include "support/crash_run.h"
#include "support/failing_memory.h"

#include <check.h>

#define HISTORIES 8
#define STEPS     50
#define KEY_COUNT 24

static uint64_t fails_at; /* 0 = none */
static uint64_t fails_count;
static uint64_t failure_count;

static void run_history(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.segment_size = 4096;
    run.key_count = KEY_COUNT;
    run.large_value_size = 70000;
    run.steady_clock = true;
    run.may_fail = fails_at > 0;
    failing_memory_arm(fails_at, fails_count);
    crash_run_open_and_settle(&run);
    crash_run_live(&run, STEPS);
    crash_run_end_session(&run);
    crash_run_open_and_settle(&run); /* with something to recover */
    run.may_fail |= fails_at > 0;
    crash_run_close(&run);
    run.required = run.history.written;
    run.may_fail = false;
    failure_count += failing_memory_failures();
    if (fails_at > 0) {
        failing_memory_arm(0, 0);
    }
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

static void sweep(uint64_t seed)
{
    fails_at = 0;
    run_history(seed);
    uint64_t allocations = failing_memory_allocations();
    ck_assert_uint_gt(allocations, 50);
    for (uint64_t n = 1; n <= allocations; n++) {
        fails_at = n;
        fails_count = n % 3 == 0 ? 8 : 1;
        CRASH_TRACE("=== allocation %" PRIu64 " fails\n", n);
        run_history(seed);
    }
}

START_TEST(each_allocation_fails_in_turn)
{
    crash_run_repeat("memory_sweep_test", sweep, HISTORIES);
    printf("memory_sweep_test: %" PRIu64 " allocations failed in turn\n", failure_count);
    ck_assert_uint_gt(failure_count, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory_sweep");
    TCase *tests = tcase_create("memory_sweep");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, each_allocation_fails_in_turn);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
