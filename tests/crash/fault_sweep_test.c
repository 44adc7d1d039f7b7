/*
 * fault_sweep_test.c - each call to the disk fails in turn, once and for a while, with no room and
 * with an error; and the store stays what it should be (crash_run.h).
 *
 * A history runs undisturbed first, which tells how many calls of each kind it makes; then again
 * for each of them. A failed write has put down a part of its bytes; a failed sync has lost what it
 * did not bring down. (Interrupted and short calls end below this seam:
 * tests/unit/file_interrupts_test.c.)
 */
#include "engine/engine_state.h"
#include "engine/store_name.h"
#include "support/crash_run.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>

#define HISTORIES   1
#define STEPS       50 /* half as many where time is short, and each call fails in one way of four */
#define KEY_COUNT   8
#define FOR_A_WHILE 12

static struct fault {
    enum sim_call call;
    uint64_t n; /* 0 = none */
    uint64_t count;
    enum status status;
} fault;

static uint64_t calls[SIM_CALL_COUNT]; /* of the run that was undisturbed */
static uint64_t met[SIM_CALL_COUNT];   /* all together */

static void count_calls(struct sim_disk *disk, bool begin)
{
    for (enum sim_call call = 0; call < SIM_CALL_COUNT; call++) {
        calls[call] = begin ? sim_disk_calls(disk, call) : sim_disk_calls(disk, call) - calls[call];
    }
}

static void compact(struct crash_run *run)
{
    struct compaction_result result;
    run->step = CRASH_STEP_COMPACT;
    enum status status = engine_compact(run->engine, &result);
    CRASH_CHECK(run, status == STATUS_OK || run->may_fail, "compact: %s", status_name(status));
    crash_run_note_positions(run);
    crash_run_check(run);
}

/* A file that neither the store nor the manifest on the disk may know takes room for nothing. */
static void look_at_name(void *context, const char *name)
{
    struct crash_run *run = context;
    uint64_t number;
    if (store_name_is_numbered(name, &number)) {
        CRASH_CHECK(run,
                    number == run->engine->manifest.checkpoint_file ||
                        manifest_find(&run->engine->manifest, number) != NULL,
                    "%s is listed by no manifest, and was left", name);
    }
}

/* Where the manifest's own name was the matter, what it may list has to stay; and what the first
 * life has left goes only if it can be found and removed. */
static void look_for_leftovers(struct crash_run *run)
{
    bool may_stay = fault.call == SIM_RENAME || fault.call == SIM_SYNC_DIRECTORY ||
                    fault.call == SIM_LIST || fault.call == SIM_REMOVE;
    if (!may_stay) {
        enum status status = fs_list(run->fs, look_at_name, run);
        CRASH_CHECK(run, status == STATUS_OK || run->may_fail, "list: %s", status_name(status));
    }
}

/* A first life, a crash, and a second with the fault. */
static void run_history(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.segment_size = 4096;
    run.key_count = KEY_COUNT;
    run.large_value_size = 5000;
    run.steady_clock = true;
    unsigned steps = test_scale() < 1 ? STEPS / 2 : STEPS;
    crash_run_open_and_settle(&run);
    crash_run_live(&run, steps);
    crash_run_end_session(&run);
    if (fault.n == 0) {
        count_calls(run.disk, true);
    } else {
        run.may_fail = true;
        sim_disk_fail(run.disk, fault.call, fault.n, fault.count, fault.status);
    }
    crash_run_open_and_settle(&run);
    crash_run_live(&run, steps);
    compact(&run);
    look_for_leftovers(&run);
    if (fault.n == 0) {
        count_calls(run.disk, false);
    }
    crash_run_end_session(&run);
    run.may_fail = false;
    crash_run_open_and_settle(&run);
    crash_run_end_session(&run); /* what was recovered survives the next crash, too */
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

static void fail_in_each_way(uint64_t seed, enum sim_call call, uint64_t n)
{
    static const enum status statuses[] = {STATUS_IO, STATUS_DISK_FULL};
    bool is_short = test_scale() < 1;
    for (unsigned kind = is_short ? n % 4 : 0; kind < 4; kind += is_short ? 4 : 1) {
        fault = (struct fault){.call = call,
                               .n = n,
                               .count = kind / 2 == 0 ? 1 : FOR_A_WHILE,
                               .status = statuses[kind % 2]};
        CRASH_TRACE("=== %s %" PRIu64 " fails %" PRIu64 " times: %s\n", sim_call_name(call), n,
                    fault.count, status_name(fault.status));
        run_history(seed);
        met[call]++;
    }
}

static void sweep(uint64_t seed)
{
    fault.n = 0;
    run_history(seed);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        is_done = true;
        for (enum sim_call call = 0; call < SIM_CALL_COUNT; call++) {
            if (n <= calls[call]) {
                fail_in_each_way(seed, call, n);
                is_done = false;
            }
        }
    }
}

START_TEST(each_call_fails_in_turn)
{
    crash_run_repeat("fault_sweep_test", sweep, HISTORIES);
    printf("calls that failed in turn:");
    for (enum sim_call call = 0; call < SIM_CALL_COUNT; call++) {
        printf(" %s %" PRIu64, sim_call_name(call), met[call]);
        ck_assert_msg(met[call] > 0 || call == SIM_LINK, "no %s was met", sim_call_name(call));
    }
    printf("\n");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fault_sweep");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, each_call_fails_in_turn);
    return test_run("fault_sweep", tests);
}
