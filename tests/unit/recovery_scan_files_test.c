/*
 * recovery_scan_files_test.c - a store that is large enough for two threads to read it, opened by
 * them and by one: the same keys, the same space, and nothing that a later file has made old.
 */
#include "base/log.h"
#include "support/disk_store.h"
#include "support/letter_keys.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define KEYS       6000
#define VALUE_SIZE 1000
#define LARGE_SIZE 300000 /* a string in pieces, which is changed all the time */
#define ROUNDS     3      /* 18 MiB in segments of one: more than what a second thread is had for */

static struct test_directory directory;
static struct disk_store store;
static char large[LARGE_SIZE];

static void choose_options(bool without_threads)
{
    store.options = disk_store_options(SEGMENT_SIZE_MIN);
    store.options.database_count = 3;
    store.options.without_threads = without_threads;
}

static void open_store(bool without_threads)
{
    choose_options(without_threads);
    disk_store_open(&store, directory.path);
}

static struct letter_value value_of(unsigned round)
{
    return (struct letter_value){(char)('a' + round), VALUE_SIZE};
}

static void patch_large(unsigned round, unsigned i)
{
    size_t offset = (size_t)i * 7919 % (LARGE_SIZE - VALUE_SIZE);
    memset(large + offset, 'a' + (int)((round * KEYS + i) % 26), VALUE_SIZE);
    engine_rest_begin_locked(store.engine);
    struct engine_keyspace *keyspace = engine_database_locked(store.engine, 0);
    struct entry old;
    bool is_first = round == 0 && i == 0;
    enum status found = engine_find_locked(store.engine, keyspace, SLICE_LITERAL("large"), &old);
    ck_assert_int_eq(found, is_first ? STATUS_NOT_FOUND : STATUS_OK);
    struct slice part =
        is_first ? slice_make(large, LARGE_SIZE) : slice_make(large + offset, VALUE_SIZE);
    struct engine_patch patch = {.old = is_first ? NULL : &old,
                                 .offset = is_first ? 0 : offset,
                                 .parts = &part,
                                 .part_count = 1,
                                 .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_patch_locked(store.engine, keyspace, SLICE_LITERAL("large"), &patch),
                     STATUS_OK);
}

static void check_large(void)
{
    struct entry entry;
    struct slice all;
    engine_rest_begin_locked(store.engine);
    ck_assert_int_eq(engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                        SLICE_LITERAL("large"), &entry),
                     STATUS_OK);
    ck_assert(!entry_is_whole(&entry));
    ck_assert_int_eq(engine_part_locked(store.engine, &entry, 0, SIZE_MAX, &all), STATUS_OK);
    ck_assert_uint_eq(all.size, LARGE_SIZE);
    ck_assert_int_eq(memcmp(all.data, large, LARGE_SIZE), 0);
}

/* A third has its last version, a third the one before, a third is deleted; some keys of database
 * 1 were flushed and some came after that; databases 1 and 2 have changed places. */
static void fill(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < KEYS; i++) {
            if (round + 1 < ROUNDS || i % 3 == 0) {
                letter_keys_put_locked(store.engine, 0, i, value_of(round));
            } else if (i % 3 == 1) {
                letter_keys_delete_locked(store.engine, 0, i);
            }
            if (i % 200 == 0) {
                patch_large(round, i);
            }
        }
        ck_assert_int_eq(engine_clear_locked(store.engine, 1), STATUS_OK);
        for (unsigned i = 0; i < 100; i++) {
            letter_keys_put_locked(store.engine, 1, 100 * round + i, value_of(round));
        }
    }
    ck_assert_int_eq(engine_swap_locked(store.engine, 1, 2), STATUS_OK);
}

static void expect_keys_locked(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 3 == 1) {
            letter_keys_expect_none_locked(store.engine, 0, i);
        } else {
            unsigned round = i % 3 == 0 ? ROUNDS - 1 : ROUNDS - 2;
            letter_keys_expect_locked(store.engine, 0, i, value_of(round));
        }
        letter_keys_expect_none_locked(store.engine, 1, i);
    }
    for (unsigned i = 0; i < 100 * ROUNDS; i++) {
        if (i < 100 * (ROUNDS - 1)) {
            letter_keys_expect_none_locked(store.engine, 2, i);
        } else {
            letter_keys_expect_locked(store.engine, 2, i, value_of(ROUNDS - 1));
        }
    }
}

static struct engine_statistics check_store(void)
{
    engine_lock(store.engine);
    expect_keys_locked();
    check_large();
    engine_unlock(store.engine);
    return disk_store_statistics(&store);
}

static void remove_checkpoints(void)
{
    test_file_remove_all(&directory, ".index");
}

static void set_up(void)
{
    test_directory_create(&directory);
    open_store(true);
    fill();
    disk_store_close(&store);
    remove_checkpoints();
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
}

START_TEST(two_threads_find_what_one_finds)
{
    open_store(false);
    struct engine_statistics by_two = check_store();
    disk_store_close(&store);
    remove_checkpoints();
    open_store(true);
    struct engine_statistics by_one = check_store();
    ck_assert_uint_eq(by_two.live_bytes, by_one.live_bytes);
    ck_assert_uint_eq(by_two.recovered_records, by_one.recovered_records);
    ck_assert_uint_gt(by_one.recovered_records, KEYS * (ROUNDS - 1));
    disk_store_close(&store);
}
END_TEST

static void clear(const char *name)
{
    static const char zeros[2 * VALUE_SIZE];
    test_file_write(&directory, name, 100000, zeros, sizeof(zeros));
}

/* _i: by one thread, or by two. Of two damaged files the first is named, whoever read it. */
START_TEST(the_first_damaged_file_is_named)
{
    clear("00000000000000000004.log");
    clear("00000000000000000003.log");
    struct error error;
    choose_options(_i == 0);
    ck_assert_int_eq(disk_store_try_open(&store, directory.path, &error), STATUS_CORRUPT);
    ck_assert_msg(strstr(error.text, "00000000000000000003.log is damaged") != NULL, "%s",
                  error.text);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("recovery_scan_files");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, two_threads_find_what_one_finds);
    tcase_add_loop_test(tests, the_first_damaged_file_is_named, 0, 2);
    return test_run("recovery_scan_files", tests);
}
