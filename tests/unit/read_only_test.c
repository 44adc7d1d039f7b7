/*
 * read_only_test.c - a store that is opened read-only: it is served whole, and not a byte of its
 * directory changes.
 */
#include "base/log.h"
#include "engine/engine.h"
#include "engine/scdb.h"
#include "support/sim_disk.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE (TEST_DIRECTORY_PATH_SIZE + 300)
#define KEY_COUNT 500

static struct test_directory directory;
static struct error error;

static void set_up(void)
{
    test_directory_create(&directory);
    error.text[0] = '\0';
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
}

/* --- stores ------------------------------------------------------------------------------- */

static enum status open_engine(struct file_system *fs, struct engine **out)
{
    struct engine_options options = {.fs = fs,
                                     .database_count = 2,
                                     .segment_size = 4096,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = true};
    return engine_open(&options, out, &error);
}

static struct file_system *mount(bool read_only)
{
    struct file_system *fs;
    enum status status = read_only
                             ? file_posix_open_directory_read_only(directory.path, &fs, &error)
                             : file_posix_open_directory(directory.path, &fs, &error);
    ck_assert_msg(status == STATUS_OK, "%s", error.text);
    return fs;
}

static struct engine *open_well(struct file_system *fs)
{
    struct engine *engine;
    enum status status = open_engine(fs, &engine);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
    return engine;
}

static void close_well(struct engine *engine, struct file_system *fs)
{
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    fs_close(fs);
}

static enum status put(struct engine *engine, int number, const char *text)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%d", number);
    struct slice value = slice_of_string(text);
    struct engine_value what = {.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    return engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key),
                             &what);
}

static bool has(struct engine *engine, int number, const char *text)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%d", number);
    struct entry entry;
    enum status status =
        engine_find_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &entry);
    return status == STATUS_OK && slice_equal(entry.value, slice_of_string(text)) &&
           engine_verify_locked(engine, &entry, 0, SIZE_MAX) == STATUS_OK;
}

/* KEY_COUNT keys, in many segments; the engine stays open. */
static struct engine *fill(struct file_system *fs)
{
    struct engine *engine = open_well(fs);
    engine_lock(engine);
    for (int i = 0; i < KEY_COUNT; i++) {
        ck_assert_int_eq(put(engine, i, "value"), STATUS_OK);
    }
    engine_unlock(engine);
    ck_assert_int_eq(engine_write(engine, UINT64_MAX - 1), STATUS_OK);
    return engine;
}

static void fill_and_close(void)
{
    struct file_system *fs = mount(false);
    ck_assert_int_eq(engine_close(fill(fs)), STATUS_OK);
    fs_close(fs);
}

static void expect_all_keys(struct engine *engine)
{
    engine_lock(engine);
    for (int i = 0; i < KEY_COUNT; i++) {
        ck_assert_msg(has(engine, i, "value"), "key:%d is missing", i);
    }
    ck_assert_uint_eq(engine_count_locked(engine, engine_database_locked(engine, 0)), KEY_COUNT);
    engine_unlock(engine);
}

/* --- the directory, byte by byte ---------------------------------------------------------- */

/* The sum of a hash for each file, of its name, its times and its bytes: in any order. */
static uint64_t fingerprint(void)
{
    uint64_t sum = 0;
    DIR *listing = opendir(directory.path);
    ck_assert_ptr_nonnull(listing);
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        char path[PATH_SIZE];
        struct stat about;
        (void)snprintf(path, sizeof(path), "%s/%s", directory.path, entry->d_name);
        ck_assert_int_eq(stat(path, &about), 0);
        uint64_t hash = 14695981039346656037u;
        uint64_t facts[] = {(uint64_t)about.st_mtim.tv_sec, (uint64_t)about.st_mtim.tv_nsec,
                            (uint64_t)about.st_ctim.tv_sec, (uint64_t)about.st_ctim.tv_nsec,
                            (uint64_t)about.st_size};
        bool is_above = strcmp(entry->d_name, "..") == 0;
        for (size_t i = 0; !is_above && i < sizeof(facts) / sizeof(facts[0]); i++) {
            hash = (hash ^ facts[i]) * 1099511628211u;
        }
        for (const char *c = entry->d_name; *c != '\0'; c++) {
            hash = (hash ^ (uint8_t)*c) * 1099511628211u;
        }
        FILE *file = S_ISREG(about.st_mode) ? fopen(path, "rb") : NULL;
        for (int c; file != NULL && (c = getc(file)) != EOF;) {
            hash = (hash ^ (uint64_t)c) * 1099511628211u;
        }
        if (file != NULL) {
            (void)fclose(file);
        }
        sum += hash;
    }
    (void)closedir(listing);
    return sum;
}

/* --- tests -------------------------------------------------------------------------------- */

START_TEST(everything_is_served)
{
    fill_and_close();
    uint64_t before = fingerprint();
    struct file_system *fs = mount(true);
    struct engine *engine = open_well(fs);
    ck_assert(engine_is_read_only(engine));
    expect_all_keys(engine);
    engine_lock(engine);
    engine_verify_all_locked(engine);
    struct engine_statistics statistics;
    engine_statistics_locked(engine, &statistics);
    ck_assert_uint_eq(statistics.keys, KEY_COUNT);
    engine_unlock(engine);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    engine_tick(engine);
    close_well(engine, fs);
    ck_assert_uint_eq(fingerprint(), before);
}
END_TEST

START_TEST(nothing_is_written)
{
    fill_and_close();
    uint64_t before = fingerprint();
    struct file_system *fs = mount(true);
    struct engine *engine = open_well(fs);
    struct engine_keyspace *keyspace;
    struct compaction_result result;
    engine_lock(engine);
    keyspace = engine_database_locked(engine, 0);
    ck_assert_int_eq(put(engine, 0, "other"), STATUS_READ_ONLY);
    ck_assert_int_eq(put(engine, KEY_COUNT, "new"), STATUS_READ_ONLY);
    ck_assert_int_eq(engine_delete_locked(engine, keyspace, slice_of_string("key:1")),
                     STATUS_READ_ONLY);
    ck_assert_int_eq(engine_clear_locked(engine, 0), STATUS_READ_ONLY);
    ck_assert_int_eq(engine_clear_all_locked(engine), STATUS_READ_ONLY);
    ck_assert_int_eq(engine_swap_locked(engine, 0, 1), STATUS_READ_ONLY);
    ck_assert_int_eq(engine_reserve_locked(engine, 100), STATUS_READ_ONLY);
    engine_unlock(engine);
    ck_assert_int_eq(engine_compact(engine, &result), STATUS_READ_ONLY);
    expect_all_keys(engine);
    close_well(engine, fs);
    ck_assert_uint_eq(fingerprint(), before);
}
END_TEST

/* Bytes that are no record, where the log's last file would go on. */
static void tear_end(void)
{
    char path[PATH_SIZE] = "";
    DIR *listing = opendir(directory.path);
    ck_assert_ptr_nonnull(listing);
    struct dirent *entry;
    char last[256] = "";
    while ((entry = readdir(listing)) != NULL) {
        if (strstr(entry->d_name, ".log") != NULL && strcmp(entry->d_name, last) > 0) {
            (void)snprintf(last, sizeof(last), "%s", entry->d_name);
        }
    }
    (void)closedir(listing);
    (void)snprintf(path, sizeof(path), "%s/%s", directory.path, last);
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    long end = 0;
    for (int c; (c = getc(file)) != EOF;) {
        end = c != 0 ? ftell(file) : end;
    }
    ck_assert_int_eq(fseek(file, end + 64, SEEK_SET), 0);
    ck_assert_int_gt(fputs("torn", file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* What kill -9 leaves, with half a record at the end. */
START_TEST(unfinished_writes_stay_where_they_are)
{
    pid_t child = fork();
    if (child == 0) {
        (void)fill(mount(false));
        _exit(0); /* nothing is closed */
    }
    int how;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_int_eq(how, 0);
    tear_end();
    uint64_t before = fingerprint();
    struct file_system *fs = mount(true);
    struct engine *engine = open_well(fs);
    expect_all_keys(engine);
    close_well(engine, fs);
    ck_assert_uint_eq(fingerprint(), before);

    fs = mount(false); /* and who may write settles it */
    engine = open_well(fs);
    expect_all_keys(engine);
    close_well(engine, fs);
    ck_assert_uint_ne(fingerprint(), before);
}
END_TEST

START_TEST(readers_and_writers_exclude_each_other)
{
    fill_and_close();
    struct file_system *first = mount(true);
    struct file_system *second = mount(true);
    struct file_system *writer = mount(false);
    struct engine *one = open_well(first);
    struct engine *other = open_well(second);
    struct engine *none;
    expect_all_keys(other);
    ck_assert_int_eq(open_engine(writer, &none), STATUS_LOCKED);
    ck_assert_ptr_nonnull(strstr(error.text, "in use by a process that reads it"));
    ck_assert_int_eq(engine_close(one), STATUS_OK);
    close_well(other, first);
    fs_close(second);

    struct engine *writing = open_well(writer);
    first = mount(true);
    ck_assert_int_eq(open_engine(first, &none), STATUS_LOCKED);
    ck_assert_ptr_nonnull(strstr(error.text, "in use by pid "));
    fs_close(first);
    close_well(writing, writer);
}
END_TEST

START_TEST(nothing_is_made)
{
    uint64_t before = fingerprint();
    struct file_system *fs = mount(true);
    struct engine *engine;
    ck_assert_int_eq(open_engine(fs, &engine), STATUS_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.text, "holds no store"));
    fs_close(fs);
    ck_assert_uint_eq(fingerprint(), before);
    char missing[PATH_SIZE];
    (void)snprintf(missing, sizeof(missing), "%s/missing", directory.path);
    ck_assert_int_eq(file_posix_open_directory_read_only(missing, &fs, &error), STATUS_NOT_FOUND);
    ck_assert_uint_eq(fingerprint(), before);
}
END_TEST

/* What lies there is said, and what to do: as to who may write. */
START_TEST(a_lost_manifest_is_named)
{
    fill_and_close();
    char manifest[PATH_SIZE];
    (void)snprintf(manifest, sizeof(manifest), "%s/MANIFEST", directory.path);
    ck_assert_int_eq(unlink(manifest), 0);
    uint64_t before = fingerprint();
    struct error told;
    for (int i = 0; i < 2; i++) {
        struct file_system *fs = mount(i == 0);
        struct engine *engine;
        ck_assert_int_eq(open_engine(fs, &engine), STATUS_CORRUPT);
        fs_close(fs);
        if (i == 0) {
            ck_assert_msg(strstr(error.text, "the file MANIFEST is missing") != NULL, "%s",
                          error.text);
            ck_assert_msg(strstr(error.text, "scdb-check repair DIR NEWDIR") != NULL, "%s",
                          error.text);
            ck_assert_uint_eq(fingerprint(), before);
            told = error;
        }
    }
    ck_assert_str_eq(error.text, told.text);
}
END_TEST

START_TEST(a_copy_without_lock_file_is_served)
{
    fill_and_close();
    char lock[PATH_SIZE];
    (void)snprintf(lock, sizeof(lock), "%s/LOCK", directory.path);
    ck_assert_int_eq(unlink(lock), 0);
    uint64_t before = fingerprint();
    struct file_system *fs = mount(true);
    struct engine *engine = open_well(fs);
    expect_all_keys(engine);
    close_well(engine, fs);
    ck_assert_uint_eq(fingerprint(), before);
}
END_TEST

/* A disk that crashes anywhere: what is read then is what a writer recovers, and no call changes
 * the disk. */
START_TEST(crashed_disks_are_read_unchanged)
{
    uint64_t seed = test_seed("read_only_test");
    struct test_random random;
    test_random_init(&random, seed);
    for (int round = 0; round < 60; round++) {
        struct sim_disk *disk = sim_disk_create(test_random_next(&random));
        struct file_system *fs = sim_disk_mount(disk);
        struct engine *engine = open_well(fs);
        sim_disk_crash_after(disk, 1 + test_random_below(&random, 200));
        for (int i = 0; i < KEY_COUNT && !sim_disk_crashed(disk); i++) {
            engine_lock(engine);
            (void)!put(engine, i, "value");
            engine_unlock(engine);
            (void)!engine_write(engine, UINT64_MAX - 1);
            if (test_random_one_in(&random, 10)) {
                (void)!engine_sync(engine);
                engine_tick(engine);
            }
        }
        (void)engine_close(engine);
        fs_close(fs);
        sim_disk_restart(disk, test_random_one_in(&random, 2) ? SIM_KILL : SIM_POWER_CUT);

        uint64_t changes = sim_disk_changing_calls(disk);
        struct file_system *reader_fs = sim_disk_mount_read_only(disk);
        struct engine *reader = open_well(reader_fs);
        int read = 0;
        engine_lock(reader);
        while (read < KEY_COUNT && has(reader, read, "value")) {
            read++;
        }
        ck_assert_uint_eq(engine_count_locked(reader, engine_database_locked(reader, 0)),
                          (uint64_t)read);
        engine_unlock(reader);
        close_well(reader, reader_fs);
        ck_assert_uint_eq(sim_disk_changing_calls(disk), changes);

        fs = sim_disk_mount(disk);
        engine = open_well(fs);
        engine_lock(engine);
        ck_assert_uint_eq(engine_count_locked(engine, engine_database_locked(engine, 0)),
                          (uint64_t)read);
        engine_unlock(engine);
        close_well(engine, fs);
        sim_disk_destroy(disk);
    }
}
END_TEST

START_TEST(the_library_opens_read_only)
{
    struct scdb_options options = {.read_only = true};
    struct scdb_error why;
    struct scdb *db;
    ck_assert_int_eq(scdb_open(directory.path, &options, &db, &why), SCDB_NOT_FOUND);
    ck_assert_int_eq(scdb_open(directory.path, NULL, &db, &why), SCDB_OK);
    ck_assert_int_eq(scdb_set(db, scdb_string("a"), scdb_string("1"), SCDB_NEVER), SCDB_OK);
    ck_assert_int_eq(scdb_close(db), SCDB_OK);

    uint64_t before = fingerprint();
    struct scdb *second;
    void *value;
    ck_assert_int_eq(scdb_open(directory.path, &options, &db, &why), SCDB_OK);
    ck_assert_int_eq(scdb_open(directory.path, &options, &second, &why), SCDB_OK);
    ck_assert_int_eq(scdb_get(second, scdb_string("a"), &value, NULL), SCDB_OK);
    ck_assert_str_eq(value, "1");
    scdb_free(value);
    ck_assert_int_eq(scdb_set(db, scdb_string("a"), scdb_string("2"), SCDB_NEVER), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_delete(db, scdb_string("a")), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_clear(db), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_compact(db, NULL), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_sync(db), SCDB_OK);
    ck_assert_int_eq(scdb_close(db), SCDB_OK);
    ck_assert_int_eq(scdb_close(second), SCDB_OK);
    ck_assert_uint_eq(fingerprint(), before);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("read_only");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, everything_is_served);
    tcase_add_test(tests, nothing_is_written);
    tcase_add_test(tests, unfinished_writes_stay_where_they_are);
    tcase_add_test(tests, readers_and_writers_exclude_each_other);
    tcase_add_test(tests, nothing_is_made);
    tcase_add_test(tests, a_lost_manifest_is_named);
    tcase_add_test(tests, a_copy_without_lock_file_is_served);
    tcase_add_test(tests, crashed_disks_are_read_unchanged);
    tcase_add_test(tests, the_library_opens_read_only);
    return test_run("read_only", tests);
}
