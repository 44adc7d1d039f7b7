/* grow_ahead_test.c - that space for the log is reserved before it is needed.
 */
#include "engine/grow_ahead.h"

#include "support/log_filler.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <unistd.h>

#define SEGMENT_SIZE ((uint64_t)4 << 20)

static struct sim_store store;

static void begin(bool without_threads)
{
    struct engine_options options = sim_store_options(SEGMENT_SIZE);
    options.without_threads = without_threads;
    sim_store_begin(&store, &options);
}

static void set_up(void)
{
    begin(true);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void set_up_threads(void)
{
    begin(false);
}

static void fill_to(uint64_t size)
{
    log_filler_fill_to(store.engine, size);
}

static uint64_t active_reserved(void)
{
    engine_lock(store.engine);
    uint64_t reserved = store.engine->appender.active->reserved;
    engine_unlock(store.engine);
    return reserved;
}

static uint64_t usable_locked(void)
{
    return store.engine->appender.active->reserved - appender_deletion_reserve(store.engine);
}

/* The writer may have to reserve something itself on the way. */
static void use_half(void)
{
    engine_lock(store.engine);
    while (store.engine->appender.active->end <= usable_locked() / 2) {
        log_filler_put_locked(store.engine, "key");
    }
    engine_unlock(store.engine);
}

START_TEST(half_used_is_doubled)
{
    uint64_t reserved = active_reserved();
    fill_to(reserved / 8);
    grow_ahead(store.engine);
    ck_assert_uint_eq(active_reserved(), reserved);
    use_half();
    reserved = active_reserved();
    grow_ahead(store.engine);
    ck_assert_uint_eq(active_reserved(), 2 * reserved);
    uint64_t calls = sim_disk_calls(store.disk, SIM_RESERVE);
    fill_to(reserved);
    ck_assert_uint_eq(sim_disk_calls(store.disk, SIM_RESERVE), calls);
}
END_TEST

START_TEST(fast_writers_get_all_of_it)
{
    fill_to(1);
    engine_lock(store.engine);
    store.engine->stock.target = 2;
    engine_unlock(store.engine);
    log_stock_refill(store.engine);
    grow_ahead(store.engine);
    ck_assert_uint_eq(active_reserved(), SEGMENT_SIZE);
    const struct segment *next = store.engine->stock.segments[store.engine->stock.count - 1];
    ck_assert_uint_lt(next->reserved, SEGMENT_SIZE / 2);
    fill_to(SEGMENT_SIZE / 2 + 1);
    grow_ahead(store.engine);
    ck_assert_uint_eq(next->reserved, SEGMENT_SIZE);
}
END_TEST

/* The kernel keeps writers from a file for as long as space is reserved in it. */
START_TEST(but_for_the_first_no_segment_grows_while_it_is_written_to)
{
    for (int i = 0; i < 3; i++) {
        fill_to(SEGMENT_SIZE / 2 + 1);
        log_stock_refill(store.engine);
        grow_ahead(store.engine);
        uint64_t calls = sim_disk_calls(store.disk, SIM_RESERVE);
        log_filler_fill_until_roll(store.engine);
        ck_assert_uint_eq(active_reserved(), SEGMENT_SIZE);
        fill_to(SEGMENT_SIZE / 2 - 2 * LOG_FILLER_VALUE_SIZE);
        grow_ahead(store.engine);
        ck_assert_uint_eq(sim_disk_calls(store.disk, SIM_RESERVE), calls);
    }
}
END_TEST

START_TEST(a_full_disk_does_no_harm)
{
    use_half();
    uint64_t reserved = active_reserved();
    sim_disk_fail(store.disk, SIM_RESERVE, 1, 1, STATUS_DISK_FULL);
    grow_ahead(store.engine);
    ck_assert_uint_eq(active_reserved(), reserved);
    fill_to(2 * reserved); /* the writer does it */
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
}
END_TEST

/* The last segment is closed and cut to its length; nothing may make it longer again. */
START_TEST(what_is_closed_is_left_alone)
{
    use_half();
    engine_lock(store.engine);
    struct segment *old = store.engine->appender.active;
    ck_assert_int_eq(appender_roll_locked(store.engine), STATUS_OK);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_tick(store.engine);
    ck_assert(old->sealed);
    grow_ahead(store.engine);
    ck_assert_uint_eq(old->reserved, old->end);
    uint64_t size;
    ck_assert_int_eq(file_size(old->file, &size), STATUS_OK);
    ck_assert_uint_eq(size, old->end);
}
END_TEST

/* --- with threads ------------------------------------------------------------------------- */

/* Nothing can be reserved while the test holds grow.growing, so it may not need any itself. */
START_TEST(writers_are_slowed_while_there_is_little)
{
    fill_to(1);
    grow_ahead(store.engine);
    while (atomic_load(&store.engine->grow.is_short)) {
        usleep(1000);
    }
    engine_lock(store.engine);
    mutex_lock(&store.engine->grow.growing);
    while (store.engine->appender.active->end <= usable_locked() / 4 * 3) {
        log_filler_put_locked(store.engine, "key");
    }
    engine_unlock(store.engine);
    /* What takes little time is saved up. */
    int64_t delay_us = engine_write_delay_us(store.engine, 16 * LOG_FILLER_VALUE_SIZE);
    ck_assert_int_gt(delay_us, 0);
    ck_assert_int_le(delay_us, 5000);
    mutex_unlock(&store.engine->grow.growing);
    while (atomic_load(&store.engine->grow.is_short)) {
        usleep(1000); /* the thread was woken */
    }
    ck_assert_int_eq(engine_write_delay_us(store.engine, LOG_FILLER_VALUE_SIZE), 0);
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
    return test_run_suite(suite);
}
