/* log_stock_test.c - that the writer finds its next segment ready, and waits for nobody to get it.
 */
#include "engine/log_stock.h"

#include "engine/log_files.h"
#include "support/log_filler.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_SIZE ((uint64_t)1 << 20)

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

static size_t stock_count(void)
{
    engine_lock(store.engine);
    size_t count = store.engine->stock.count;
    engine_unlock(store.engine);
    return count;
}

START_TEST(what_is_ready_lasts_for_a_second)
{
    ck_assert_uint_eq(log_stock_target(60 * 1000), 1);
    ck_assert_uint_eq(log_stock_target(1000), 1);
    ck_assert_uint_eq(log_stock_target(500), 2);
    ck_assert_uint_eq(log_stock_target(250), 4);
    ck_assert_uint_eq(log_stock_target(1), LOG_STOCK_MAX);
    ck_assert_uint_eq(log_stock_target(0), LOG_STOCK_MAX);
}
END_TEST

/* Who replaces the manifest holds its mutex across syncs: a writer that waited for it would never
 * come to an end here. */
START_TEST(a_roll_waits_for_no_manifest)
{
    fill_to(SEGMENT_SIZE / 2 + 1);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), 1);
    uint64_t syncs =
        sim_disk_calls(store.disk, SIM_SYNC) + sim_disk_calls(store.disk, SIM_SYNC_DIRECTORY);
    mutex_lock(&store.engine->manifest_mutex);
    log_filler_fill_until_roll(store.engine);
    mutex_unlock(&store.engine->manifest_mutex);
    ck_assert_uint_eq(stock_count(), 0);
    ck_assert_uint_eq(sim_disk_calls(store.disk, SIM_SYNC) +
                          sim_disk_calls(store.disk, SIM_SYNC_DIRECTORY),
                      syncs);
}
END_TEST

START_TEST(nothing_is_made_too_early)
{
    fill_to(SEGMENT_SIZE / 4);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), 0);
    ck_assert_int_eq(log_stock_ensure(store.engine), STATUS_OK);
    ck_assert_uint_eq(stock_count(), 1);
    ck_assert_int_eq(log_stock_ensure(store.engine), STATUS_OK);
    ck_assert_uint_eq(stock_count(), 1);
}
END_TEST

static void fill_stock(void)
{
    fill_to(1); /* an unused segment is one that is ready */
    engine_lock(store.engine);
    store.engine->stock.target = LOG_STOCK_MAX;
    engine_unlock(store.engine);
    log_stock_refill(store.engine);
}

START_TEST(several_are_made_with_one_manifest)
{
    uint64_t renames = sim_disk_calls(store.disk, SIM_RENAME);
    fill_stock();
    ck_assert_uint_eq(stock_count(), LOG_STOCK_MAX);
    ck_assert_uint_eq(sim_disk_calls(store.disk, SIM_RENAME), renames + 1);
    uint64_t reserved = 0;
    for (size_t i = 0; i < LOG_STOCK_MAX; i++) {
        reserved += store.engine->stock.segments[i]->reserved;
    }
    ck_assert_uint_le(reserved, SEGMENT_SIZE / 2 + LOG_STOCK_MAX * SEGMENT_HEADER_SIZE);
}
END_TEST

START_TEST(as_many_are_made_as_there_is_room_for)
{
    sim_disk_fail(store.disk, SIM_CREATE, 3, 1, STATUS_IO);
    fill_stock();
    ck_assert_uint_eq(stock_count(), 2);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), LOG_STOCK_MAX);
}
END_TEST

START_TEST(none_is_there_when_the_manifest_fails)
{
    sim_disk_fail(store.disk, SIM_RENAME, 1, 1, STATUS_IO);
    fill_stock();
    ck_assert_uint_eq(stock_count(), 0);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), LOG_STOCK_MAX);
}
END_TEST

/* --- the log leaves what was made for a batch --- */

static struct segment *active(void)
{
    engine_lock(store.engine);
    struct segment *segment = store.engine->appender.active;
    engine_unlock(store.engine);
    return segment;
}

static void reserve_for_batch(void)
{
    fill_to(1); /* else what was not used would be ready */
    engine_lock(store.engine);
    ck_assert_int_eq(engine_reserve_locked(store.engine, 3 * SEGMENT_SIZE), STATUS_OK);
    engine_unlock(store.engine);
}

static void put_group(void)
{
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    log_filler_put_locked(store.engine, "one");
    log_filler_put_locked(store.engine, "two");
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
}

START_TEST(a_batch_s_segment_is_left)
{
    reserve_for_batch();
    put_group();
    const struct segment *large = active();
    ck_assert_uint_gt(large->capacity, SEGMENT_SIZE);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(active()->capacity, SEGMENT_SIZE);
    ck_assert(large->closed);
    ck_assert(atomic_load(&store.engine->sync.wanted)); /* though nobody may write for a while */
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_tick(store.engine);
    ck_assert_uint_eq(large->reserved, large->end);
    /* What waits to be used is not made a second time. */
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), 0);
}
END_TEST

/* As when a limit holds up its first write. */
START_TEST(it_is_removed_when_the_batch_has_failed)
{
    uint64_t used = sim_disk_used_bytes(store.disk);
    reserve_for_batch();
    ck_assert_uint_gt(sim_disk_used_bytes(store.disk), used + 3 * SEGMENT_SIZE);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(active()->capacity, SEGMENT_SIZE);
    ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + SEGMENT_SIZE / 4);
    put_group();
}
END_TEST

/* What deletes finds its room there meanwhile. */
START_TEST(it_is_not_left_while_there_is_no_room)
{
    reserve_for_batch();
    put_group();
    const struct segment *large = active();
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
    log_stock_refill(store.engine);
    ck_assert_ptr_eq(active(), large);
    ck_assert_int_eq(sim_store_delete(&store, "one"), STATUS_OK);
    sim_disk_set_capacity(store.disk, 0);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(active()->capacity, SEGMENT_SIZE);
}
END_TEST

START_TEST(it_is_not_left_in_the_midst_of_a_group)
{
    reserve_for_batch();
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    log_filler_put_locked(store.engine, "one");
    ck_assert(!appender_may_leave_locked(store.engine));
    engine_group_end_locked(store.engine);
    ck_assert(appender_may_leave_locked(store.engine));
    engine_unlock(store.engine);
}
END_TEST

/* A value that was larger than a segment has filled its own: the next record goes elsewhere. */
START_TEST(a_full_one_is_not_left)
{
    static const char bytes[2 * SEGMENT_SIZE];
    fill_to(1);
    ck_assert_int_eq(sim_store_put(&store, "large", slice_make(bytes, sizeof(bytes)), EXPIRY_NONE),
                     STATUS_OK);
    const struct segment *large = active();
    log_stock_refill(store.engine);
    ck_assert_ptr_eq(active(), large);
    ck_assert_uint_eq(stock_count(), 0);
}
END_TEST

static void count_log(void *context, const char *name)
{
    size_t size = strlen(name);
    *(size_t *)context += size > 4 && strcmp(name + size - 4, ".log") == 0;
}

static size_t log_file_count(void)
{
    size_t count = 0;
    ck_assert_int_eq(fs_list(store.fs, count_log, &count), STATUS_OK);
    return count;
}

/* The last descriptor, or the last room, went to a segment, and none is left for the manifest. */
START_TEST(what_can_not_be_listed_is_gone)
{
    static const struct {
        enum sim_call call;
        uint64_t n;
        enum status status;
    } cases[] = {{SIM_CREATE, LOG_STOCK_MAX + 1, STATUS_IO},
                 {SIM_WRITE, 1, STATUS_DISK_FULL},
                 {SIM_SYNC, LOG_STOCK_MAX + 1, STATUS_IO}};
    struct segment *segment;
    size_t files = log_file_count();
    sim_disk_fail(store.disk, cases[_i].call, cases[_i].n, 1, cases[_i].status);
    fill_stock();
    uint64_t used = sim_disk_used_bytes(store.disk); /* with what there is of MANIFEST.tmp */
    for (int i = 0; i < 5; i++) {
        sim_disk_fail(store.disk, cases[_i].call, cases[_i].n, 1, cases[_i].status);
        log_stock_refill(store.engine);
        ck_assert_uint_eq(stock_count(), 0);
        ck_assert_uint_eq(log_file_count(), files);
        ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + 4096);
    }
    /* As a writer who finds none ready has it made. */
    sim_disk_fail(store.disk, SIM_CREATE, 2, 1, STATUS_IO);
    engine_lock(store.engine);
    ck_assert_int_eq(log_files_take_locked(store.engine, SEGMENT_SIZE, &segment), STATUS_IO);
    engine_unlock(store.engine);
    ck_assert_uint_eq(log_file_count(), files);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), LOG_STOCK_MAX);
}
END_TEST

/* The manifest on the disk may be the one that lists them, and then they have to be there. */
START_TEST(what_may_be_listed_stays_and_takes_no_room)
{
    const enum sim_call calls[] = {SIM_RENAME, SIM_SYNC_DIRECTORY};
    const enum sim_loss losses[] = {SIM_LOSS_NONE, SIM_LOSS_ALL};
    uint64_t n = _i / 2 == 0 ? 1 : 2; /* the first of the directory is before the manifest's */
    fill_to(SEGMENT_SIZE / 4);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    size_t files = log_file_count();
    uint64_t used = sim_disk_used_bytes(store.disk);
    sim_disk_fail(store.disk, calls[_i / 2], n, 1, STATUS_IO);
    fill_stock();
    ck_assert_uint_eq(stock_count(), 0);
    ck_assert_uint_eq(log_file_count(), files + LOG_STOCK_MAX);
    ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + 4096);
    sim_disk_crash_now(store.disk);
    ck_assert_int_ne(engine_close(store.engine), STATUS_OK);
    store.engine = NULL;
    sim_disk_restart_losing(store.disk, losses[_i % 2], losses[_i % 2]);
    sim_store_open(&store);
    ck_assert_int_eq(sim_store_find(&store, "key"), STATUS_OK);
    ck_assert_uint_eq(log_file_count(), files + 1);
}
END_TEST

START_TEST(who_fails_again_and_again_tries_less_often)
{
    long pause_ms = log_stock_pause_ms(5000, false);
    ck_assert_int_eq(pause_ms, 100);
    for (int i = 0; i < 20; i++) {
        long longer_ms = log_stock_pause_ms(pause_ms, true);
        ck_assert_int_ge(longer_ms, pause_ms);
        ck_assert_int_le(longer_ms, 10000);
        pause_ms = longer_ms;
    }
    ck_assert_int_ge(pause_ms, 5000);
}
END_TEST

START_TEST(a_clean_end_leaves_none_behind)
{
    fill_to(SEGMENT_SIZE / 4);
    fill_stock();
    ck_assert_int_eq(engine_close(store.engine), STATUS_OK);
    ck_assert_uint_eq(log_file_count(), 1);
    sim_store_open(&store);
}
END_TEST

/* Listed, never used, several of them: no part of the history, and gone after the next start. */
START_TEST(a_crash_leaves_none_behind)
{
    fill_to(SEGMENT_SIZE / 4);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    fill_stock();
    log_filler_fill_until_roll(store.engine);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    sim_disk_crash_now(store.disk);
    ck_assert_int_ne(engine_close(store.engine), STATUS_OK);
    sim_disk_restart(store.disk, SIM_POWER_CUT);
    sim_store_open(&store);
    ck_assert_uint_eq(log_file_count(), 3); /* the two that were in use, and a new one */
    struct entry entry;
    engine_lock(store.engine);
    ck_assert_int_eq(engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                        slice_of_string("key"), &entry),
                     STATUS_OK);
    engine_unlock(store.engine);
}
END_TEST

/* --- with threads ------------------------------------------------------------------------- */

/* Writers are slowed for this, too. */
static void wait_for_growth(void)
{
    while (atomic_load(&store.engine->grow.is_short)) {
        usleep(1000);
    }
}

/* Nothing can be made while the test holds stock.making. */
START_TEST(writers_are_slowed_while_none_is_ready)
{
    mutex_lock(&store.engine->stock.making);
    fill_to(SEGMENT_SIZE / 2);
    wait_for_growth();
    ck_assert_int_eq(engine_write_delay_us(store.engine, LOG_FILLER_VALUE_SIZE), 0);
    ck_assert(!engine_slows_writers(store.engine));
    fill_to(SEGMENT_SIZE / 4 * 3 + SEGMENT_SIZE / APPENDER_GROWTH_STEPS + 1);
    ck_assert_int_gt(engine_write_delay_us(store.engine, LOG_FILLER_VALUE_SIZE), 0);
    ck_assert_int_eq(engine_write_delay_us(store.engine, 0), 0);
    ck_assert(engine_slows_writers(store.engine));
    mutex_unlock(&store.engine->stock.making);
    while (stock_count() == 0) {
        usleep(1000); /* the thread was woken */
    }
    wait_for_growth();
    ck_assert_int_eq(engine_write_delay_us(store.engine, LOG_FILLER_VALUE_SIZE), 0);
}
END_TEST

START_TEST(writers_are_not_slowed_when_none_can_be_made)
{
    mutex_lock(&store.engine->stock.making);
    fill_to(SEGMENT_SIZE / 4 * 3 + 1);
    sim_disk_fail(store.disk, SIM_CREATE, 1, 1000000, STATUS_DISK_FULL);
    mutex_unlock(&store.engine->stock.making);
    while (atomic_load(&store.engine->stock.is_short)) {
        usleep(1000);
    }
    wait_for_growth();
    ck_assert_int_eq(engine_write_delay_us(store.engine, LOG_FILLER_VALUE_SIZE), 0);
    sim_disk_fail(store.disk, SIM_CREATE, 0, 0, STATUS_IO);
}
END_TEST

/* The kernel refuses another mapping: an error, until it lets us have one again. */
START_TEST(what_cannot_be_mapped_is_refused)
{
    struct engine_keyspace *keyspace;
    log_filler_put_locked(store.engine, "first");
    sim_disk_fail(store.disk, SIM_MAP, 1, 1000000, STATUS_NO_MEMORY);
    fill_to(SEGMENT_SIZE - 2 * LOG_FILLER_VALUE_SIZE - APPENDER_DELETION_RESERVE);
    log_stock_refill(store.engine);
    ck_assert_uint_eq(stock_count(), 0);
    engine_lock(store.engine);
    enum status status;
    unsigned count = 0;
    while ((status = log_filler_try_put_locked(store.engine, "key")) == STATUS_OK && count < 10) {
        count++;
    }
    ck_assert_int_eq(status, STATUS_NO_MEMORY);
    struct entry entry;
    keyspace = engine_database_locked(store.engine, 0);
    ck_assert_int_eq(engine_find_locked(store.engine, keyspace, slice_of_string("first"), &entry),
                     STATUS_OK);
    ck_assert_int_eq(engine_delete_locked(store.engine, keyspace, slice_of_string("first")),
                     STATUS_OK);
    sim_disk_fail(store.disk, SIM_MAP, 0, 0, STATUS_IO);
    ck_assert_int_eq(log_filler_try_put_locked(store.engine, "key"), STATUS_OK);
    engine_unlock(store.engine);
}
END_TEST

START_TEST(a_store_that_cannot_be_mapped_does_not_open)
{
    log_filler_put_locked(store.engine, "key");
    ck_assert_int_eq(engine_close(store.engine), STATUS_OK);
    sim_disk_fail(store.disk, SIM_MAP, 1, 1000000, STATUS_NO_MEMORY);
    struct error error = {""};
    struct engine_options options = {.fs = store.fs, .database_count = 1, .without_threads = true};
    ck_assert_int_eq(engine_open(&options, &store.engine, &error), STATUS_NO_MEMORY);
    ck_assert_msg(strstr(error.text, "memory") != NULL, "%s", error.text);
    sim_disk_fail(store.disk, SIM_MAP, 0, 0, STATUS_IO);
    sim_store_open(&store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_stock");
    TCase *tests = tcase_create("log_stock");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_ready_lasts_for_a_second);
    tcase_add_test(tests, a_roll_waits_for_no_manifest);
    tcase_add_test(tests, nothing_is_made_too_early);
    tcase_add_test(tests, several_are_made_with_one_manifest);
    tcase_add_test(tests, a_batch_s_segment_is_left);
    tcase_add_test(tests, it_is_removed_when_the_batch_has_failed);
    tcase_add_test(tests, it_is_not_left_while_there_is_no_room);
    tcase_add_test(tests, it_is_not_left_in_the_midst_of_a_group);
    tcase_add_test(tests, a_full_one_is_not_left);
    tcase_add_test(tests, as_many_are_made_as_there_is_room_for);
    tcase_add_test(tests, none_is_there_when_the_manifest_fails);
    tcase_add_loop_test(tests, what_can_not_be_listed_is_gone, 0, 3);
    tcase_add_loop_test(tests, what_may_be_listed_stays_and_takes_no_room, 0, 4);
    tcase_add_test(tests, who_fails_again_and_again_tries_less_often);
    tcase_add_test(tests, a_clean_end_leaves_none_behind);
    tcase_add_test(tests, a_crash_leaves_none_behind);
    tcase_add_test(tests, what_cannot_be_mapped_is_refused);
    tcase_add_test(tests, a_store_that_cannot_be_mapped_does_not_open);
    suite_add_tcase(suite, tests);
    TCase *threads = tcase_create("threads");
    tcase_add_checked_fixture(threads, set_up_threads, tear_down);
    tcase_add_test(threads, writers_are_slowed_while_none_is_ready);
    tcase_add_test(threads, writers_are_not_slowed_when_none_can_be_made);
    suite_add_tcase(suite, threads);
    return test_run_suite(suite);
}
