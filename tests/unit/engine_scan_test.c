/* engine_scan_test.c - walks over all keys: each is visited once, whether a walk waits for memory
 * or for the disk, and which of both it takes it for. */
#include "engine/engine_state.h"
#include "engine/prefetch.h"

#include "base/clock.h"
#include "base/log.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 300

static struct sim_store store;
static unsigned visits[KEYS];
static int64_t visit_takes_us;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(65536);
    sim_store_begin(&store, &options);
    sim_store_fill(&store, KEYS);
    sim_store_close(&store); /* the tail in memory would need no disk */
    sim_store_open(&store);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void visit(void *context, const struct entry *entry)
{
    (void)context;
    unsigned long i = strtoul(entry->key.data + 1, NULL, 10);
    ck_assert_uint_lt(i, KEYS);
    visits[i]++;
    if (visit_takes_us > 0) {
        clock_sleep_us(visit_takes_us);
    }
}

/* Walks over all, so many keys a step, each of which takes so long, and returns how many pages were
 * asked for. */
static uint64_t scan_all(size_t step, int64_t takes_us)
{
    const struct entry_visitor visitor = {.visit = visit};
    uint64_t asked_before = sim_disk_reads_ahead(store.disk);
    uint64_t cursor = 0;
    memset(visits, 0, sizeof(visits));
    visit_takes_us = takes_us;
    do {
        engine_lock(store.engine);
        engine_scan_locked(store.engine, engine_database_locked(store.engine, 0), &cursor, step,
                           &visitor);
        engine_unlock(store.engine);
    } while (cursor != 0);
    for (int i = 0; i < KEYS; i++) {
        ck_assert_uint_eq(visits[i], 1);
    }
    return sim_disk_reads_ahead(store.disk) - asked_before;
}

/* Any number of keys a step, around those that a walk has on their way. */
START_TEST(each_key_is_visited_once)
{
    for (size_t step = 1; step < 20; step++) {
        (void)scan_all(step, 0);
    }
    for (size_t step = 60; step < 70; step++) {
        (void)scan_all(step, 20);
    }
    (void)scan_all(KEYS, 20);
    (void)scan_all(2 * (size_t)KEYS, 0);
}
END_TEST

START_TEST(a_slow_walk_asks_the_disk_ahead)
{
    uint64_t asked = scan_all(KEYS, 100);
    ck_assert_uint_gt(asked, KEYS / 2);
    ck_assert_uint_le(asked, KEYS);
    /* The next one begins so, however few keys it is for. */
    ck_assert_uint_gt(scan_all(5, 100), KEYS / 2);
}
END_TEST

/* Walks of so few keys are not timed: each is as the last one that was. */
START_TEST(a_walk_begins_as_the_last_one_ended)
{
    engine_lock(store.engine);
    prefetch_note_locked(store.engine, 1, 0);
    engine_unlock(store.engine);
    ck_assert_uint_eq(scan_all(5, 0), 0);
    engine_lock(store.engine);
    prefetch_note_locked(store.engine, 1, 1000);
    engine_unlock(store.engine);
    ck_assert_uint_eq(scan_all(5, 0), KEYS);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("engine_scan");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_key_is_visited_once);
    tcase_add_test(tests, a_slow_walk_asks_the_disk_ahead);
    tcase_add_test(tests, a_walk_begins_as_the_last_one_ended);
    return test_run("engine_scan", tests);
}
