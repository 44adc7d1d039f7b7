/* fault_guard_test.c - a page that can't be read becomes an answer, for engine and guard. */
#include "engine/fault_guard.h"

#include "base/log.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
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

static void cut(uint64_t size)
{
    test_file_resize(&directory, "00000000000000000001.log", size);
}

static void touch(void *context)
{
    volatile const char *byte = *(const char **)context;
    (void)*byte;
}

START_TEST(a_fault_becomes_false)
{
    char path[TEST_FILE_PATH_SIZE];
    int descriptor =
        open(test_file_path(&directory, "file", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
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
    struct disk_store store = {.options = disk_store_options(1 << 20)};
    disk_store_open(&store, directory.path);
    struct engine *engine = store.engine;
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
    cut(4096);
    struct entry entry;
    ck_assert_int_eq(engine_find_locked(engine, keyspace, large, &entry), STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_IO);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, small, &entry), STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
    cut(0);
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
    fs_close(store.fs);
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
