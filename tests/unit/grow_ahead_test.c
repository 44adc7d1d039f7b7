/* grow_ahead_test.c - that space for the log is reserved before it is needed.
 */
#include "engine/grow_ahead.h"

#include "engine/engine.h"
#include "engine/engine_state.h"
#include "support/sim_disk.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define SEGMENT_SIZE ((uint64_t)4 << 20)
#define VALUE_SIZE   8192

static struct sim_disk *disk;
static struct file_system *fs;
static struct engine *engine;

static void open_store(bool without_threads)
{
    struct error error = {""};
    struct engine_options options = {.fs = fs,
                                     .database_count = 1,
                                     .segment_size = SEGMENT_SIZE,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = without_threads,
                                     .random_seed = 1};
    enum status status = engine_open(&options, &engine, &error);
    ck_assert_msg(status == STATUS_OK, "%s", error.text);
}

static void set_up(void)
{
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
    open_store(true);
}

static void tear_down(void)
{
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    fs_close(fs);
    sim_disk_destroy(disk);
}

static void put_locked(const char *key)
{
    static const char bytes[VALUE_SIZE];
    struct slice part = slice_make(bytes, sizeof(bytes));
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    enum status status =
        engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &value);
    ck_assert_int_eq(status, STATUS_OK);
}

/* Puts one value after the other until the active segment holds so many bytes. */
static void fill_active_to(uint64_t size)
{
    engine_lock(engine);
    while (engine->appender.active->end < size) {
        put_locked("key");
    }
    engine_unlock(engine);
}

static uint64_t active_reserved(void)
{
    engine_lock(engine);
    uint64_t reserved = engine->appender.active->reserved;
    engine_unlock(engine);
    return reserved;
}

static uint64_t usable_locked(void)
{
    return engine->appender.active->reserved - appender_deletion_reserve(engine);
}

/* The writer may have to reserve something itself on the way. */
static void use_half(void)
{
    engine_lock(engine);
    while (engine->appender.active->end <= usable_locked() / 2) {
        put_locked("key");
    }
    engine_unlock(engine);
}

START_TEST(half_used_is_doubled)
{
    uint64_t reserved = active_reserved();
    fill_active_to(reserved / 8);
    grow_ahead(engine);
    ck_assert_uint_eq(active_reserved(), reserved);
    use_half();
    reserved = active_reserved();
    grow_ahead(engine);
    ck_assert_uint_eq(active_reserved(), 2 * reserved);
    uint64_t calls = sim_disk_calls(disk, SIM_RESERVE);
    fill_active_to(reserved);
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_RESERVE), calls);
}
END_TEST

START_TEST(fast_writers_get_all_of_it)
{
    fill_active_to(1);
    engine_lock(engine);
    engine->stock.target = 2;
    engine_unlock(engine);
    log_stock_refill(engine);
    grow_ahead(engine);
    ck_assert_uint_eq(active_reserved(), SEGMENT_SIZE);
    const struct segment *next = engine->stock.segments[engine->stock.count - 1];
    ck_assert_uint_lt(next->reserved, SEGMENT_SIZE / 2);
    fill_active_to(SEGMENT_SIZE / 2 + 1);
    grow_ahead(engine);
    ck_assert_uint_eq(next->reserved, SEGMENT_SIZE);
}
END_TEST

/* The kernel keeps writers from a file for as long as space is reserved in it. */
START_TEST(but_for_the_first_no_segment_grows_while_it_is_written_to)
{
    for (int i = 0; i < 3; i++) {
        fill_active_to(SEGMENT_SIZE / 2 + 1);
        log_stock_refill(engine);
        grow_ahead(engine);
        uint64_t calls = sim_disk_calls(disk, SIM_RESERVE);
        engine_lock(engine);
        const struct segment *active = engine->appender.active;
        while (engine->appender.active == active) {
            put_locked("key");
        }
        engine_unlock(engine);
        ck_assert_uint_eq(active_reserved(), SEGMENT_SIZE);
        fill_active_to(SEGMENT_SIZE / 2 - 2 * VALUE_SIZE);
        grow_ahead(engine);
        ck_assert_uint_eq(sim_disk_calls(disk, SIM_RESERVE), calls);
    }
}
END_TEST

START_TEST(a_full_disk_does_no_harm)
{
    use_half();
    uint64_t reserved = active_reserved();
    sim_disk_fail(disk, SIM_RESERVE, 1, 1, STATUS_DISK_FULL);
    grow_ahead(engine);
    ck_assert_uint_eq(active_reserved(), reserved);
    fill_active_to(2 * reserved); /* the writer does it */
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
}
END_TEST

/* The last segment is closed and cut to its length; nothing may make it longer again. */
START_TEST(what_is_closed_is_left_alone)
{
    use_half();
    engine_lock(engine);
    struct segment *old = engine->appender.active;
    ck_assert_int_eq(appender_roll_locked(engine), STATUS_OK);
    engine_unlock(engine);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    engine_tick(engine);
    ck_assert(old->sealed);
    grow_ahead(engine);
    ck_assert_uint_eq(old->reserved, old->end);
    uint64_t size;
    ck_assert_int_eq(file_size(old->file, &size), STATUS_OK);
    ck_assert_uint_eq(size, old->end);
}
END_TEST

/* --- with threads ------------------------------------------------------------------------- */

static void set_up_threads(void)
{
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
    open_store(false);
}

/* Nothing can be reserved while the test holds grow.growing, so it may not need any itself. */
START_TEST(writers_are_slowed_while_there_is_little)
{
    fill_active_to(1);
    grow_ahead(engine);
    while (atomic_load(&engine->grow.is_short)) {
        usleep(1000);
    }
    engine_lock(engine);
    mutex_lock(&engine->grow.growing);
    while (engine->appender.active->end <= usable_locked() / 4 * 3) {
        put_locked("key");
    }
    engine_unlock(engine);
    int64_t delay_us = engine_write_delay_us(engine, VALUE_SIZE);
    ck_assert_int_gt(delay_us, 0);
    ck_assert_int_le(delay_us, 5000);
    mutex_unlock(&engine->grow.growing);
    while (atomic_load(&engine->grow.is_short)) {
        usleep(1000); /* the thread was woken */
    }
    ck_assert_int_eq(engine_write_delay_us(engine, VALUE_SIZE), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grow_ahead");
    TCase *tests = tcase_create("grow_ahead");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, half_used_is_doubled);
    tcase_add_test(tests, fast_writers_get_all_of_it);
    tcase_add_test(tests, but_for_the_first_no_segment_grows_while_it_is_written_to);
    tcase_add_test(tests, a_full_disk_does_no_harm);
    tcase_add_test(tests, what_is_closed_is_left_alone);
    suite_add_tcase(suite, tests);
    TCase *threads = tcase_create("threads");
    tcase_add_checked_fixture(threads, set_up_threads, tear_down);
    tcase_add_test(threads, writers_are_slowed_while_there_is_little);
    suite_add_tcase(suite, threads);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
