/*
 * compaction_bound_test.c - compaction that starts by itself: when it does, that the disk stays
 * below its bound, and who is slowed.
 */
#include "engine/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/compaction_pace.h"
#include "engine/engine_state.h"
#include "engine/record.h"
#include "support/sim_disk.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_SIZE ((uint64_t)16384)
#define KEYS         1000
#define VALUE_SIZE   300
#define PERCENTAGE   40
#define BATCH_KEYS   16

static struct sim_disk *disk;
static struct file_system *fs;
static struct engine *engine;
static struct test_random chance;
static uint64_t most_used; /* bytes, less what may be used */
static enum status closing;

static void set_up(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    test_random_init(&chance, test_seed("compaction_bound_test"));
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
    struct error error = {""};
    struct engine_options options = {.fs = fs,
                                     .database_count = 1,
                                     .segment_size = SEGMENT_SIZE,
                                     .sync_policy = SYNC_EVERYSEC,
                                     .without_threads = true};
    enum status status = engine_open(&options, &engine, &error);
    ck_assert_msg(status == STATUS_OK, "engine_open: %s: %s", status_name(status), error.text);
    most_used = 0;
    closing = STATUS_OK;
}

static void tear_down(void)
{
    engine_lock(engine);
    engine_verify_all_locked(engine);
    engine_unlock(engine);
    ck_assert_int_eq(engine_close(engine), closing);
    fs_close(fs);
    sim_disk_destroy(disk);
}

static struct engine_statistics statistics(void)
{
    struct engine_statistics found;
    engine_lock(engine);
    engine_statistics_locked(engine, &found);
    engine_unlock(engine);
    return found;
}

static void end_write(enum status status)
{
    uint64_t position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
}

static void put(uint64_t key)
{
    static const char bytes[VALUE_SIZE];
    struct slice value = slice_make(bytes, 1 + test_random_below(&chance, VALUE_SIZE - 1));
    struct engine_value v = {.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(engine);
    end_write(engine_put_locked(engine, engine_database_locked(engine, 0),
                                slice_make((const char *)&key, sizeof(key)), &v));
}

static void del(uint64_t key)
{
    engine_lock(engine);
    end_write(engine_delete_locked(engine, engine_database_locked(engine, 0),
                                   slice_make((const char *)&key, sizeof(key))));
}

/* Loads all keys, in no order; nothing is compacted yet. */
static void load(void)
{
    for (uint64_t i = 0; i < KEYS; i++) {
        put(i * 617 % KEYS);
    }
    engine_tick(engine);
}

static uint64_t reserve_size(void)
{
    struct file *file;
    uint64_t size = 0;
    if (fs_open(fs, "RESERVE", FILE_MODE_READ, &file) == STATUS_OK) {
        ck_assert_int_eq(file_size(file, &size), STATUS_OK);
        file_close(file);
    }
    return size;
}

/* Twice the live bytes, four segments, the reserve, and the manifest with its successor. */
static void check_bound(void)
{
    uint64_t bound = 2 * statistics().live_bytes + 4 * SEGMENT_SIZE + reserve_size() + 2 * 8192;
    uint64_t used = sim_disk_used_bytes(disk);
    ck_assert_msg(used <= bound, "%llu bytes used, the bound is %llu", (unsigned long long)used,
                  (unsigned long long)bound);
}

/* The disk as compactions themselves see it: also while their copies stand beside the victims. */
static void check_meanwhile(void *context, enum sim_call call, const char *name)
{
    (void)context;
    if (call == SIM_SYNC && strstr(name, ".pack") != NULL) {
        uint64_t used = sim_disk_used_bytes(disk);
        most_used = used > most_used ? used : most_used;
    }
}

/* --- when --------------------------------------------------------------------------------- */

START_TEST(starts_when_garbage_passes_the_percentage)
{
    load();
    for (uint64_t i = 0; i < KEYS; i++) {
        put(i);
        engine_tick(engine);
    }
    ck_assert_uint_eq(statistics().compactions, 0); /* it is off */
    uint64_t before = sim_disk_used_bytes(disk);
    engine_set_compaction_percentage(engine, PERCENTAGE);
    engine_tick(engine);
    struct engine_statistics after = statistics();
    ck_assert_uint_gt(after.compactions, 0);
    ck_assert_uint_gt(after.compaction_reclaimed_bytes, 0);
    ck_assert_uint_eq(after.compaction_size, 0);
    ck_assert(!after.compaction_running);
    ck_assert_uint_lt(sim_disk_used_bytes(disk), before);
    check_bound();
    /* Once it is below, nothing more happens. */
    uint64_t changes = sim_disk_changing_calls(disk);
    engine_tick(engine);
    engine_tick(engine);
    ck_assert_uint_eq(sim_disk_changing_calls(disk), changes);
}
END_TEST

START_TEST(starts_when_the_interval_is_over)
{
    load();
    for (uint64_t i = 0; i < KEYS; i += 4) {
        put(i);
    }
    engine_tick(engine);
    engine_set_compaction_interval(engine, 1);
    engine_set_compaction_percentage(engine, 99);
    clock_sleep_us(1100 * 1000);
    engine_tick(engine);
    struct engine_statistics found = statistics();
    ck_assert_uint_gt(found.compactions, 1); /* in rounds */
    ck_assert_uint_lt(found.file_bytes - found.live_bytes, found.file_bytes / 8);
}
END_TEST

/* What is garbage lies in the active segment: of a small store that is all. */
START_TEST(a_small_store_shrinks_when_the_interval_is_over)
{
    for (int i = 0; i < 40; i++) {
        put(1);
    }
    engine_set_compaction_interval(engine, 1);
    clock_sleep_us(1100 * 1000);
    engine_tick(engine);
    struct engine_statistics found = statistics();
    ck_assert_uint_eq(found.compactions, 1);
    ck_assert_uint_lt(found.file_bytes, 2 * found.live_bytes);
}
END_TEST

/* Somebody writes the same key over and over, also during each round. */
static void write_meanwhile(void *context, enum sim_call call, const char *name)
{
    unsigned *times = context;
    if (call == SIM_SYNC && strstr(name, ".pack") != NULL && *times < 20) {
        (*times)++;
        for (int i = 0; i < 40; i++) {
            put(1);
        }
    }
}

START_TEST(a_pass_ends_while_others_write)
{
    unsigned times = 0;
    for (int i = 0; i < 40; i++) {
        put(1);
    }
    engine_set_compaction_interval(engine, 3600);
    sim_disk_set_hook(disk, write_meanwhile, &times);
    engine->maintenance.last_compaction_ms = clock_monotonic_ms() - 3600 * 1000;
    engine_tick(engine);
    sim_disk_set_hook(disk, NULL, NULL);
    ck_assert_uint_eq(times, 1);
    ck_assert_uint_eq(statistics().compactions, 1);
    /* What was written meanwhile is the next one's. */
    engine->maintenance.last_compaction_ms = clock_monotonic_ms() - 3600 * 1000;
    engine_tick(engine);
    ck_assert_uint_eq(statistics().compactions, 2);
    ck_assert_uint_lt(statistics().file_bytes, 2 * statistics().live_bytes);
}
END_TEST

/* --- what is said ------------------------------------------------------------------------- */

static unsigned gave_up;
static unsigned works_again;
static unsigned is_promised; /* what can't be, once writing has stopped */

static void count_messages(enum log_level level, const char *message)
{
    (void)level;
    gave_up += strstr(message, "compaction gave up") != NULL;
    works_again += strstr(message, "compaction works again") != NULL;
    is_promised += strstr(message, "nothing is lost, and it is tried again") != NULL;
}

/* As if the time to try again had come. */
static void try_with(enum status failure)
{
    bool fails = failure != STATUS_OK;
    sim_disk_fail(disk, SIM_CREATE, fails ? 1 : 0, 100, fails ? failure : STATUS_IO);
    engine->maintenance.retry_ms = 0;
    engine_tick(engine);
}

/* And not once a second. */
START_TEST(a_cause_that_lasts_is_said_once)
{
    load();
    for (uint64_t i = 0; i < 2 * KEYS; i++) {
        put(i / 2);
    }
    engine_tick(engine);
    log_set_level(LOG_NOTICE_LEVEL);
    log_set_sink(count_messages);
    engine_set_compaction_percentage(engine, PERCENTAGE);
    for (int i = 0; i < 5; i++) {
        try_with(STATUS_IO);
    }
    ck_assert_uint_eq(gave_up, 1);
    ck_assert(statistics().compaction_failing);
    for (int i = 0; i < 5; i++) {
        try_with(STATUS_NO_MEMORY);
    }
    ck_assert_uint_eq(gave_up, 2);
    ck_assert_uint_eq(works_again, 0);
    ck_assert_uint_eq(is_promised, 2);
    ck_assert(statistics().compaction_failing);
    for (int i = 0; i < 5; i++) {
        try_with(STATUS_OK);
    }
    ck_assert_uint_eq(gave_up, 2);
    ck_assert_uint_eq(works_again, 1);
    ck_assert(!statistics().compaction_failing);
    log_set_sink(NULL);
}
END_TEST

static void count_copies(void *context, enum sim_call call, const char *name)
{
    *(unsigned *)context += call == SIM_WRITE && strstr(name, ".pack") != NULL;
}

/* Nor is the disk, which has failed, kept busy with copies that can't be published. */
START_TEST(none_works_once_writing_has_stopped)
{
    unsigned copies = 0;
    struct compaction_result result;
    load();
    for (uint64_t i = 0; i < 2 * KEYS; i++) {
        put(i / 2);
    }
    engine_tick(engine);
    put(1);
    sim_disk_fail(disk, SIM_SYNC, 1, 1, STATUS_IO);
    ck_assert_int_ne(engine_sync(engine), STATUS_OK);
    ck_assert(statistics().writes_stopped);
    ck_assert(!statistics().compaction_failing);
    closing = STATUS_WRITES_STOPPED;
    log_set_level(LOG_NOTICE_LEVEL);
    log_set_sink(count_messages);
    sim_disk_set_hook(disk, count_copies, &copies);
    engine_set_compaction_percentage(engine, PERCENTAGE);
    for (int i = 0; i < 5; i++) {
        try_with(STATUS_OK);
    }
    ck_assert_int_eq(engine_compact(engine, &result), STATUS_WRITES_STOPPED);
    sim_disk_set_hook(disk, NULL, NULL);
    log_set_sink(NULL);
    ck_assert_uint_eq(copies, 0);
    ck_assert_uint_eq(gave_up, 1);
    ck_assert_uint_eq(is_promised, 0);
    ck_assert(statistics().compaction_failing);
}
END_TEST

/* --- how much ----------------------------------------------------------------------------- */

/* Overwrites ten times what is there, `hot` percent of it to a tenth of the keys, and returns the
 * bytes that compactions have moved for each that was written. */
static double overwrite(unsigned hot)
{
    engine_set_compaction_percentage(engine, PERCENTAGE);
    sim_disk_set_hook(disk, check_meanwhile, NULL);
    struct engine_statistics before = statistics();
    for (int i = 0; i < 10 * KEYS; i++) {
        bool is_hot = test_random_below(&chance, 100) < hot;
        put(test_random_below(&chance, is_hot ? KEYS / 10 : KEYS));
        if (test_random_one_in(&chance, 20)) {
            engine_tick(engine);
            check_bound();
        }
    }
    sim_disk_set_hook(disk, NULL, NULL);
    struct engine_statistics after = statistics();
    uint64_t bound = 2 * after.live_bytes + 4 * SEGMENT_SIZE + reserve_size() + 2 * 8192;
    ck_assert_msg(most_used <= bound, "%llu bytes used meanwhile, the bound is %llu",
                  (unsigned long long)most_used, (unsigned long long)bound);
    return (double)(after.compaction_moved_bytes - before.compaction_moved_bytes) /
           (double)(after.appended_position - before.appended_position);
}

START_TEST(bounded_while_all_is_overwritten)
{
    load();
    double moved = overwrite(0);
    ck_assert_double_gt(moved, 0);
    ck_assert_double_lt(moved, 1);
}
END_TEST

START_TEST(bounded_while_few_are_overwritten)
{
    load();
    double moved = overwrite(95);
    ck_assert_double_gt(moved, 0);
    ck_assert_double_lt(moved, 0.5);
}
END_TEST

/* Tombstones have to wait for what they hide; when they are many, that goes, although next to
 * nothing in it is dead. */
START_TEST(bounded_while_keys_come_and_go)
{
    load();
    put(1); /* something is dead in an early segment */
    engine_set_compaction_percentage(engine, PERCENTAGE);
    for (uint64_t i = 0; i < 20 * KEYS; i++) {
        put(KEYS + i);
        if (i > 10) {
            del(KEYS + i - 10);
        }
        if (i % 20 == 0) {
            engine_tick(engine);
            check_bound();
        }
    }
    ck_assert_uint_le(statistics().kept_bytes, statistics().live_bytes / COMPACTION_KEPT_SHARE);
}
END_TEST

START_TEST(nothing_is_left_of_what_was_deleted)
{
    load();
    engine_set_compaction_percentage(engine, PERCENTAGE);
    for (uint64_t i = 0; i < KEYS; i++) {
        del(i);
        engine_tick(engine);
        check_bound();
    }
    ck_assert_uint_eq(statistics().live_bytes, 0);
    ck_assert_uint_le(statistics().file_bytes, 2 * SEGMENT_SIZE);
}
END_TEST

/* As a batch that can be undone: with room for what stood there before as well. */
static void put_batch(size_t value_size)
{
    static const char bytes[SEGMENT_SIZE / 2];
    struct slice value = slice_make(bytes, value_size);
    struct engine_value v = {.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    enum status status = STATUS_OK;
    engine_lock(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    uint64_t size = BATCH_KEYS * record_size(sizeof(uint64_t), SEGMENT_SIZE / 2, false, false);
    ck_assert_int_eq(engine_reserve_locked(engine, 2 * size), STATUS_OK);
    engine_group_begin_locked(engine);
    for (uint64_t key = 0; key < BATCH_KEYS && status == STATUS_OK; key++) {
        status =
            engine_put_locked(engine, keyspace, slice_make((const char *)&key, sizeof(key)), &v);
    }
    engine_group_end_locked(engine);
    end_write(status);
}

/* The room in which a batch could have been undone is given back, and the log goes on in a segment
 * that can be compacted soon. */
START_TEST(bounded_after_batches)
{
    engine_set_compaction_percentage(engine, PERCENTAGE);
    static const size_t value_sizes[] = {SEGMENT_SIZE / 2, SEGMENT_SIZE / 2, 1, SEGMENT_SIZE / 2};
    for (size_t i = 0; i < sizeof(value_sizes) / sizeof(*value_sizes); i++) {
        put_batch(value_sizes[i]);
        ck_assert_int_eq(engine_sync(engine), STATUS_OK);
        engine_tick(engine);
        engine_tick(engine);
        check_bound();
    }
    for (uint64_t key = 0; key < BATCH_KEYS; key++) {
        del(key);
    }
    engine_tick(engine);
    check_bound();
    ck_assert_uint_le(statistics().file_bytes, 2 * SEGMENT_SIZE);
}
END_TEST

/* --- who waits ---------------------------------------------------------------------------- */

/* So much that it must wait, however long ago the last one wrote. */
#define MUCH ((uint64_t)1 << 30)

START_TEST(writers_are_slowed_when_compaction_is_behind)
{
    load();
    engine_set_compaction_percentage(engine, PERCENTAGE);
    engine_tick(engine);
    ck_assert_int_eq(engine_write_delay_us(engine, 1000000), 0);
    int64_t longest_us = 0;
    for (uint64_t i = 0; i < 3 * KEYS; i++) { /* and no tick that would compact */
        put(i % KEYS);
        int64_t delay_us = engine_write_delay_us(engine, MUCH);
        ck_assert_int_le(delay_us, COMPACTION_DELAY_MAX_FULL_US);
        longest_us = delay_us > longest_us ? delay_us : longest_us;
    }
    struct engine_statistics found = statistics();
    ck_assert_int_gt(longest_us, 0);
    ck_assert_uint_gt(found.slowed_writes, 0);
    ck_assert_uint_ge(found.slowed_us, (uint64_t)longest_us);
    ck_assert_int_eq(engine_write_delay_us(engine, 0), 0); /* what deletes */
    engine_tick(engine);
    ck_assert_int_eq(engine_write_delay_us(engine, 1000000), 0);
    check_bound();
}
END_TEST

START_TEST(only_values_count)
{
    engine_lock(engine);
    uint64_t before = engine_value_bytes_locked(engine);
    engine_unlock(engine);
    put(1);
    engine_lock(engine);
    uint64_t after = engine_value_bytes_locked(engine);
    engine_unlock(engine);
    ck_assert_uint_gt(after, before);
    del(1);
    engine_lock(engine);
    ck_assert_uint_eq(engine_value_bytes_locked(engine), after);
    engine_unlock(engine);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("compaction_bound");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, starts_when_garbage_passes_the_percentage);
    tcase_add_test(tests, starts_when_the_interval_is_over);
    tcase_add_test(tests, a_small_store_shrinks_when_the_interval_is_over);
    tcase_add_test(tests, a_pass_ends_while_others_write);
    tcase_add_test(tests, a_cause_that_lasts_is_said_once);
    tcase_add_test(tests, none_works_once_writing_has_stopped);
    tcase_add_test(tests, bounded_while_all_is_overwritten);
    tcase_add_test(tests, bounded_while_few_are_overwritten);
    tcase_add_test(tests, bounded_while_keys_come_and_go);
    tcase_add_test(tests, nothing_is_left_of_what_was_deleted);
    tcase_add_test(tests, bounded_after_batches);
    tcase_add_test(tests, writers_are_slowed_when_compaction_is_behind);
    tcase_add_test(tests, only_values_count);
    return test_run("compaction_bound", tests);
}
