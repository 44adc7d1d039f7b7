/* fault_in_test.c - what was just written is read without page faults. */
#include "base/check.h"
#include "support/disk_store.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define KEYS       4096
#define VALUE_SIZE 2000

static struct test_directory directory;
static struct disk_store store;

static void set_up(void)
{
    test_directory_create(&directory);
    store.options = disk_store_options((uint64_t)64 << 20);
    disk_store_open(&store, directory.path);
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&directory);
}

static struct slice key_of(int number, char text[24])
{
    (void)snprintf(text, 24, "key:%d", number);
    return slice_of_string(text);
}

static void put_all(void)
{
    static const char bytes[VALUE_SIZE];
    char text[24];
    struct slice part = slice_make(bytes, sizeof(bytes));
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    for (int i = 0; i < KEYS; i++) {
        engine_lock(store.engine);
        engine_rest_begin_locked(store.engine);
        ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                           key_of(i, text), &value),
                         STATUS_OK);
        uint64_t position = engine_rest_end_locked(store.engine);
        engine_unlock(store.engine);
        ck_assert_int_eq(engine_write(store.engine, position), STATUS_OK);
    }
    engine_tick(store.engine); /* nothing is left in the tail */
}

static long read_all(void)
{
    char text[24];
    struct rusage before;
    struct rusage after;
    CHECK(getrusage(RUSAGE_SELF, &before) == 0);
    engine_lock(store.engine);
    for (int i = 0; i < KEYS; i++) {
        struct entry entry;
        ck_assert_int_eq(engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                            key_of(i, text), &entry),
                         STATUS_OK);
        ck_assert_int_eq(engine_verify_locked(store.engine, &entry, 0, SIZE_MAX), STATUS_OK);
    }
    engine_unlock(store.engine);
    CHECK(getrusage(RUSAGE_SELF, &after) == 0);
    return after.ru_minflt - before.ru_minflt;
}

static bool kernel_can(void)
{
#ifdef MADV_POPULATE_READ
    static char page[2 * FILE_PAGE_SIZE];
    uintptr_t start = ((uintptr_t)page + FILE_PAGE_SIZE - 1) / FILE_PAGE_SIZE * FILE_PAGE_SIZE;
    return madvise((void *)start, FILE_PAGE_SIZE, MADV_POPULATE_READ) == 0;
#else
    return false;
#endif
}

/* 8 MiB are 128 faults at best, as the kernel maps 64 KiB at once. */
START_TEST(what_was_written_is_read_without_page_faults)
{
    put_all();
    long faults = read_all();
    if (!kernel_can() || getenv("SCDB_SANITIZED") != NULL) {
        fprintf(stderr, "skipped: this kernel, or a sanitizer, has page faults of its own\n");
        return;
    }
    ck_assert_int_lt(faults, 40);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fault_in");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_written_is_read_without_page_faults);
    return test_run("fault_in", tests);
}
