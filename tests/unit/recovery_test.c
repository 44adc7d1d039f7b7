/*
 * recovery_test.c - opening a store whose files are not as a clean stop leaves them.
 *
 * A crash is played by opening a copy of the directory that was made while the store was open: that
 * is what kill -9 leaves. What the copy then lacks, or holds too much, is each test's own.
 */
#include "base/log.h"
#include "engine/segment_header.h"
#include "engine/staged.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEGMENT_SIZE 65536
#define FIRST        "00000000000000000001.log"
#define SECOND       "00000000000000000002.log"
#define THIRD        "00000000000000000003.log"

static struct test_directory original;
static struct test_directory copied;
static struct disk_store store;
static struct disk_store copy;
static struct error error;

static void set_up(void)
{
    test_directory_create(&original);
    test_directory_create(&copied);
    store.options = disk_store_options(SEGMENT_SIZE);
    copy.options = store.options;
    disk_store_open(&store, original.path);
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
}

static void reopen(void)
{
    disk_store_close(&store);
    disk_store_open(&store, original.path);
}

/* --- files -------------------------------------------------------------------------------- */

static void crash(void)
{
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    test_file_copy_all(&original, &copied);
}

static bool exists(const char *name)
{
    return test_file_exists(&copied, name);
}

/* Overwrites bytes of a file of the copy. */
static void scribble(const char *name, uint64_t offset, const char *bytes)
{
    test_file_write(&copied, name, offset, bytes, strlen(bytes));
}

static void clear_header(const char *name)
{
    static const char zeros[SEGMENT_HEADER_SIZE];
    test_file_write(&copied, name, 0, zeros, sizeof(zeros));
}

/* --- keys --------------------------------------------------------------------------------- */

static void put_size(const char *key, const char *text, size_t size)
{
    char *bytes = calloc(1, size + 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size && text[i] != '\0'; i++) {
        bytes[i] = text[i];
    }
    struct slice part = slice_make(bytes, size);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(store.engine);
    ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                       slice_of_string(key), &value),
                     STATUS_OK);
    engine_unlock(store.engine);
    free(bytes);
}

static void put(const char *key, const char *text)
{
    put_size(key, text, strlen(text));
}

/* Where the only segment ends. */
static uint64_t file_end(void)
{
    return disk_store_statistics(&store).appended_position;
}

/* OK when the copy has the key with a valid value, else why not. */
static enum status look(const char *key)
{
    struct entry entry;
    engine_lock(copy.engine);
    enum status status = engine_find_locked(copy.engine, engine_database_locked(copy.engine, 0),
                                            slice_of_string(key), &entry);
    if (status == STATUS_OK) {
        status = engine_verify_locked(copy.engine, &entry, 0, SIZE_MAX);
    }
    engine_unlock(copy.engine);
    return status;
}

static void open_copy(void)
{
    disk_store_open(&copy, copied.path);
    disk_store_verify(&copy);
}

static void repair_copy(void)
{
    copy.options.repair = true;
    disk_store_open(&copy, copied.path);
    copy.options.repair = false;
}

static void close_copy(void)
{
    disk_store_close(&copy);
}

static void expect_refusal(const char *words)
{
    ck_assert_int_eq(disk_store_try_open(&copy, copied.path, &error), STATUS_CORRUPT);
    ck_assert_msg(strstr(error.text, words) != NULL, "'%s' lacks '%s'", error.text, words);
}

/* --- tests -------------------------------------------------------------------------------- */

START_TEST(what_was_written_survives)
{
    put("a", "1");
    put_size("large", "x", 200000);
    crash();
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("large"), STATUS_OK);
    close_copy();
    open_copy();
    ck_assert_int_eq(look("large"), STATUS_OK);
    close_copy();
}
END_TEST

START_TEST(a_torn_end_is_set_aside)
{
    put("a", "1");
    uint64_t end = file_end();
    put("b", "2");
    crash();
    scribble(FIRST, end + 10, "torn");
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_NOT_FOUND);
    ck_assert(exists(FIRST ".cut"));
    close_copy();
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_NOT_FOUND);
    close_copy();
}
END_TEST

START_TEST(a_torn_value_is_a_torn_end)
{
    put("a", "1");
    put_size("b", "value", 3000);
    uint64_t end = file_end();
    crash();
    scribble(FIRST, end - 100, "torn");
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_NOT_FOUND);
    close_copy();
}
END_TEST

START_TEST(a_group_is_cut_at_its_start)
{
    put("a", "1");
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    engine_unlock(store.engine); /* this test is the only thread */
    put("b", "2");
    put_size("c", "3", 61200); /* does not fit into the first segment any more */
    put("d", "4");
    engine_lock(store.engine);
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
    put("e", "5");
    crash();
    scribble(SECOND, SEGMENT_HEADER_SIZE + 50, "torn");
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_NOT_FOUND);
    ck_assert_int_eq(look("c"), STATUS_NOT_FOUND);
    ck_assert_int_eq(look("e"), STATUS_NOT_FOUND);
    ck_assert(exists(FIRST ".cut"));
    ck_assert(exists(SECOND ".cut"));
    ck_assert(!exists(SECOND));
    close_copy();
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    close_copy();
}
END_TEST

START_TEST(damage_before_a_sync_mark_is_refused)
{
    put("a", "1");
    uint64_t end = file_end();
    put("b", "2");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK); /* a mark follows */
    put("c", "3");
    crash();
    scribble(FIRST, end + 10, "rot");
    char words[64];
    (void)snprintf(words, sizeof(words), "%s is damaged at offset %llu", FIRST,
                   (unsigned long long)end);
    expect_refusal(words);
    ck_assert(!exists(FIRST ".cut"));
    expect_refusal(words); /* the first refusal has changed nothing */
    repair_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_NOT_FOUND);
    ck_assert(exists(FIRST ".cut"));
    close_copy();
    open_copy(); /* repaired for good */
    ck_assert_int_eq(look("a"), STATUS_OK);
    close_copy();
}
END_TEST

/* Not the one in front of it, which is sound, nor the one behind it. */
START_TEST(a_damaged_segment_header_is_named)
{
    put("a", "1");
    put_size("b", "2", SEGMENT_SIZE); /* has a segment of its own */
    put("c", "3");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("d", "4"); /* the mark is written with it */
    crash();
    scribble(SECOND, 40, "rot");
    expect_refusal(SECOND " is damaged at offset 0,");
    crash();
    scribble(FIRST, 40, "rot");
    expect_refusal(FIRST " is damaged at offset 0,");
}
END_TEST

/* What was written ahead of its put has no header either, but nothing goes on from it. */
START_TEST(a_value_written_ahead_is_not_taken_for_a_damaged_segment)
{
    put("a", "1");
    const struct staged_plan plan = {.values = {{.value = SLICE_LITERAL("ahead"), .key_size = 1}},
                                     .count = 1};
    struct staged *staged;
    ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_OK);
    put_size("b", "2", SEGMENT_SIZE);
    put("c", "3");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("d", "4");
    crash();
    ck_assert(exists(SECOND)); /* in front of the one that is damaged */
    scribble(THIRD, 40, "rot");
    expect_refusal(THIRD " is damaged at offset 0,");
    clear_header(THIRD);
    expect_refusal(THIRD " is damaged at offset 0,");
    staged_drop(store.engine, staged);
}
END_TEST

/* Only of what was never durable zeros in the place of a header mean that it was never used. */
START_TEST(what_was_durable_is_kept_though_its_header_is_gone)
{
    put("a", "1");
    put_size("b", "2", SEGMENT_SIZE);
    put("c", "3");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("d", "4");
    crash();
    clear_header(SECOND);
    expect_refusal(SECOND " is damaged at offset 0,");
    repair_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_NOT_FOUND);
    ck_assert(exists(SECOND ".cut"));
    close_copy();
}
END_TEST

START_TEST(a_rotten_value_before_a_sync_mark_is_that_keys_affair)
{
    put("a", "1");
    put_size("b", "value", 3000);
    uint64_t end = file_end();
    put("c", "3");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("d", "4");
    crash();
    scribble(FIRST, end - 100, "rot");
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), STATUS_CORRUPT);
    ck_assert_int_eq(look("c"), STATUS_OK);
    ck_assert_int_eq(look("d"), STATUS_OK);
    close_copy();
}
END_TEST

START_TEST(a_lost_segment_is_named)
{
    put("a", "1");
    reopen();
    crash();
    test_file_remove(&copied, FIRST);
    expect_refusal(FIRST " is missing");
}
END_TEST

START_TEST(a_lost_manifest_is_no_empty_store)
{
    put("a", "1");
    crash();
    test_file_remove(&copied, "MANIFEST");
    expect_refusal("MANIFEST is missing");
    ck_assert(exists(FIRST));
}
END_TEST

START_TEST(an_older_manifest_is_not_taken_for_the_newest)
{
    put("a", "1");
    size_t size;
    uint8_t *older = test_file_read(&original, "MANIFEST", &size);
    for (int i = 0; i < 40; i++) {
        put_size("b", "large", 10000);
    }
    crash();
    ck_assert(exists(THIRD));
    test_file_resize(&copied, "MANIFEST", size);
    test_file_write(&copied, "MANIFEST", 0, older, size);
    free(older);
    expect_refusal("Put the newest MANIFEST back");
    ck_assert(exists(SECOND));
    ck_assert(exists(THIRD));
}
END_TEST

/* The user root may read whatever it likes: no more. */
static void obey_permissions(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
    data[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
    ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

static void change_permissions(const char *name, mode_t mode)
{
    char path[TEST_FILE_PATH_SIZE];
    ck_assert_int_eq(chmod(test_file_path(&copied, name, path), mode), 0);
}

/* It may be what the manifest would list, were it the newest: it is neither taken for a stray and
 * removed, nor for nothing. */
START_TEST(an_unlisted_segment_that_cant_be_read_is_kept)
{
    static const char *const names[] = {"00000000000000000077.log", "00000000000000000078.pack"};
    put("a", "1");
    crash();
    test_file_create(&copied, names[_i], "stray");
    change_permissions(names[_i], 0);
    obey_permissions();
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(disk_store_try_open(&copy, copied.path, &error), STATUS_REFUSED);
    ck_assert_msg(strstr(error.text, names[_i]) != NULL, "%s", error.text);
    ck_assert_msg(strstr(error.text, "move it out of the directory") != NULL, "%s", error.text);
    ck_assert(exists(names[_i]));
    change_permissions(names[_i], 0600);
    open_copy();
    ck_assert(!exists(names[_i]));
    ck_assert_int_eq(look("a"), STATUS_OK);
    close_copy();
}
END_TEST

static void put_pipe_in_place_of(const char *name)
{
    char path[TEST_FILE_PATH_SIZE];
    test_file_remove(&copied, name);
    ck_assert_int_eq(mkfifo(test_file_path(&copied, name, path), 0600), 0);
    ck_assert_int_ge(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), 0); /* opening it would succeed */
}

START_TEST(something_else_in_place_of_a_file_is_refused)
{
    static const char *const names[] = {"MANIFEST", FIRST, "LOCK"};
    put("a", "1");
    crash();
    put_pipe_in_place_of(names[_i]);
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(disk_store_try_open(&copy, copied.path, &error), STATUS_NOT_A_FILE);
    ck_assert_msg(strstr(error.text, names[_i]) != NULL, "%s", error.text);
}
END_TEST

/* Of these no store is in need. */
START_TEST(something_else_in_place_of_a_spare_file_does_no_harm)
{
    static const char *const names[] = {"MANIFEST.tmp", "RESERVE", "00000000000000000002.index"};
    put("a", "1");
    reopen();
    crash();
    if (exists(names[_i])) {
        test_file_remove(&copied, names[_i]);
    }
    test_file_create(&copied, names[_i], "");
    put_pipe_in_place_of(names[_i]);
    log_set_level(LOG_NOTHING_LEVEL);
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    engine_tick(copy.engine);
    close_copy();
}
END_TEST

/* Their numbers are passed over, as those of files are. */
START_TEST(directories_with_names_of_segments_to_come)
{
    put("a", "1");
    crash();
    for (int number = 2; number < 20; number++) {
        char name[32];
        char path[TEST_FILE_PATH_SIZE];
        (void)snprintf(name, sizeof(name), "%020d.log", number);
        if (!exists(name)) {
            ck_assert_int_eq(mkdir(test_file_path(&copied, name, path), 0700), 0);
        }
    }
    open_copy();
    ck_assert_int_eq(look("a"), STATUS_OK);
    close_copy();
}
END_TEST

/* As a backup may be left by a power cut. */
START_TEST(a_lone_checkpoint_is_no_empty_store)
{
    put("a", "1");
    reopen();
    crash();
    test_file_remove(&copied, "MANIFEST");
    test_file_remove_all(&copied, ".log");
    expect_refusal("holds a checkpoint");
    expect_refusal("MANIFEST is missing");
}
END_TEST

START_TEST(only_our_own_strays_are_removed)
{
    put("a", "1");
    crash();
    test_file_create(&copied, "00000000000000000077.log", "stray");
    test_file_create(&copied, "00000000000000000078.pack", "stray");
    test_file_create(&copied, "MANIFEST.tmp", "stray");
    test_file_create(&copied, "00000000000000000079.log.cut", "kept");
    test_file_create(&copied, "notes.txt", "kept");
    test_file_create(&copied, "7.log", "kept");
    open_copy();
    ck_assert(!exists("00000000000000000077.log"));
    ck_assert(!exists("00000000000000000078.pack"));
    ck_assert(!exists("MANIFEST.tmp"));
    ck_assert(exists("00000000000000000079.log.cut"));
    ck_assert(exists("notes.txt"));
    ck_assert(exists("7.log"));
    ck_assert_int_eq(look("a"), STATUS_OK);
    close_copy();
}
END_TEST

START_TEST(a_small_store_takes_little_room)
{
    put("a", "1");
    put("b", "2");
    engine_tick(store.engine);
    ck_assert_uint_le(disk_store_statistics(&store).disk_bytes, SEGMENT_SIZE);
    disk_store_close(&store);
    struct stat about;
    char path[TEST_FILE_PATH_SIZE];
    ck_assert_int_eq(stat(test_file_path(&original, FIRST, path), &about), 0);
    ck_assert_int_lt(about.st_size, 512); /* what was reserved is given back */
    disk_store_open(&store, original.path);
}
END_TEST

START_TEST(more_databases_than_before)
{
    put("a", "1");
    crash();
    copy.options = (struct engine_options){
        .database_count = 16, .without_threads = true, .segment_size = 8192};
    disk_store_open(&copy, copied.path);
    ck_assert_uint_eq(engine_database_count(copy.engine), 16);
    ck_assert_int_eq(look("a"), STATUS_OK);
    engine_lock(copy.engine);
    struct slice part = SLICE_LITERAL("v");
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_put_locked(copy.engine, engine_database_locked(copy.engine, 15),
                                       slice_of_string("k"), &value),
                     STATUS_OK);
    engine_unlock(copy.engine);
    close_copy();
    copy.options = disk_store_options(SEGMENT_SIZE);
    open_copy(); /* asks for 2: keeps 16 */
    ck_assert_uint_eq(engine_database_count(copy.engine), 16);
    engine_lock(copy.engine);
    ck_assert_uint_eq(engine_count_locked(copy.engine, engine_database_locked(copy.engine, 15)), 1);
    engine_unlock(copy.engine);
    close_copy();
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("recovery");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_written_survives);
    tcase_add_test(tests, a_torn_end_is_set_aside);
    tcase_add_test(tests, a_torn_value_is_a_torn_end);
    tcase_add_test(tests, a_group_is_cut_at_its_start);
    tcase_add_test(tests, damage_before_a_sync_mark_is_refused);
    tcase_add_test(tests, a_damaged_segment_header_is_named);
    tcase_add_test(tests, a_value_written_ahead_is_not_taken_for_a_damaged_segment);
    tcase_add_test(tests, what_was_durable_is_kept_though_its_header_is_gone);
    tcase_add_test(tests, a_rotten_value_before_a_sync_mark_is_that_keys_affair);
    tcase_add_test(tests, a_lost_segment_is_named);
    tcase_add_test(tests, a_lost_manifest_is_no_empty_store);
    tcase_add_test(tests, an_older_manifest_is_not_taken_for_the_newest);
    tcase_add_loop_test(tests, an_unlisted_segment_that_cant_be_read_is_kept, 0, 2);
    tcase_add_loop_test(tests, something_else_in_place_of_a_file_is_refused, 0, 3);
    tcase_add_loop_test(tests, something_else_in_place_of_a_spare_file_does_no_harm, 0, 3);
    tcase_add_test(tests, directories_with_names_of_segments_to_come);
    tcase_add_test(tests, a_lone_checkpoint_is_no_empty_store);
    tcase_add_test(tests, only_our_own_strays_are_removed);
    tcase_add_test(tests, a_small_store_takes_little_room);
    tcase_add_test(tests, more_databases_than_before);
    return test_run("recovery", tests);
}
