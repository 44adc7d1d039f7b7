/*
 * compaction_merge_test.c - files of a few records, of which nothing is dead: they don't become
 * more and more.
 */
#include "engine/engine.h"

#include "base/log.h"
#include "engine/compaction.h"
#include "engine/compaction_choice.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "engine/reserve.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_SIZE ((uint64_t)16384)
#define PERCENTAGE   40

/* With segments that are large beside a manifest: a merge takes more room than that. */
#define LARGE_SEGMENT_SIZE ((uint64_t)1 << 20)
#define LARGE_VALUE_SIZE   30000

#define VALUE_SIZE         60

static struct sim_store store;
static int key_count; /* of put_next() */

static void set_up_with(uint64_t segment_size)
{
    const struct engine_options options = sim_store_options(segment_size);
    log_set_level(LOG_NOTHING_LEVEL);
    store.clock_ms = 1000000;
    sim_store_begin(&store, &options);
    key_count = 0;
}

static void set_up(void)
{
    set_up_with(SEGMENT_SIZE);
}

static void set_up_large(void)
{
    set_up_with(LARGE_SEGMENT_SIZE);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void put(const char *key, size_t size)
{
    static const char bytes[LARGE_VALUE_SIZE];
    ck_assert_int_eq(sim_store_put(&store, key, slice_make(bytes, size), EXPIRY_NONE), STATUS_OK);
}

/* A key that stays. */
static void put_next(void)
{
    char key[24];
    (void)snprintf(key, sizeof(key), "static:%d", key_count++);
    put(key, VALUE_SIZE);
}

static void check_keys(void)
{
    for (int i = 0; i < key_count; i++) {
        char key[24];
        (void)snprintf(key, sizeof(key), "static:%d", i);
        ck_assert_int_eq(sim_store_find(&store, key), STATUS_OK);
    }
}

/* Closed and sealed. */
static void end_segment(void)
{
    engine_lock(store.engine);
    ck_assert_int_eq(appender_roll_locked(store.engine), STATUS_OK);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_tick(store.engine);
}

/* Closed files with records. */
static unsigned count_files(void)
{
    unsigned count = 0;
    size_t handle = 0;
    const struct segment *segment;
    engine_lock(store.engine);
    while ((segment = segment_table_next(&store.engine->segments, &handle)) != NULL) {
        count += segment->closed && segment->end > SEGMENT_HEADER_SIZE;
    }
    engine_unlock(store.engine);
    return count;
}

/* As many small ones as may be; those that are not; and those that a round has not looked at. */
static void check_count(void)
{
    unsigned segments = (unsigned)(sim_store_statistics(&store).live_bytes / SEGMENT_SIZE);
    unsigned most = COMPACTION_SMALL_COUNT + (COMPACTION_SMALL_PER_SEGMENT + 2) * segments + 4;
    ck_assert_msg(count_files() <= most, "%u files, at most %u are expected", count_files(), most);
}

/* --- by itself -------------------------------------------------------------------------------- */

/* Each segment leaves the few bytes in it that stay. */
START_TEST(one_for_each_segment_is_too_many)
{
    engine_set_compaction_percentage(store.engine, PERCENTAGE);
    for (int i = 0; i < 150; i++) {
        put_next();
        put_next();
        for (int j = 0; j < 30; j++) {
            put("hot", 500);
        }
        engine_tick(store.engine);
        check_count();
    }
    check_keys();
    struct engine_statistics found = sim_store_statistics(&store);
    ck_assert_uint_lt(found.compaction_moved_bytes, found.appended_position / 10);
}
END_TEST

/* A store that has too many. */
static void make_small_files(int count)
{
    for (int i = 0; i < count; i++) {
        put_next();
        end_segment();
    }
    ck_assert_uint_eq(count_files(), (unsigned)count);
}

START_TEST(those_of_before_are_merged)
{
    make_small_files(100);
    sim_store_close(&store);
    sim_store_open(&store);
    engine_tick(store.engine);
    ck_assert_uint_ge(count_files(), 100); /* it is off */
    engine_set_compaction_percentage(store.engine, PERCENTAGE);
    engine_tick(store.engine);
    check_count();
    uint64_t changes = sim_disk_changing_calls(store.disk);
    engine_tick(store.engine);
    engine_tick(store.engine);
    ck_assert_uint_eq(sim_disk_changing_calls(store.disk), changes);
    check_keys();
}
END_TEST

/* Where garbage starts nothing, the interval does. */
START_TEST(merged_when_the_interval_is_over)
{
    make_small_files(100);
    engine_set_compaction_interval(store.engine,
                                   1); /* it has been over since the machine started */
    engine_tick(store.engine);
    check_count();
    check_keys();
}
END_TEST

/* Merging gives no room, so it takes none of the last. */
START_TEST(not_on_a_full_disk)
{
    make_small_files(100);
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
    engine_set_compaction_percentage(store.engine, PERCENTAGE);
    uint64_t written = sim_disk_calls(store.disk, SIM_WRITE);
    engine_tick(store.engine);
    ck_assert_uint_eq(count_files(), 100);
    ck_assert_uint_le(sim_disk_calls(store.disk, SIM_WRITE), written + 3); /* the reserve, again */
    sim_disk_set_capacity(store.disk, 0);
    sim_store_compact(&store);
    check_count();
    check_keys();
}
END_TEST

/* Small files, and more than there is room for of what is dead; nothing is kept for this any more,
 * and what is free is not enough for a merge. */
static void fill_disk(int small_files)
{
    for (int i = 0; i < small_files; i++) {
        char key[24];
        (void)snprintf(key, sizeof(key), "large:%d", i);
        put(key, LARGE_VALUE_SIZE);
        end_segment();
    }
    for (int i = 0; i < 200; i++) {
        put("hot", LARGE_VALUE_SIZE);
    }
    end_segment();
    ck_assert(reserve_release(store.engine));
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk) + LARGE_SEGMENT_SIZE / 10);
}

START_TEST(what_is_dead_goes_first)
{
    fill_disk(100);
    unsigned before = count_files();
    engine_set_compaction_percentage(store.engine, PERCENTAGE);
    engine_tick(store.engine);
    ck_assert_uint_le(count_files(), before - 4);
    ck_assert(!atomic_load(&store.engine->pace.is_due));
}
END_TEST

START_TEST(what_is_dead_goes_when_asked_for)
{
    fill_disk(10);
    sim_store_compact(&store);
    ck_assert_uint_le(count_files(), 11);
}
END_TEST

/* Not once a second either, with a moment each time in which others could take it. */
START_TEST(the_reserve_is_not_for_merging)
{
    for (int i = 0; i < 100; i++) {
        put_next();
        end_segment();
    }
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
    engine_set_compaction_percentage(store.engine, PERCENTAGE);
    engine_tick(store.engine);
    uint64_t changes = sim_disk_changing_calls(store.disk);
    for (int i = 0; i < 3; i++) {
        store.engine->maintenance.retry_ms = 0; /* the second is over */
        engine_tick(store.engine);
    }
    ck_assert_uint_eq(sim_disk_changing_calls(store.disk), changes);
    ck_assert_uint_eq(count_files(), 100);
}
END_TEST

/* --- COMPACT ---------------------------------------------------------------------------------- */

/* One that is small, and for what is not, one for each sixteenth of a segment at most. */
START_TEST(compact_leaves_one_small_file)
{
    for (int i = 0; i < 60; i++) {
        put_next();
        put("hot", 10);
        sim_store_compact(&store);
        uint64_t live_bytes = sim_store_statistics(&store).live_bytes;
        ck_assert_uint_le(count_files(), 1 + live_bytes * COMPACTION_SMALL_PART / SEGMENT_SIZE);
    }
    check_keys();
    sim_store_compact(&store);
    uint64_t changes = sim_disk_changing_calls(store.disk);
    for (int i = 0; i < 5; i++) {
        sim_store_compact(&store);
    }
    ck_assert_uint_eq(sim_disk_changing_calls(store.disk), changes);
}
END_TEST

START_TEST(compact_merges_what_is_wholly_alive)
{
    make_small_files(3);
    put("large", SEGMENT_SIZE / 2); /* is not small */
    end_segment();
    sim_store_compact(&store);
    ck_assert_uint_le(count_files(), 2);
    check_keys();
    ck_assert_int_eq(sim_store_find(&store, "large"), STATUS_OK);
}
END_TEST

/* --- what deletes ----------------------------------------------------------------------------- */

/* Tombstones in files that are merged stay as long as a file may hold what they hide. */
START_TEST(tombstones_stay)
{
    put("dead", VALUE_SIZE);
    end_segment();
    engine_lock(store.engine); /* one that no compaction takes */
    size_t handle = 0;
    struct segment *first = segment_table_next(&store.engine->segments, &handle);
    first->damaged = true;
    engine_unlock(store.engine);
    for (int i = 0; i < 2 * COMPACTION_SMALL_COUNT; i++) {
        put_next();
        ck_assert_int_eq(sim_store_delete(&store, "dead"), i == 0 ? STATUS_OK : STATUS_NOT_FOUND);
        end_segment();
    }
    engine_set_compaction_percentage(store.engine, PERCENTAGE);
    engine_tick(store.engine);
    check_count();
    for (int i = 0; i < 3; i++) {
        sim_store_kill_and_open(&store);
        ck_assert_int_eq(sim_store_find(&store, "dead"), STATUS_NOT_FOUND);
        sim_store_compact(&store);
    }
    check_keys();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("compaction_merge");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, one_for_each_segment_is_too_many);
    tcase_add_test(tests, those_of_before_are_merged);
    tcase_add_test(tests, merged_when_the_interval_is_over);
    tcase_add_test(tests, not_on_a_full_disk);
    tcase_add_test(tests, compact_leaves_one_small_file);
    tcase_add_test(tests, compact_merges_what_is_wholly_alive);
    tcase_add_test(tests, tombstones_stay);
    TCase *large = tcase_create("large");
    tcase_add_checked_fixture(large, set_up_large, tear_down);
    tcase_add_test(large, what_is_dead_goes_first);
    tcase_add_test(large, what_is_dead_goes_when_asked_for);
    tcase_add_test(large, the_reserve_is_not_for_merging);
    Suite *suite = suite_create("compaction_merge");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, large);
    return test_run_suite(suite);
}
