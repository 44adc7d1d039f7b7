/* expiry_mark_test.c - what an expiry mark declares dead stays dead, and nothing else dies of it.
 */
#include "engine/engine.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/mark.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE 16384
#define START_MS     1000000
#define ROTTEN       "this value will rot"

static struct sim_store store;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    log_set_level(LOG_NOTHING_LEVEL);
    store.clock_ms = START_MS;
    sim_store_begin(&store, &options);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void kill_and_open(void)
{
    sim_store_kill_and_open(&store);
}

static void put(const char *key, const char *value, int64_t expiry_ms)
{
    ck_assert_int_eq(sim_store_put(&store, key, slice_of_string(value), expiry_ms), STATUS_OK);
}

static enum status find(const char *key)
{
    return sim_store_find(&store, key);
}

static void compact(void)
{
    sim_store_compact(&store);
}

/* The log goes on in another file. */
static void fill_segment(void)
{
    static char filling[SEGMENT_SIZE / 2];
    memset(filling, 'f', sizeof(filling) - 1);
    for (int i = 0; i < 3; i++) {
        put("filling", filling, EXPIRY_NONE);
    }
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
}

/* --- the disk --------------------------------------------------------------------------------- */

struct search {
    struct slice bytes;
    char name[FILE_NAME_SIZE_MAX]; /* of the last file that has them; "" = none */
    uint64_t offset;               /* the last there */
};

static void search_file(void *context, const char *name)
{
    struct search *search = context;
    struct file *file;
    uint64_t size;
    size_t read_size;
    if (strstr(name, ".log") == NULL && strstr(name, ".pack") == NULL) {
        return;
    }
    ck_assert_int_eq(fs_open(store.fs, name, FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    char *bytes = malloc((size_t)size + 1);
    ck_assert_int_eq(file_read(file, 0, bytes, (size_t)size, &read_size), STATUS_OK);
    const struct slice wanted = search->bytes;
    for (size_t at = 0; at + wanted.size <= read_size; at++) {
        if (memcmp(bytes + at, wanted.data, wanted.size) == 0) {
            (void)snprintf(search->name, sizeof(search->name), "%s", name);
            search->offset = at;
        }
    }
    free(bytes);
    file_close(file);
}

/* Changes the byte at `distance` from where the bytes begin, in the last place where they are. */
static void flip(struct slice bytes, uint64_t distance)
{
    struct search search = {.bytes = bytes};
    ck_assert_int_eq(fs_list(store.fs, search_file, &search), STATUS_OK);
    ck_assert_str_ne(search.name, "");
    ck_assert_int_eq(sim_disk_flip(store.disk, search.name, search.offset + distance, 1),
                     STATUS_OK);
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Two keys, the later of which is seen to have expired; the mark that follows covers the other one,
 * too, which is removed with its second only. */
static void expire_within_a_second(void)
{
    put("first", "1", START_MS + 500);
    put("second", "2", START_MS + 900);
    store.clock_ms = START_MS + 950;
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
    engine_tick(store.engine);
}

START_TEST(the_clock_set_back_while_the_store_is_open)
{
    expire_within_a_second();
    store.clock_ms = START_MS;
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
    put("first", "again", START_MS + 400);
    ck_assert_int_eq(find("first"), STATUS_OK);
    kill_and_open();
    ck_assert_int_eq(find("first"), STATUS_OK);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(the_clock_set_back_once_the_store_was_opened)
{
    expire_within_a_second();
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_checkpoint(store.engine);
    kill_and_open();
    store.clock_ms = START_MS;
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(the_mark_outlives_a_compaction_before_the_key_is_removed)
{
    expire_within_a_second();
    compact();
    store.clock_ms = START_MS;
    kill_and_open();
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(the_mark_goes_when_it_says_nothing_any_more)
{
    uint8_t value[MARK_EXPIRY_SIZE];
    mark_encode_expiry(START_MS + 900, value);
    struct search search = {.bytes = slice_make(value, sizeof(value))};
    expire_within_a_second();
    compact();
    ck_assert_int_eq(fs_list(store.fs, search_file, &search), STATUS_OK);
    ck_assert_str_ne(search.name, "");
    store.clock_ms = START_MS + 1000;
    engine_tick(store.engine);
    compact();
    search.name[0] = '\0';
    ck_assert_int_eq(fs_list(store.fs, search_file, &search), STATUS_OK);
    ck_assert_str_eq(search.name, "");
}
END_TEST

static bool is_on_disk(int64_t until_ms)
{
    uint8_t value[MARK_EXPIRY_SIZE];
    mark_encode_expiry(until_ms, value);
    struct search search = {.bytes = slice_make(value, sizeof(value))};
    ck_assert_int_eq(fs_list(store.fs, search_file, &search), STATUS_OK);
    return search.name[0] != '\0';
}

static void expire(const char *key, int64_t expiry_ms)
{
    put(key, "1", expiry_ms);
    store.clock_ms = expiry_ms;
    ck_assert_int_eq(find(key), STATUS_NOT_FOUND);
    engine_tick(store.engine);
}

/* A clock that was far ahead leaves marks that wait until it is there once more: one of them is
 * enough, and the others are not copied again and again. */
START_TEST(of_marks_that_wait_the_last_is_enough)
{
    expire("first", START_MS + 5000000);
    expire("second", START_MS + 9000000);
    store.clock_ms = START_MS;
    engine_tick(store.engine);
    fill_segment();
    compact();
    ck_assert(!is_on_disk(START_MS + 5000000));
    ck_assert(is_on_disk(START_MS + 9000000));
    kill_and_open();
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
}
END_TEST

/* A mark with an earlier time says nothing of what the one before it has ended. */
START_TEST(a_later_mark_with_an_earlier_time_is_not)
{
    put("other", "1", START_MS + 9000000);
    expire("first", START_MS + 9000000);
    store.clock_ms = START_MS;
    expire("second", START_MS + 5000000);
    store.clock_ms = START_MS;
    engine_tick(store.engine);
    fill_segment();
    compact();
    ck_assert(is_on_disk(START_MS + 5000000));
    ck_assert(is_on_disk(START_MS + 9000000));
    kill_and_open();
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("other"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
}
END_TEST

/* Compactions that start by themselves don't copy it about meanwhile: there would be no end of it.
 */
START_TEST(a_mark_that_waits_is_no_garbage)
{
    expire_within_a_second();
    store.clock_ms = START_MS + 950;
    engine_set_compaction_percentage(store.engine, 25);
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    engine_tick(store.engine);
    compact();
    for (unsigned i = 0; i < 10; i++) {
        engine_tick(store.engine);
    }
    engine_lock(store.engine);
    struct engine_statistics statistics;
    engine_statistics_locked(store.engine, &statistics);
    engine_unlock(store.engine);
    ck_assert_uint_le(statistics.compactions, 3);
}
END_TEST

/* A mark that rots must not be copied with a fresh checksum: it might say that all keys are dead.
 */
START_TEST(a_rotten_mark)
{
    put("rotten", ROTTEN, EXPIRY_NONE);
    put("old", "so that the mark is kept", START_MS + 800);
    fill_segment();
    flip(slice_of_string(ROTTEN), 4);
    put("lives", "for an hour", START_MS + 3600000);
    put("dies", "soon", START_MS + 900);
    store.clock_ms = START_MS + 5000;
    engine_tick(store.engine);
    fill_segment();
    uint8_t value[MARK_EXPIRY_SIZE];
    mark_encode_expiry(START_MS + 900, value);
    flip(slice_make(value, sizeof(value)), 6);
    engine_checkpoint(store.engine);
    compact();
    kill_and_open();
    ck_assert_int_eq(find("lives"), STATUS_OK);
    ck_assert_int_eq(find("old"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("dies"), STATUS_NOT_FOUND);
}
END_TEST

/* Two keys that live as long as the clock does not go on; a third was seen to have expired when it
 * was ahead. Its mark is owed. */
static void owe_a_mark(void)
{
    put("source", "1", START_MS + 300);
    put("other", "2", START_MS + 400);
    put("gone", "3", START_MS + 900);
    store.clock_ms = START_MS + 950;
    ck_assert_int_eq(find("gone"), STATUS_NOT_FOUND);
    store.clock_ms = START_MS;
}

/* What a mark has declared dead is removed later, by whoever comes upon it: that is no reason for
 * another mark, which would cover what was written behind the first. */
START_TEST(no_second_mark_for_what_a_mark_has_ended)
{
    owe_a_mark();
    put("lives", "on", START_MS + 350);
    ck_assert_int_eq(find("other"), STATUS_NOT_FOUND);
    engine_tick(store.engine);
    ck_assert_int_eq(find("lives"), STATUS_OK);
    kill_and_open();
    ck_assert_int_eq(find("lives"), STATUS_OK);
    ck_assert_int_eq(find("other"), STATUS_NOT_FOUND);
}
END_TEST

/* As RENAME does it. */
START_TEST(another_name_while_a_mark_is_owed)
{
    owe_a_mark();
    ck_assert_int_eq(find("source"), STATUS_OK);
    put("target", "1", START_MS + 300);
    ck_assert_int_eq(sim_store_delete(&store, "source"), STATUS_NOT_FOUND);
    engine_tick(store.engine);
    ck_assert_int_eq(find("target"), STATUS_OK);
    kill_and_open();
    ck_assert_int_eq(find("target"), STATUS_OK);
    ck_assert_int_eq(find("source"), STATUS_NOT_FOUND);
}
END_TEST

/* Values of a kilobyte, of which so many fill a segment nearly. */
static void put_numbered(const char *prefix, unsigned count)
{
    static char bytes[1025];
    memset(bytes, 'v', sizeof(bytes) - 1);
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "%s%u", prefix, i);
        put(key, bytes, EXPIRY_NONE);
    }
}

/* A compaction copies a record that a mark has ended, whose slot goes with its second only, beside
 * what lives on; the mark is in another file. The next start finds that it has expired. */
START_TEST(the_mark_stays_for_what_was_copied_before_its_slot_went)
{
    put("first", "1", START_MS + 500);
    put_numbered("beside", 13);
    put("second", "2", START_MS + 900);
    fill_segment();
    store.clock_ms = START_MS + 950;
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
    engine_tick(store.engine);
    put_numbered("mark's", 10);
    compact();
    put_numbered("mark's", 10);
    store.clock_ms = START_MS + 2000;
    kill_and_open();
    engine_tick(store.engine);
    engine_set_compaction_percentage(store.engine, 20);
    for (unsigned i = 0; i < 5; i++) {
        put_numbered("mark's", 10);
        ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
        engine_tick(store.engine);
    }
    store.clock_ms = START_MS;
    kill_and_open();
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
}
END_TEST

/* What a mark has ended has a slot still, but is no key: it is not deleted, and can be set. */
START_TEST(no_key_but_a_slot)
{
    owe_a_mark();
    put("pays", "the mark", START_MS + 350);
    ck_assert_int_eq(sim_store_delete(&store, "source"), STATUS_NOT_FOUND);
    ck_assert_int_eq(sim_store_delete(&store, "source"), STATUS_NOT_FOUND);
    put("other", "again", START_MS + 400);
    ck_assert_int_eq(find("other"), STATUS_OK);
    ck_assert_uint_eq(sim_store_statistics(&store).expired_keys, 3); /* told once each */
    engine_tick(store.engine);
    kill_and_open();
    ck_assert_int_eq(find("source"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("other"), STATUS_OK);
    ck_assert_int_eq(find("pays"), STATUS_OK);
    store.clock_ms = START_MS + 2000;
    engine_tick(store.engine);
    store.clock_ms = START_MS;
    kill_and_open();
    ck_assert_int_eq(find("other"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("pays"), STATUS_NOT_FOUND);
}
END_TEST

/* The last cycle was an hour ahead; of what came after it it has removed nothing. */
START_TEST(a_mark_younger_than_the_cycle_that_went_further)
{
    store.clock_ms = START_MS + 3600000;
    engine_tick(store.engine);
    engine_set_active_expiry(store.engine, false);
    store.clock_ms = START_MS;
    expire_within_a_second();
    fill_segment();
    put("garbage", "1", EXPIRY_NONE);
    put("garbage", "2", EXPIRY_NONE);
    for (unsigned i = 0; i < 3; i++) {
        compact(); /* the first appends the mark */
        put("garbage", "3", EXPIRY_NONE);
    }
    store.clock_ms = START_MS;
    kill_and_open();
    ck_assert_int_eq(find("first"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("second"), STATUS_NOT_FOUND);
}
END_TEST

static void swap(unsigned a, unsigned b)
{
    engine_lock(store.engine);
    ck_assert_int_eq(engine_swap_locked(store.engine, a, b), STATUS_OK);
    engine_unlock(store.engine);
}

static void swap_databases(void *context, unsigned database, struct slice key)
{
    (void)context;
    if (database == 1 && slice_equal(key, SLICE_LITERAL("key"))) {
        ck_assert_int_eq(engine_swap_locked(store.engine, 0, 2), STATUS_OK);
    }
}

/* A cycle goes through the databases: one that takes the place of another while it is there is
 * missed, and with it what a mark concerns. */
START_TEST(a_cycle_in_whose_midst_databases_are_swapped)
{
    tear_down();
    struct engine_options options = sim_store_options(SEGMENT_SIZE);
    options.database_count = 3;
    options.on_expired_locked = swap_databases;
    sim_store_begin(&store, &options);
    put("missed", "1", START_MS + 1000);
    swap(0, 2);
    put("key", "1", START_MS + 1000);
    swap(0, 1);
    store.clock_ms = START_MS + 2000;
    uint64_t sequence = store.engine->appender.next_sequence;
    engine_tick(store.engine); /* comes to "key" in the second, and not back to the first */
    engine_lock(store.engine);
    ck_assert_uint_eq(engine_count_locked(store.engine, engine_database_locked(store.engine, 0)),
                      1);
    ck_assert(!expiry_is_done_locked(store.engine, sequence - 1, START_MS + 1000));
    engine_unlock(store.engine);
    engine_tick(store.engine);
    engine_lock(store.engine);
    ck_assert(expiry_is_done_locked(store.engine, sequence - 1, START_MS + 1000));
    engine_unlock(store.engine);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("expiry marks");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_clock_set_back_while_the_store_is_open);
    tcase_add_test(tests, the_clock_set_back_once_the_store_was_opened);
    tcase_add_test(tests, the_mark_outlives_a_compaction_before_the_key_is_removed);
    tcase_add_test(tests, the_mark_goes_when_it_says_nothing_any_more);
    tcase_add_test(tests, of_marks_that_wait_the_last_is_enough);
    tcase_add_test(tests, a_later_mark_with_an_earlier_time_is_not);
    tcase_add_test(tests, a_mark_that_waits_is_no_garbage);
    tcase_add_test(tests, a_rotten_mark);
    tcase_add_test(tests, no_second_mark_for_what_a_mark_has_ended);
    tcase_add_test(tests, another_name_while_a_mark_is_owed);
    tcase_add_test(tests, the_mark_stays_for_what_was_copied_before_its_slot_went);
    tcase_add_test(tests, no_key_but_a_slot);
    tcase_add_test(tests, a_mark_younger_than_the_cycle_that_went_further);
    tcase_add_test(tests, a_cycle_in_whose_midst_databases_are_swapped);
    return test_run("expiry marks", tests);
}
