/*
 * newer_segment_test.c - a segment that the manifest does not list, and that a later version has
 * written: what it is can't be told, so it is no leftover. It stays, and whoever opens the store,
 * or looks into it with scdb-check, is told so.
 */
#include "base/little_endian.h"
#include "base/log.h"
#include "check/report.h"
#include "engine/checksum.h"
#include "engine/engine_state.h"
#include "engine/file_posix.h"
#include "engine/record.h"
#include "engine/segment_header.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define UNLISTED        77
#define AT_VERSION      8   /* in the header, as file-format.md has it */
#define AT_CHECKSUM     120 /* of all before it */
#define IS_NEWER_FORMAT "written by a newer version of scdb"

static const enum segment_kind kinds[] = {SEGMENT_LOG, SEGMENT_PACKED};

static struct test_directory directory;
static struct test_directory elsewhere;
static struct disk_store store;
static struct error error;
static char name[FILE_NAME_SIZE_MAX]; /* of the segment */

static void set_up(void)
{
    test_directory_create(&directory);
    test_directory_create(&elsewhere);
    store.options = disk_store_options(65536);
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
    test_directory_destroy(&elsewhere);
}

/* A store, and in its directory a segment that has nothing but this version in it. */
static void make_store_with(enum segment_kind kind, uint32_t version)
{
    struct segment_header header = {.kind = kind, .file_number = UNLISTED};
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    disk_store_open(&store, directory.path);
    segment_header_encode(&header, store.engine->store_id, bytes);
    little_endian_store32(bytes + AT_VERSION, version);
    uint64_t seed = record_seed(store.engine->store_id, UNLISTED);
    little_endian_store64(bytes + AT_CHECKSUM, checksum_of(bytes, AT_CHECKSUM, seed));
    disk_store_close(&store);
    segment_file_name(kind, UNLISTED, name);
    test_file_create(&directory, name, "");
    test_file_write(&directory, name, 0, bytes, sizeof(bytes));
}

static void expect_words(const char *text)
{
    ck_assert_msg(strstr(text, name) != NULL && strstr(text, IS_NEWER_FORMAT) != NULL &&
                      strstr(text, "move it out of the directory") != NULL,
                  "%s", text);
}

START_TEST(opening_refuses_it)
{
    make_store_with(kinds[_i], FORMAT_VERSION + 1);
    ck_assert_int_eq(disk_store_try_open(&store, directory.path, &error), STATUS_NEWER_FORMAT);
    expect_words(error.text);
    ck_assert(test_file_exists(&directory, name));
    test_file_remove(&directory, name); /* as it says */
    disk_store_open(&store, directory.path);
    disk_store_close(&store);
}
END_TEST

START_TEST(opening_to_read_refuses_it)
{
    struct engine_options options = store.options;
    make_store_with(kinds[_i], FORMAT_VERSION + 1);
    ck_assert_int_eq(file_posix_open_directory_read_only(directory.path, &options.fs, &error),
                     STATUS_OK);
    ck_assert_int_eq(engine_open(&options, &store.engine, &error), STATUS_NEWER_FORMAT);
    expect_words(error.text);
    fs_close(options.fs);
}
END_TEST

START_TEST(scdb_check_refuses_it)
{
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    char said[2000];
    make_store_with(kinds[_i % 2], FORMAT_VERSION + 1);
    int code = check_run(commands[_i / 2], directory.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_FAILED, "%s", said);
    expect_words(said);
}
END_TEST

/* The same of a version that is known is a leftover. */
START_TEST(one_of_a_known_version_is_removed)
{
    make_store_with(kinds[_i], FORMAT_VERSION);
    disk_store_open(&store, directory.path);
    ck_assert(!test_file_exists(&directory, name));
    disk_store_close(&store);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("newer_segment");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, opening_refuses_it, 0, 2);
    tcase_add_loop_test(tests, opening_to_read_refuses_it, 0, 2);
    tcase_add_loop_test(tests, scdb_check_refuses_it, 0, 8);
    tcase_add_loop_test(tests, one_of_a_known_version_is_removed, 0, 2);
    return test_run("newer_segment", tests);
}
