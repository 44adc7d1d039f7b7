/*
 * recovery_scan_files_test.c - a store that is large enough for two threads to read it, opened by
 * them and by one: the same keys, the same space, and nothing that a later file has made old.
 */
#include "base/log.h"
#include "engine/engine.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYS       6000
#define VALUE_SIZE 1000
#define LARGE_SIZE 300000 /* a string in pieces, which is changed all the time */
#define ROUNDS     3      /* 18 MiB in segments of one: more than what a second thread is had for */
#define PATH_SIZE  (TEST_DIRECTORY_PATH_SIZE + 300)

static struct test_directory directory;
static struct file_system *fs;
static struct engine *engine;
static char large[LARGE_SIZE];

static enum status try_to_open(bool without_threads, struct error *error)
{
    ck_assert_int_eq(file_posix_open_directory(directory.path, &fs, NULL), STATUS_OK);
    struct engine_options options = {.fs = fs,
                                     .database_count = 3,
                                     .segment_size = SEGMENT_SIZE_MIN,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = without_threads};
    enum status status = engine_open(&options, &engine, error);
    if (status != STATUS_OK) {
        fs_close(fs);
    }
    return status;
}

static void open_store(bool without_threads)
{
    struct error error = {""};
    enum status status = try_to_open(without_threads, &error);
    ck_assert_msg(status == STATUS_OK, "engine_open: %s: %s", status_name(status), error.text);
}

static void close_store(void)
{
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    fs_close(fs);
}

static struct slice key_of(unsigned i, char *into)
{
    return slice_make(into, (size_t)snprintf(into, 32, "key:%u", i));
}

static void put(unsigned database, unsigned i, unsigned version)
{
    char key[32];
    char bytes[VALUE_SIZE];
    memset(bytes, 'a' + (int)version, sizeof(bytes));
    struct slice part = slice_make(bytes, sizeof(bytes));
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(
        engine_put_locked(engine, engine_database_locked(engine, database), key_of(i, key), &value),
        STATUS_OK);
}

static void drop(unsigned i)
{
    char key[32];
    ck_assert_int_eq(
        engine_delete_locked(engine, engine_database_locked(engine, 0), key_of(i, key)), STATUS_OK);
}

static void patch_large(unsigned round, unsigned i)
{
    size_t offset = (size_t)i * 7919 % (LARGE_SIZE - VALUE_SIZE);
    memset(large + offset, 'a' + (int)((round * KEYS + i) % 26), VALUE_SIZE);
    engine_rest_begin_locked(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    struct entry old;
    bool is_first = round == 0 && i == 0;
    enum status found = engine_find_locked(engine, keyspace, SLICE_LITERAL("large"), &old);
    ck_assert_int_eq(found, is_first ? STATUS_NOT_FOUND : STATUS_OK);
    struct slice part =
        is_first ? slice_make(large, LARGE_SIZE) : slice_make(large + offset, VALUE_SIZE);
    struct engine_patch patch = {.old = is_first ? NULL : &old,
                                 .offset = is_first ? 0 : offset,
                                 .parts = &part,
                                 .part_count = 1,
                                 .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_patch_locked(engine, keyspace, SLICE_LITERAL("large"), &patch),
                     STATUS_OK);
}

static void check_large(void)
{
    struct entry entry;
    struct slice all;
    engine_rest_begin_locked(engine);
    ck_assert_int_eq(engine_find_locked(engine, engine_database_locked(engine, 0),
                                        SLICE_LITERAL("large"), &entry),
                     STATUS_OK);
    ck_assert(!entry_is_whole(&entry));
    ck_assert_int_eq(engine_part_locked(engine, &entry, 0, SIZE_MAX, &all), STATUS_OK);
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
                put(0, i, round);
            } else if (i % 3 == 1) {
                drop(i);
            }
            if (i % 200 == 0) {
                patch_large(round, i);
            }
        }
        ck_assert_int_eq(engine_clear_locked(engine, 1), STATUS_OK);
        for (unsigned i = 0; i < 100; i++) {
            put(1, 100 * round + i, round);
        }
    }
    ck_assert_int_eq(engine_swap_locked(engine, 1, 2), STATUS_OK);
}

static void check_key(unsigned database, unsigned i, int version)
{
    char key[32];
    struct entry entry;
    enum status status = engine_find_locked(engine, engine_database_locked(engine, database),
                                            key_of(i, key), &entry);
    ck_assert_int_eq(status, version < 0 ? STATUS_NOT_FOUND : STATUS_OK);
    if (version >= 0) {
        ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
        ck_assert_uint_eq(entry.value.size, VALUE_SIZE);
        ck_assert_int_eq(((const char *)entry.value.data)[VALUE_SIZE - 1], 'a' + version);
    }
}

/* Returns the statistics. */
static struct engine_statistics check_store(void)
{
    struct engine_statistics statistics;
    engine_lock(engine);
    for (unsigned i = 0; i < KEYS; i++) {
        check_key(0, i, i % 3 == 0 ? ROUNDS - 1 : i % 3 == 1 ? -1 : ROUNDS - 2);
        check_key(1, i, -1);
    }
    for (unsigned i = 0; i < 100 * ROUNDS; i++) {
        check_key(2, i, i >= 100 * (ROUNDS - 1) ? ROUNDS - 1 : -1);
    }
    check_large();
    engine_statistics_locked(engine, &statistics);
    engine_unlock(engine);
    return statistics;
}

static void remove_checkpoints(void)
{
    DIR *files = opendir(directory.path);
    ck_assert_ptr_nonnull(files);
    const struct dirent *entry;
    while ((entry = readdir(files)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (size > 6 && strcmp(entry->d_name + size - 6, ".index") == 0) {
            char path[PATH_SIZE];
            (void)snprintf(path, sizeof(path), "%s/%s", directory.path, entry->d_name);
            ck_assert_int_eq(unlink(path), 0);
        }
    }
    (void)closedir(files);
}

static void set_up(void)
{
    test_directory_create(&directory);
    open_store(true);
    fill();
    close_store();
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
    close_store();
    remove_checkpoints();
    open_store(true);
    struct engine_statistics by_one = check_store();
    ck_assert_uint_eq(by_two.live_bytes, by_one.live_bytes);
    ck_assert_uint_eq(by_two.recovered_records, by_one.recovered_records);
    ck_assert_uint_gt(by_one.recovered_records, KEYS * (ROUNDS - 1));
    close_store();
}
END_TEST

static void flip(const char *name)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", directory.path, name);
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 100000, SEEK_SET), 0);
    char zeros[2 * VALUE_SIZE] = {0};
    ck_assert_uint_eq(fwrite(zeros, 1, sizeof(zeros), file), sizeof(zeros));
    ck_assert_int_eq(fclose(file), 0);
}

/* _i: by one thread, or by two. Of two damaged files the first is named, whoever read it. */
START_TEST(the_first_damaged_file_is_named)
{
    flip("00000000000000000004.log");
    flip("00000000000000000003.log");
    struct error error = {""};
    ck_assert_int_eq(try_to_open(_i == 0, &error), STATUS_CORRUPT);
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
