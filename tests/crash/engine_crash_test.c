/*
 * engine_crash_test.c - the engine on a disk that crashes, fails and fills up (crash_run.h).
 */
#include "support/crash_run.h"
#include "support/test_run.h"

#include <check.h>

#define CRASH_RUNS 120
#define FAULT_RUNS 60
#define FULL_RUNS  60

static void crash_run(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.crashes_in_compactions = true;
    for (int session = 0; session < CRASH_RUN_SESSIONS; session++) {
        crash_run_open_and_settle(&run);
        if (!crash_run_one_in(&run, 4)) {
            sim_disk_crash_after(run.disk,
                                 1 + crash_run_below(&run, crash_run_one_in(&run, 2) ? 30 : 300));
        }
        crash_run_live(&run, 1 + crash_run_below(&run, CRASH_RUN_STEPS_MAX));
        crash_run_end_session(&run);
    }
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

/* Calls that fail without a crash: what the engine says must stay true. */
static void fault_run(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.steady_clock = true;
    for (int session = 0; session < CRASH_RUN_SESSIONS; session++) {
        run.may_fail = true;
        enum sim_call call = (enum sim_call)crash_run_below(&run, SIM_CALL_COUNT);
        call = crash_run_one_in(&run, 3) ? SIM_SYNC : call;
        enum status status = crash_run_one_in(&run, 4) ? STATUS_DISK_FULL : STATUS_IO;
        sim_disk_fail(run.disk, call, 1 + crash_run_below(&run, 30),
                      crash_run_one_in(&run, 2) ? 1 : crash_run_below(&run, 20), status);
        CRASH_TRACE("%s will fail: %s\n", sim_call_name(call), status_name(status));
        crash_run_open_and_settle(&run);
        crash_run_live(&run, 1 + crash_run_below(&run, CRASH_RUN_STEPS_MAX));
        crash_run_end_session(&run);
        run.may_fail = false;
    }
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

/* A disk that fills up, and has room again. */
static void full_run(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.steady_clock = true;
    sim_disk_ignore_reservations(run.disk, crash_run_one_in(&run, 4));
    for (int session = 0; session < CRASH_RUN_SESSIONS; session++) {
        crash_run_open_and_settle(&run);
        run.may_fail = true;
        sim_disk_set_capacity(run.disk,
                              sim_disk_used_bytes(run.disk) + crash_run_below(&run, 60000));
        crash_run_live(&run, 1 + crash_run_below(&run, CRASH_RUN_STEPS_MAX));
        if (crash_run_one_in(&run, 2)) {
            sim_disk_set_capacity(run.disk, 0);
            engine_tick(run.engine);
            run.may_fail = false;
            crash_run_live(&run, 30);
        }
        crash_run_end_session(&run);
        sim_disk_set_capacity(run.disk, 0);
        run.may_fail = false;
    }
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

START_TEST(crashes)
{
    crash_run_repeat("engine_crash_test crashes", crash_run, CRASH_RUNS);
    crash_run_print_crashes();
}
END_TEST

START_TEST(failing_calls)
{
    crash_run_repeat("engine_crash_test failing_calls", fault_run, FAULT_RUNS);
}
END_TEST

START_TEST(full_disks)
{
    crash_run_repeat("engine_crash_test full_disks", full_run, FULL_RUNS);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("engine_crash");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, crashes);
    tcase_add_test(tests, failing_calls);
    tcase_add_test(tests, full_disks);
    return test_run("engine_crash", tests);
}
