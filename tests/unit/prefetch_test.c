/* prefetch_test.c - whose records the disk is asked for, and when. */
#include "engine/prefetch.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

#define KEYS 100

/* So long ten records take that come from a disk, and that lie in memory. */
#define FAR_US  1000
#define NEAR_US 10

static struct sim_store store;
static struct prefetch_group group;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(65536);
    sim_store_begin(&store, &options);
    sim_store_fill(&store, KEYS);
    group.count = 0;
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void reopen(void)
{
    sim_store_close(&store);
    sim_store_open(&store);
}

/* Fills the group with keys k<first>, k<first + 1>, ...; returns how many there was room for. */
static size_t add_keys(int first, int count)
{
    size_t added = 0;
    group.count = 0;
    engine_lock(store.engine);
    for (int i = first; i < first + count; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        added += prefetch_add_locked(store.engine, &group, 0, slice_of_string(key), i % 2 == 0);
    }
    engine_unlock(store.engine);
    return added;
}

/* What the disk is asked for when ten records took so long. */
static uint64_t ask(int64_t took_us)
{
    uint64_t before = sim_disk_reads_ahead(store.disk);
    engine_lock(store.engine);
    prefetch_note_locked(store.engine, 10, took_us);
    prefetch_index_locked(store.engine, &group);
    prefetch_records_locked(store.engine, &group);
    engine_unlock(store.engine);
    return sim_disk_reads_ahead(store.disk) - before;
}

START_TEST(the_disk_is_asked_when_records_took_long)
{
    reopen();
    ck_assert_uint_eq(add_keys(0, 10), 10);
    ck_assert_uint_eq(ask(NEAR_US), 0);
    ck_assert_uint_eq(ask(FAR_US), 10);
    ck_assert_uint_eq(sim_store_statistics(&store).reads_ahead, 10);
    ck_assert_uint_eq(ask(NEAR_US), 0);
}
END_TEST

START_TEST(what_is_not_there_or_not_in_a_file_is_not_asked_for)
{
    reopen();
    ck_assert_uint_eq(add_keys(KEYS - 3, 10), 10); /* three of them are there */
    ck_assert_uint_eq(ask(FAR_US), 3);
    ck_assert_int_eq(sim_store_put(&store, "k99", SLICE_LITERAL("in the tail"), EXPIRY_NONE),
                     STATUS_OK);
    ck_assert_uint_eq(ask(FAR_US), 2);
}
END_TEST

START_TEST(groups_are_larger_for_a_disk)
{
    engine_lock(store.engine);
    ck_assert_uint_eq(prefetch_group_size_locked(store.engine), PREFETCH_GROUP_SIZE);
    engine_unlock(store.engine);
    ck_assert_uint_eq(add_keys(0, KEYS), PREFETCH_GROUP_MAX);
    (void)ask(FAR_US);
    engine_lock(store.engine);
    ck_assert_uint_eq(prefetch_group_size_locked(store.engine), PREFETCH_FAR_SIZE);
    engine_unlock(store.engine);
    ck_assert_uint_eq(add_keys(0, KEYS), PREFETCH_KEYS_MAX);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("prefetch");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_disk_is_asked_when_records_took_long);
    tcase_add_test(tests, what_is_not_there_or_not_in_a_file_is_not_asked_for);
    tcase_add_test(tests, groups_are_larger_for_a_disk);
    return test_run("prefetch", tests);
}
