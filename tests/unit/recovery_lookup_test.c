/*
 * recovery_lookup_test.c - a store that was killed with much in its log behind a checkpoint, opened
 * by two threads and by one: the same keys and the same space, also where old records are damaged.
 */
#include "base/log.h"
#include "engine/engine.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define KEYS           9000 /* two thirds are changed: more than a second thread is had for */
#define FLUSHED        500
#define FURTHER        130000 /* small ones, so that the checkpoint has a thread of its own */
#define VALUE_SIZE     700
#define DAMAGED_OFFSET 100000
#define DAMAGED_SIZE   5000
#define PATH_SIZE      (TEST_DIRECTORY_PATH_SIZE + 300)

static struct test_directory original;
static struct test_directory copied;
static struct file_system *fs;
static struct engine *engine;

static void open_at(const char *path, bool without_threads)
{
    struct error error = {""};
    ck_assert_int_eq(file_posix_open_directory(path, &fs, NULL), STATUS_OK);
    struct engine_options options = {.fs = fs,
                                     .database_count = 2,
                                     .segment_size = SEGMENT_SIZE_MIN,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = without_threads};
    enum status status = engine_open(&options, &engine, &error);
    ck_assert_msg(status == STATUS_OK, "engine_open: %s: %s", status_name(status), error.text);
}

static void close_store(void)
{
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    fs_close(fs);
}

/* --- keys --------------------------------------------------------------------------------- */

static struct slice key_of(unsigned i, char *into)
{
    return slice_make(into, (size_t)snprintf(into, 32, "key:%u", i));
}

static void put_bytes(unsigned database, unsigned i, char version, size_t size)
{
    char key[32];
    char bytes[VALUE_SIZE];
    memset(bytes, version, sizeof(bytes));
    struct slice part = slice_make(bytes, size);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(
        engine_put_locked(engine, engine_database_locked(engine, database), key_of(i, key), &value),
        STATUS_OK);
}

static void put(unsigned database, unsigned i, char version)
{
    put_bytes(database, i, version, VALUE_SIZE);
}

static void drop(unsigned i)
{
    char key[32];
    ck_assert_int_eq(
        engine_delete_locked(engine, engine_database_locked(engine, 0), key_of(i, key)), STATUS_OK);
}

static void check_key(unsigned database, unsigned i, char version)
{
    char key[32];
    struct entry entry;
    enum status status = engine_find_locked(engine, engine_database_locked(engine, database),
                                            key_of(i, key), &entry);
    ck_assert_int_eq(status, version == 0 ? STATUS_NOT_FOUND : STATUS_OK);
    if (version != 0) {
        ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
        ck_assert_uint_eq(entry.value.size, VALUE_SIZE);
        ck_assert_int_eq(((const char *)entry.value.data)[VALUE_SIZE - 1], version);
    }
}

/* Behind the checkpoint a third of the keys is set again, a third deleted; as many are new. What
 * was set in the other database is flushed. */
static void fill(void)
{
    open_at(original.path, true);
    for (unsigned i = 0; i < KEYS; i++) {
        put(0, i, 'a');
    }
    for (unsigned i = 0; i < FLUSHED; i++) {
        put(1, i, 'a');
    }
    for (unsigned i = 0; i < FURTHER; i++) {
        put_bytes(0, 2 * KEYS + i, 'a', 1);
    }
    close_store();
    open_at(original.path, true);
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 3 == 0) {
            put(0, i, 'b');
        } else if (i % 3 == 1) {
            drop(i);
            put(0, KEYS + i, 'n');
        }
    }
    for (unsigned i = 0; i < FLUSHED; i++) {
        put(1, i, 'b');
    }
    ck_assert_int_eq(engine_clear_locked(engine, 1), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
}

/* Old records of keys that nobody changed can be damaged, too: those are not read. */
static struct engine_statistics check_store(bool is_damaged)
{
    struct engine_statistics statistics;
    engine_lock(engine);
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 3 != 2 || !is_damaged) {
            check_key(0, i, i % 3 == 0 ? 'b' : i % 3 == 1 ? 0 : 'a');
        }
        check_key(0, KEYS + i, i % 3 == 1 ? 'n' : 0);
    }
    for (unsigned i = 0; i < FLUSHED; i++) {
        check_key(1, i, 0);
    }
    if (!is_damaged) {
        engine_verify_all_locked(engine);
    }
    engine_statistics_locked(engine, &statistics);
    engine_unlock(engine);
    return statistics;
}

/* --- files -------------------------------------------------------------------------------- */

static void copy_file(const char *name)
{
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    (void)snprintf(from, sizeof(from), "%s/%s", original.path, name);
    (void)snprintf(to, sizeof(to), "%s/%s", copied.path, name);
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(out);
    char block[65536];
    size_t size;
    while ((size = fread(block, 1, sizeof(block), in)) > 0) {
        ck_assert_uint_eq(fwrite(block, 1, size, out), size);
    }
    ck_assert_int_eq(fclose(in), 0);
    ck_assert_int_eq(fclose(out), 0);
}

/* What kill -9 would leave behind. */
static void copy_store(void)
{
    test_directory_create(&copied);
    DIR *files = opendir(original.path);
    ck_assert_ptr_nonnull(files);
    const struct dirent *entry;
    while ((entry = readdir(files)) != NULL) {
        if (entry->d_name[0] != '.') {
            copy_file(entry->d_name);
        }
    }
    (void)closedir(files);
}

static void damage(const char *name)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", copied.path, name);
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, DAMAGED_OFFSET, SEEK_SET), 0);
    char zeros[DAMAGED_SIZE] = {0};
    ck_assert_uint_eq(fwrite(zeros, 1, sizeof(zeros), file), sizeof(zeros));
    ck_assert_int_eq(fclose(file), 0);
}

/* --- tests -------------------------------------------------------------------------------- */

static void set_up(void)
{
    test_directory_create(&original);
    fill();
}

static void tear_down(void)
{
    test_directory_destroy(&original);
}

static struct engine_statistics open_copy(bool is_damaged, bool without_threads)
{
    copy_store();
    if (is_damaged) {
        damage("00000000000000000001.log");
    }
    struct engine *writer = engine;
    struct file_system *writer_fs = fs;
    open_at(copied.path, without_threads);
    struct engine_statistics statistics = check_store(is_damaged);
    close_store();
    engine = writer;
    fs = writer_fs;
    test_directory_destroy(&copied);
    return statistics;
}

/* _i: are old records damaged? */
START_TEST(two_threads_find_what_one_finds)
{
    bool is_damaged = _i != 0;
    struct engine_statistics by_two = open_copy(is_damaged, false);
    struct engine_statistics by_one = open_copy(is_damaged, true);
    close_store();
    ck_assert_uint_eq(by_two.live_bytes, by_one.live_bytes);
    ck_assert_uint_eq(by_two.recovered_records, by_one.recovered_records);
    ck_assert_uint_eq(by_two.corrupt_records, by_one.corrupt_records);
    ck_assert((by_one.corrupt_records > 0) == is_damaged);
    ck_assert_uint_eq(by_one.recovered_keys, KEYS + FURTHER);
    ck_assert_uint_gt(by_one.recovered_records, KEYS);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("recovery_lookup");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, two_threads_find_what_one_finds, 0, 2);
    return test_run("recovery_lookup", tests);
}
