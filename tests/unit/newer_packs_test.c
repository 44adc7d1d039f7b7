/*
 * newer_packs_test.c - a backup that was copied over a store which lies in packed segments: what is
 * newer than the backup's manifest stays, and server and scdb-check say so. A crash leaves packed
 * segments that no manifest lists, too: of these the server makes no more than it did.
 */
#include "base/log.h"
#include "check/report.h"
#include "engine/backup.h"
#include "engine/compaction.h"
#include "engine/file_posix.h"
#include "engine/segment_header.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE ((uint64_t)16 << 10)
#define KEY_COUNT    100
#define FILES_MAX    100 /* the store has numbers below it */

static struct test_directory original;
static struct test_directory copied;
static struct test_directory before;
static struct test_directory elsewhere;
static struct test_directory backup; /* within `elsewhere` */
static struct disk_store store;
static struct error error;
static char said[100000];

static void set_up(void)
{
    test_directory_create(&original);
    test_directory_create(&copied);
    test_directory_create(&before);
    test_directory_create(&elsewhere);
    (void)snprintf(backup.path, sizeof(backup.path), "%.200s/backup", elsewhere.path);
    store.options = disk_store_options(SEGMENT_SIZE);
    disk_store_open(&store, original.path);
}

static void tear_down(void)
{
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
    test_directory_destroy(&before);
    test_directory_destroy(&elsewhere);
}

/* --- what is written ---------------------------------------------------------------------- */

/* Each key twice, so that no segment is without garbage, and a compaction takes all of them. */
static void put_all(const char *text)
{
    char value[1000];
    (void)snprintf(value, sizeof(value), "%-999s", text);
    const struct slice part = slice_make(value, sizeof(value));
    const struct engine_value change = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(store.engine);
    for (int i = 0; i < 2 * KEY_COUNT; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%d", i / 2);
        ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                           slice_of_string(key), &change),
                         STATUS_OK);
    }
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
}

static void expect_all(const char *text)
{
    disk_store_verify(&store);
    engine_lock(store.engine);
    unsigned count = 0;
    for (int i = 0; i < KEY_COUNT; i++) {
        char key[32];
        struct entry entry;
        (void)snprintf(key, sizeof(key), "key:%d", i);
        enum status status = engine_find_locked(
            store.engine, engine_database_locked(store.engine, 0), slice_of_string(key), &entry);
        count += status == STATUS_OK && memcmp(entry.value.data, text, strlen(text)) == 0 ? 1 : 0;
    }
    engine_unlock(store.engine);
    ck_assert_uint_eq(count, KEY_COUNT);
}

static void compact(void)
{
    struct compaction_result result;
    ck_assert_int_eq(compaction_run(store.engine, COMPACTION_ALL, &result), STATUS_OK);
}

/* The names that end like this, in the directory. */
static unsigned count_files(const struct test_directory *directory, const char *ending)
{
    DIR *open = opendir(directory->path);
    ck_assert_ptr_nonnull(open);
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(open)) != NULL) {
        size_t size = strlen(entry->d_name);
        count += size > strlen(ending) && strcmp(entry->d_name + size - strlen(ending), ending) == 0
                     ? 1
                     : 0;
    }
    ck_assert_int_eq(closedir(open), 0);
    return count;
}

/* In `copied` lies what was overwritten after the backup, all of it in packed segments, and over it
 * the backup. */
static void copy_backup_over_packs(void)
{
    put_all("first");
    ck_assert_msg(backup_to_path(store.engine, backup.path, &error) == STATUS_OK, "%s", error.text);
    put_all("second");
    put_all("third");
    compact();
    disk_store_close(&store);
    ck_assert_uint_eq(count_files(&original, ".log"), 0);
    test_file_copy_all(&original, &copied);
    test_file_copy_all(&backup, &copied);
}

/* In `copied` lies what a crash leaves that comes when a compaction has made its packed segments,
 * and its manifest is not there yet. */
static void crash_before_the_manifest(void)
{
    put_all("first");
    put_all("second");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK); /* the mark */
    test_file_copy_all(&original, &before);
    compact();
    disk_store_close(&store);
    test_file_copy_all(&original, &copied);
    test_file_copy_all(&before, &copied);
    ck_assert_uint_gt(count_files(&copied, ".pack"), 0);
    ck_assert_uint_gt(count_files(&copied, ".log"), 0);
}

/* The log segment that was written last loses all but its header. */
static void lose_end(void)
{
    char name[FILE_NAME_SIZE_MAX];
    uint64_t last = 0;
    for (uint64_t number = 1; number < FILES_MAX; number++) {
        segment_file_name(SEGMENT_LOG, number, name);
        size_t size = 0;
        uint8_t *bytes =
            test_file_exists(&copied, name) ? test_file_read(&copied, name, &size) : NULL;
        last = size > SEGMENT_HEADER_SIZE && bytes[0] != 0 ? number : last;
        free(bytes);
    }
    ck_assert_uint_gt(last, 0);
    segment_file_name(SEGMENT_LOG, last, name);
    test_file_resize(&copied, name, SEGMENT_HEADER_SIZE);
}

/* --- the server --------------------------------------------------------------------------- */

static void expect_refusal(void)
{
    unsigned packs = count_files(&copied, ".pack");
    unsigned logs = count_files(&copied, ".log");
    ck_assert_int_eq(disk_store_try_open(&store, copied.path, &error), STATUS_CORRUPT);
    ck_assert_msg(strstr(error.text, ".pack was made when the log was durable up to") != NULL, "%s",
                  error.text);
    ck_assert_msg(strstr(error.text, "restore the backup into an empty directory") != NULL, "%s",
                  error.text);
    ck_assert_msg(strstr(error.text, "or restore a backup") != NULL, "cut off: %s", error.text);
    ck_assert_uint_eq(count_files(&copied, ".pack"), packs);
    ck_assert_uint_eq(count_files(&copied, ".log"), logs);
}

START_TEST(a_backup_over_packs_is_refused)
{
    copy_backup_over_packs();
    expect_refusal();
}
END_TEST

START_TEST(a_backup_over_packs_is_refused_to_who_only_reads)
{
    struct engine_options options = store.options;
    copy_backup_over_packs();
    ck_assert_int_eq(file_posix_open_directory_read_only(copied.path, &options.fs, &error),
                     STATUS_OK);
    ck_assert_int_eq(engine_open(&options, &store.engine, &error), STATUS_CORRUPT);
    ck_assert_msg(strstr(error.text, ".pack was made when") != NULL, "%s", error.text);
    fs_close(options.fs);
}
END_TEST

/* Nothing has changed, so the way back is open. */
START_TEST(the_newest_manifest_may_be_put_back)
{
    size_t size;
    copy_backup_over_packs();
    expect_refusal();
    uint8_t *newest = test_file_read(&original, "MANIFEST", &size);
    test_file_resize(&copied, "MANIFEST", size);
    test_file_write(&copied, "MANIFEST", 0, newest, size);
    free(newest);
    disk_store_open(&store, copied.path);
    expect_all("third");
    disk_store_close(&store);
}
END_TEST

START_TEST(what_a_crash_leaves_is_removed)
{
    crash_before_the_manifest();
    unsigned packs = count_files(&copied, ".pack");
    disk_store_open(&store, copied.path);
    expect_all("second");
    ck_assert_uint_lt(count_files(&copied, ".pack"), packs);
    disk_store_close(&store);
}
END_TEST

/* No mark tells that it was durable: the packed segment does. */
START_TEST(a_lost_end_is_told_by_a_packed_segment)
{
    crash_before_the_manifest();
    lose_end();
    expect_refusal();
    ck_assert_msg(strstr(error.text, "or the log has lost its end") != NULL, "%s", error.text);
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_DAMAGED, "%s", said);
}
END_TEST

/* --- scdb-check --------------------------------------------------------------------------- */

START_TEST(check_tells_of_a_backup_over_packs)
{
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    copy_backup_over_packs();
    int code = check_run(commands[_i], copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_DAMAGED);
    ck_assert_msg(strstr(said, "damaged: MANIFEST is older than") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "do not belong to the store") == NULL, "%s", said);
}
END_TEST

/* As the line says. */
START_TEST(repair_without_the_manifest_takes_what_is_newest)
{
    struct test_directory fresh;
    copy_backup_over_packs();
    test_file_remove(&copied, "MANIFEST");
    (void)check_run("repair", copied.path, elsewhere.path, said, sizeof(said));
    (void)snprintf(fresh.path, sizeof(fresh.path), "%.200s/new", elsewhere.path);
    disk_store_open(&store, fresh.path);
    expect_all("third");
    disk_store_close(&store);
}
END_TEST

START_TEST(check_has_a_note_on_what_a_crash_leaves)
{
    crash_before_the_manifest();
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_SOUND, "%s", said);
    ck_assert_msg(strstr(said, "do not belong to the store") != NULL, "%s", said);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("newer_packs");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_backup_over_packs_is_refused);
    tcase_add_test(tests, a_backup_over_packs_is_refused_to_who_only_reads);
    tcase_add_test(tests, the_newest_manifest_may_be_put_back);
    tcase_add_test(tests, what_a_crash_leaves_is_removed);
    tcase_add_test(tests, a_lost_end_is_told_by_a_packed_segment);
    tcase_add_loop_test(tests, check_tells_of_a_backup_over_packs, 0, 4);
    tcase_add_test(tests, repair_without_the_manifest_takes_what_is_newest);
    tcase_add_test(tests, check_has_a_note_on_what_a_crash_leaves);
    return test_run("newer_packs", tests);
}
