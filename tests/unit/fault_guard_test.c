/* fault_guard_test.c - a page that can't be read becomes an answer, for engine and guard. */
#include "engine/fault_guard.h"

#include "base/log.h"
#include "engine/engine.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct test_directory directory;

static void set_up(void)
{
    test_directory_create(&directory);
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
}

static void cut(const char *name, off_t size)
{
    char path[TEST_DIRECTORY_PATH_SIZE + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", directory.path, name);
    ck_assert_int_eq(truncate(path, size), 0);
}

static void touch(void *context)
{
    volatile const char *byte = *(const char **)context;
    (void)*byte;
}

START_TEST(a_fault_becomes_false)
{
    char path[TEST_DIRECTORY_PATH_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/file", directory.path);
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(ftruncate(descriptor, 4096), 0);
    void *mapping = mmap(NULL, 65536, PROT_READ, MAP_SHARED, descriptor, 0);
    ck_assert(mapping != MAP_FAILED);
    const char *inside = mapping;
    const char *outside = inside + 8192;
    fault_guard_install();
    for (int i = 0; i < 3; i++) {
        ck_assert(fault_guard_run(touch, &inside));
        ck_assert(!fault_guard_run(touch, &outside));
    }
    ck_assert_int_eq(munmap(mapping, 65536), 0);
    ck_assert_int_eq(close(descriptor), 0);
}
END_TEST

/* The sanitizers take SIGBUS themselves. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
START_TEST(a_fault_outside_of_it_kills_as_ever)
{
    fault_guard_install();
    (void)raise(SIGBUS);
    (void)raise(SIGBUS); /* the first made way for the default */
}
END_TEST
#endif

/* A segment whose file is cut under the running engine stands for a disk that fails. */
START_TEST(an_unreadable_value_is_an_error_of_its_key_only)
{
    struct file_system *fs;
    struct engine *engine;
    struct error error = {""};
    ck_assert_int_eq(file_posix_open_directory(directory.path, &fs, &error), STATUS_OK);
    struct engine_options options = {.fs = fs,
                                     .database_count = 1,
                                     .segment_size = 1 << 20,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = true};
    ck_assert_int_eq(engine_open(&options, &engine, &error), STATUS_OK);
    engine_lock(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    char *bytes = calloc(1, 100000);
    ck_assert_ptr_nonnull(bytes);
    struct slice part = slice_make(bytes, 100000);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    struct slice large = SLICE_LITERAL("large");
    struct slice small = SLICE_LITERAL("small");
    ck_assert_int_eq(engine_put_locked(engine, keyspace, large, &value), STATUS_OK);
    part.size = 10;
    ck_assert_int_eq(engine_put_locked(engine, keyspace, small, &value), STATUS_OK);
    cut("00000000000000000001.log", 4096);
    struct entry entry;
    ck_assert_int_eq(engine_find_locked(engine, keyspace, large, &entry), STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_IO);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, small, &entry), STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
    cut("00000000000000000001.log", 0);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, large, &entry), STATUS_IO);
    /* It can be deleted and overwritten all the same. */
    ck_assert_int_eq(engine_delete_locked(engine, keyspace, large), STATUS_OK);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, large, &entry), STATUS_NOT_FOUND);
    ck_assert_int_eq(engine_put_locked(engine, keyspace, large, &value), STATUS_OK);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, large, &entry), STATUS_OK);
    struct engine_statistics statistics;
    engine_statistics_locked(engine, &statistics);
    ck_assert_uint_eq(statistics.corrupt_records, 1); /* one record, however often it is met */
    engine_unlock(engine);
    enum status status = engine_close(engine);
    ck_assert(status == STATUS_OK || status == STATUS_IO);
    fs_close(fs);
    free(bytes);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("fault guard");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_fault_becomes_false);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_test_raise_signal(tests, a_fault_outside_of_it_kills_as_ever, SIGBUS);
#endif
    tcase_add_test(tests, an_unreadable_value_is_an_error_of_its_key_only);
    return test_run("fault guard", tests);
}
