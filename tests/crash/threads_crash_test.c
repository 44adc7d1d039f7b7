/*
 * threads_crash_test.c - the engine's own threads, and three writers beside them, on a disk that
 * crashes.
 *
 * The other crash tests run the engine without threads, so that each call comes at its place. Here
 * compactions, checkpoints, syncs, zeros ahead and segments made ready come in the midst of each
 * other and of the writers' changes (thread_writer.h); at a call by chance the power goes, or the
 * process dies, and often the next start as well. Then all that was acknowledged as durable (after
 * a kill: as written) is there, and each database is as it was after one of its changes.
 *
 * The seed repeats the crash points and what each thread does, not how the threads come to run.
 */
#include "base/log.h"
#include "engine/engine_state.h"
#include "support/sim_disk.h"
#include "support/test_random.h"
#include "support/test_run.h"
#include "support/thread_writer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITERS   3
#define HISTORIES 18
#define LIVES     5 /* of a history */

static struct sim_disk *disk;
static struct file_system *fs;
static struct engine *engine;
static struct thread_writer writers[WRITERS];
static struct thread_clock the_clock;
static struct test_random random_;
static struct test_random hook_random; /* one thread at a time is in the hook */
static unsigned crashes[2];            /* power cuts, kills */
static unsigned compactions;
static unsigned checkpoints;

static int64_t clock_of(void *context)
{
    const struct thread_clock *time = context;
    return atomic_load(&time->now_ms);
}

/* Some calls take their time, so that others come in between. */
static void dawdle(void *context, enum sim_call call, const char *name)
{
    (void)context;
    (void)name;
    if (call == SIM_SYNC && test_random_one_in(&hook_random, 4)) {
        usleep((useconds_t)test_random_below(&hook_random, 1500));
    } else if (call == SIM_WRITE && test_random_one_in(&hook_random, 12)) {
        usleep((useconds_t)test_random_below(&hook_random, 300));
    }
}

static enum status open_store(struct error *error)
{
    struct engine_options options = {
        .fs = fs,
        .database_count = WRITERS,
        .segment_size = 8192,
        .piece_shift = 7,
        .checkpoint_bytes = 20000 + test_random_below(&random_, 200000),
        .sync_policy = (enum sync_policy)test_random_below(&random_, 3),
        .unix_ms = clock_of,
        .unix_ms_context = &the_clock,
        .random_seed = 7,
    };
    return engine_open(&options, &engine, error);
}

/* --- meanwhile ---------------------------------------------------------------------------- */

static void sync_all(void)
{
    uint64_t written[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        written[i] = atomic_load(&writers[i].written);
    }
    if (engine_sync(engine) == STATUS_OK) {
        for (unsigned i = 0; i < WRITERS; i++) {
            thread_writer_note_durable(&writers[i], written[i]);
        }
    }
}

static void move_clock(void)
{
    int64_t step_ms = (int64_t)test_random_below(&random_, 2500) - 700;
    int64_t now_ms = atomic_fetch_add(&the_clock.now_ms, step_ms) + step_ms;
    if (now_ms > atomic_load(&the_clock.latest_ms)) {
        atomic_store(&the_clock.latest_ms, now_ms);
    }
}

static bool all_have_ended(void)
{
    bool have_ended = true;
    for (unsigned i = 0; i < WRITERS; i++) {
        have_ended = have_ended && atomic_load(&writers[i].has_ended);
    }
    return have_ended;
}

static void do_something(void)
{
    struct compaction_result result;
    switch (test_random_below(&random_, 12)) {
    case 0:
    case 1:
    case 2:
        compactions += engine_compact(engine, &result) == STATUS_OK ? 1 : 0;
        break;
    case 3:
        engine_checkpoint(engine);
        checkpoints++;
        break;
    case 4:
    case 5:
        sync_all();
        break;
    case 6:
        move_clock();
        break;
    default:
        usleep((useconds_t)test_random_below(&random_, 4000));
        break;
    }
}

/* Until the disk crashes, or all have done what they do. The store is closed then. */
static void live(void)
{
    bool is_slow = test_random_one_in(&random_, 2);
    uint64_t calls = test_random_one_in(&random_, 3) ? 300 : 2000;
    sim_disk_set_hook(disk, is_slow ? dawdle : NULL, NULL);
    engine_set_compaction_percentage(engine, test_random_one_in(&random_, 3) ? 0 : 30);
    if (!test_random_one_in(&random_, 8)) {
        sim_disk_crash_after(disk, 1 + test_random_below(&random_, calls));
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_writer_begin(&writers[i], engine, test_random_next(&random_));
    }
    while (!sim_disk_crashed(disk) && !all_have_ended()) {
        do_something();
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_writer_end(&writers[i]);
    }
    sim_disk_crash_after(disk, 0);
    enum status status = engine_close(engine);
    ck_assert(status == STATUS_OK || sim_disk_crashed(disk));
    sim_disk_set_hook(disk, NULL, NULL);
}

/* --- afterwards --------------------------------------------------------------------------- */

/* `required` becomes what must still be there. */
static void restart(uint64_t required[WRITERS])
{
    bool is_kill = test_random_one_in(&random_, 3);
    for (unsigned i = 0; i < WRITERS; i++) {
        if (!is_kill) {
            thread_writer_lose(&writers[i]);
        }
        uint64_t left = atomic_load(&writers[i].written);
        required[i] = left < required[i] ? left : required[i];
    }
    crashes[is_kill ? 1 : 0]++;
    if (is_kill || test_random_one_in(&random_, 2)) {
        sim_disk_restart(disk, is_kill ? SIM_KILL : SIM_POWER_CUT);
    } else {
        sim_disk_restart_losing(disk, (enum sim_loss)test_random_below(&random_, 3),
                                (enum sim_loss)test_random_below(&random_, 3));
    }
}

/* Some starts crash, too. */
static void open_again(uint64_t required[WRITERS])
{
    struct error error = {""};
    bool is_open = false;
    for (unsigned attempt = 0; !is_open; attempt++) {
        if (sim_disk_crashed(disk)) {
            restart(required);
        }
        if (attempt < 3 && test_random_one_in(&random_, 3)) {
            sim_disk_crash_after(disk, 1 + test_random_below(&random_, 40));
        }
        enum status status = open_store(&error);
        sim_disk_crash_after(disk, 0);
        is_open = status == STATUS_OK && !sim_disk_crashed(disk);
        ck_assert_msg(is_open || sim_disk_crashed(disk), "open: %s", error.text);
        if (status == STATUS_OK && !is_open) {
            enum status closed = engine_close(engine);
            (void)closed; /* of a disk that is gone */
        }
    }
}

static void look(const uint64_t required[WRITERS])
{
    char words[THREAD_WRITER_TEXT];
    engine_lock(engine);
    engine_verify_all_locked(engine);
    for (unsigned i = 0; i < WRITERS; i++) {
        bool agrees = thread_writer_agrees_locked(&writers[i], engine, required[i], words);
        ck_assert_msg(agrees, "%s", words);
    }
    engine_unlock(engine);
}

static void run_history(uint64_t seed)
{
    struct error error = {""};
    test_random_init(&random_, seed);
    test_random_init(&hook_random, seed + 1);
    atomic_store(&the_clock.now_ms, 1000000);
    atomic_store(&the_clock.latest_ms, 1000000);
    disk = sim_disk_create(seed);
    fs = sim_disk_mount(disk);
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_writer_init(&writers[i], i, &the_clock);
    }
    ck_assert_int_eq(open_store(&error), STATUS_OK);
    for (unsigned i = 0; i < LIVES; i++) {
        uint64_t required[WRITERS];
        live();
        for (unsigned j = 0; j < WRITERS; j++) { /* after a clean stop all */
            required[j] = writers[j].first + atomic_load(&writers[j].state_count) - 1;
        }
        open_again(required);
        look(required);
    }
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_writer_deinit(&writers[i]);
    }
    fs_close(fs);
    sim_disk_destroy(disk);
}

START_TEST(everything_at_once)
{
    uint64_t seed = test_seed("threads_crash_test");
    unsigned histories = (unsigned)(HISTORIES * test_scale());
    for (unsigned i = 0; i < histories || i == 0; i++) {
        run_history(seed + i);
    }
    printf("threads_crash_test: %u power cuts, %u kills, %u compactions, %u checkpoints\n",
           crashes[0], crashes[1], compactions, checkpoints);
    ck_assert_uint_gt(crashes[0] + crashes[1], 0);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("threads_crash");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, everything_at_once);
    return test_run("threads_crash", tests);
}
