/* live_map_test.c - one bit for each record, however small they are; what it does not know. */
#include "engine/live_map.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

#define CAPACITY     ((uint64_t)64 * 1024)
#define FIRST        ((uint64_t)128)
#define SEGMENT_SIZE 16384

START_TEST(the_smallest_records_have_bits_of_their_own)
{
    struct live_map *map = live_map_create(CAPACITY);
    ck_assert_ptr_nonnull(map);
    size_t count = 0;
    for (uint64_t offset = FIRST; offset + RECORD_HEADER_SIZE <= CAPACITY;
         offset += RECORD_HEADER_SIZE) {
        ck_assert(!live_map_has(map, offset));
        live_map_set(map, offset);
        ck_assert(live_map_has(map, offset));
        ck_assert_uint_eq(live_map_count(map), ++count);
    }
    for (uint64_t offset = FIRST; offset + RECORD_HEADER_SIZE <= CAPACITY;
         offset += 2 * (uint64_t)RECORD_HEADER_SIZE) {
        live_map_clear(map, offset);
        ck_assert(!live_map_has(map, offset));
        ck_assert(live_map_has(map, offset + RECORD_HEADER_SIZE) ||
                  offset + 2 * (uint64_t)RECORD_HEADER_SIZE > CAPACITY);
        ck_assert_uint_eq(live_map_count(map), --count);
    }
    live_map_destroy(map);
}
END_TEST

START_TEST(without_a_map_nothing_is_known)
{
    live_map_set(NULL, FIRST);
    live_map_clear(NULL, FIRST);
    live_map_lose(NULL);
    ck_assert(live_map_is_lost(NULL));
    struct live_map *map = live_map_create(CAPACITY);
    ck_assert(!live_map_is_lost(map));
    live_map_lose(map);
    ck_assert(live_map_is_lost(map));
    live_map_destroy(map);
}
END_TEST

/* --- in a store ------------------------------------------------------------------------------ */

static struct sim_store store;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    log_set_level(LOG_NOTHING_LEVEL);
    store.clock_ms = 1000000;
    sim_store_begin(&store, &options);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void put_many(const char *word, int first, int end, int64_t expiry_ms)
{
    char key[32];
    for (int i = first; i < end; i++) {
        ck_assert_int_lt(snprintf(key, sizeof(key), "%s%d", word, i), (int)sizeof(key));
        ck_assert_int_eq(sim_store_put(&store, key, SLICE_LITERAL("value"), expiry_ms), STATUS_OK);
    }
}

/* Segments whose map can answer. */
static size_t count_known(void)
{
    size_t known = 0;
    size_t handle = 0;
    const struct segment *segment;
    while ((segment = segment_table_next(&store.engine->segments, &handle)) != NULL) {
        known += !live_map_is_lost(segment->live_map);
    }
    return known;
}

START_TEST(every_change_of_a_slot_is_noted)
{
    put_many("key", 0, 500, EXPIRY_NONE);
    put_many("key", 100, 400, EXPIRY_NONE);
    put_many("soon", 0, 100, store.clock_ms + 1000);
    ck_assert_int_eq(sim_store_delete(&store, "key7"), STATUS_OK);
    sim_store_verify(&store); /* compares the maps with the slots */
    store.clock_ms += 2000;
    put_many("soon", 0, 50, EXPIRY_NONE);
    ck_assert_int_eq(sim_store_find(&store, "soon70"), STATUS_NOT_FOUND);
    sim_store_verify(&store);
    sim_store_compact(&store);
    sim_store_verify(&store);
    ck_assert_uint_gt(count_known(), 1);
    ck_assert_int_eq(sim_store_find(&store, "key499"), STATUS_OK);
    ck_assert_int_eq(sim_store_find(&store, "key7"), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(what_a_map_missed_the_index_says)
{
    put_many("key", 0, 500, EXPIRY_NONE);
    size_t known = count_known();
    ck_assert_uint_gt(known, 1);
    mutex_lock(&store.engine->lock);
    ck_assert_int_eq(engine_clear_locked(store.engine, 0), STATUS_OK);
    mutex_unlock(&store.engine->lock);
    ck_assert_uint_lt(count_known(), known);
    put_many("key", 0, 10, EXPIRY_NONE);
    sim_store_compact(&store);
    sim_store_verify(&store);
    ck_assert_int_eq(sim_store_find(&store, "key9"), STATUS_OK);
    ck_assert_int_eq(sim_store_find(&store, "key10"), STATUS_NOT_FOUND);
    sim_store_close(&store);
    sim_store_open(&store); /* segments of an earlier session have no maps */
    put_many("key", 0, 5, EXPIRY_NONE);
    sim_store_compact(&store);
    sim_store_verify(&store);
    ck_assert_int_eq(sim_store_find(&store, "key9"), STATUS_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live_map");
    TCase *core = tcase_create("core");
    tcase_add_test(core, the_smallest_records_have_bits_of_their_own);
    tcase_add_test(core, without_a_map_nothing_is_known);
    suite_add_tcase(suite, core);
    TCase *in_store = tcase_create("in a store");
    tcase_add_checked_fixture(in_store, set_up, tear_down);
    tcase_add_test(in_store, every_change_of_a_slot_is_noted);
    tcase_add_test(in_store, what_a_map_missed_the_index_says);
    suite_add_tcase(suite, in_store);
    return test_run_suite(suite);
}
