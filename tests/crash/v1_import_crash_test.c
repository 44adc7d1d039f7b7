/*
 * v1_import_crash_test.c - an import that ends at each of its steps in turn, by a power cut or a
 * kill, or that fails there: what it leaves is never taken for a whole store, and a second import
 * makes it one.
 */
#include "base/check.h"
#include "engine/engine.h"
#include "import/v1_import.h"
#include "support/sim_disk.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

#define OLD_DIRECTORY "tests/fixtures/v1/small1000r2"
#define LIVE_KEYS     770
#define SEGMENT_SIZE  ((uint64_t)16 * 1024) /* so that the keys fill several */

static uint64_t seed;
static struct sim_disk *disk;
static struct file_system *fs;
static struct error error;

static struct engine_options store_options(void)
{
    return (struct engine_options){
        .fs = fs,
        .database_count = 16,
        .segment_size = SEGMENT_SIZE,
        .without_threads = true,
        .random_seed = seed,
    };
}

static void set_up(void)
{
    seed = test_seed("v1_import_crash_test");
    disk = sim_disk_create(seed);
    fs = sim_disk_mount(disk);
}

static void tear_down(void)
{
    fs_close(fs);
    sim_disk_destroy(disk);
}

static void start_anew(void)
{
    tear_down();
    disk = sim_disk_create(++seed);
    fs = sim_disk_mount(disk);
}

static enum status import(struct v1_import_result *result)
{
    struct engine_options options = store_options();
    return v1_import(OLD_DIRECTORY, &options, result, &error);
}

static bool has_store(void)
{
    struct file *file;
    enum status status = fs_open(fs, "MANIFEST", FILE_MODE_READ, &file);
    if (status == STATUS_OK) {
        file_close(file);
    }
    return status == STATUS_OK;
}

static void expect_whole_store(void)
{
    struct engine_options options = store_options();
    struct engine *engine;
    struct engine_statistics found;
    ck_assert_msg(engine_open(&options, &engine, &error) == STATUS_OK, "%s", error.text);
    engine_lock(engine);
    engine_statistics_locked(engine, &found);
    engine_verify_all_locked(engine);
    engine_unlock(engine);
    ck_assert_uint_eq(found.keys, LIVE_KEYS);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}

/* Either a server would not start on what is there (or would begin an empty store where none is,
 * which the ancestor's file beside it keeps it from), or all is there. */
static void check_what_is_left(void)
{
    struct v1_import_result result = {0};
    if (v1_import_check(fs, "new", &error) != STATUS_OK || !has_store()) {
        ck_assert_msg(import(&result) == STATUS_OK, "%s", error.text);
        ck_assert_uint_eq(result.imported_keys, LIVE_KEYS);
        ck_assert_uint_eq(result.problems, 0);
    }
    ck_assert_int_eq(v1_import_check(fs, "new", &error), STATUS_OK);
    expect_whole_store();
}

/* The process is another one then, which knows nothing of calls that have failed. */
static void restart(enum sim_crash crash)
{
    fs_close(fs);
    sim_disk_restart(disk, crash);
    fs = sim_disk_mount(disk);
}

START_TEST(each_step)
{
    struct v1_import_result result;
    uint64_t step = 0;
    uint64_t stride = test_scale() < 1 ? 5 : 1;
    bool crashed;
    do {
        step += stride;
        sim_disk_crash_after(disk, step);
        (void)import(&result);
        crashed = sim_disk_crashed(disk);
        restart((enum sim_crash)_i);
        check_what_is_left();
        start_anew();
    } while (crashed);
    ck_assert_uint_gt(step, 20);
}
END_TEST

/* An import that begins anew, over half of the keys, ends at each of its steps. */
START_TEST(each_step_of_the_second)
{
    struct v1_import_result result;
    uint64_t step = 0;
    uint64_t stride = test_scale() < 1 ? 5 : 1;
    bool crashed;
    do {
        step += stride;
        sim_disk_set_capacity(disk, 3 * SEGMENT_SIZE);
        ck_assert_int_ne(import(&result), STATUS_OK);
        sim_disk_set_capacity(disk, 0);
        sim_disk_crash_after(disk, step);
        (void)import(&result);
        crashed = sim_disk_crashed(disk);
        restart((enum sim_crash)_i);
        check_what_is_left();
        start_anew();
    } while (crashed);
    ck_assert_uint_gt(step, 20);
}
END_TEST

/* A call that fails is an error of the import, and no crash. */
START_TEST(each_failing_call)
{
    static const enum sim_call calls[] = {SIM_CREATE, SIM_WRITE,          SIM_SYNC,
                                          SIM_REMOVE, SIM_SYNC_DIRECTORY, SIM_RESERVE};
    struct v1_import_result result;
    enum sim_call call = calls[_i];
    for (uint64_t n = 1;; n++) {
        uint64_t before = sim_disk_calls(disk, call);
        sim_disk_fail(disk, call, n, 1, STATUS_IO);
        enum status status = import(&result);
        bool met = sim_disk_calls(disk, call) - before >= n;
        sim_disk_fail(disk, call, 0, 0, STATUS_IO);
        restart(SIM_KILL);
        if (status != STATUS_OK) {
            ck_assert_uint_gt(strlen(error.text), 0);
        }
        check_what_is_left();
        start_anew();
        if (!met) {
            break;
        }
    }
}
END_TEST

START_TEST(full_disk)
{
    struct v1_import_result result = {0};
    sim_disk_set_capacity(disk, 3 * SEGMENT_SIZE);
    ck_assert_int_ne(import(&result), STATUS_OK);
    ck_assert_int_eq(v1_import_check(fs, "new", &error), STATUS_INVALID);
    sim_disk_set_capacity(disk, 0);
    check_what_is_left();
}
END_TEST

/* What the disk has to have for an import into an empty directory. */
static uint64_t find_room_needed(void)
{
    struct v1_import_result result;
    uint64_t room = SEGMENT_SIZE;
    do {
        room += SEGMENT_SIZE;
        start_anew();
        sim_disk_set_capacity(disk, room);
    } while (import(&result) != STATUS_OK);
    start_anew();
    return room;
}

/* What attempts that found no room have left does not add up: once the disk has what an import
 * needs (and to empty the store with, some more), one comes to its end. Also where the disk was
 * full to its last byte when they began. */
START_TEST(attempts_on_a_full_disk_do_not_add_up)
{
    struct v1_import_result result = {0};
    uint64_t room = find_room_needed();
    ck_assert_uint_gt(room, 3 * SEGMENT_SIZE);
    sim_disk_set_capacity(disk, room - SEGMENT_SIZE);
    for (int attempt = 0; attempt < 4; attempt++) {
        ck_assert_int_eq(import(&result), STATUS_DISK_FULL);
        ck_assert_int_eq(v1_import_check(fs, "new", &error), STATUS_INVALID);
        sim_disk_set_capacity(disk, sim_disk_used_bytes(disk));
    }
    sim_disk_set_capacity(disk, room + 2 * SEGMENT_SIZE);
    ck_assert_msg(import(&result) == STATUS_OK, "%s", error.text);
    ck_assert_uint_eq(result.imported_keys, LIVE_KEYS);
    expect_whole_store();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("import");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, each_step, SIM_POWER_CUT, SIM_KILL + 1);
    tcase_add_loop_test(tests, each_step_of_the_second, SIM_POWER_CUT, SIM_KILL + 1);
    tcase_add_loop_test(tests, each_failing_call, 0, 6);
    tcase_add_test(tests, full_disk);
    tcase_add_test(tests, attempts_on_a_full_disk_do_not_add_up);
    return test_run("v1_import_crash", tests);
}
