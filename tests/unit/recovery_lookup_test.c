/*
 * recovery_lookup_test.c - a store that was killed with much in its log behind a checkpoint, opened
 * by two threads and by one: the same keys and the same space, also where old records are damaged.
 */
#include "base/log.h"
#include "support/disk_store.h"
#include "support/letter_keys.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>

#define KEYS           9000 /* two thirds are changed: more than a second thread is had for */
#define FLUSHED        500
#define FURTHER        130000 /* small ones, so that the checkpoint has a thread of its own */
#define VALUE_SIZE     700
#define DAMAGED_OFFSET 100000
#define DAMAGED_SIZE   5000

static struct test_directory original;
static struct test_directory copied;
static struct disk_store store;

static void open_at(struct disk_store *opened, const char *path, bool without_threads)
{
    opened->options = disk_store_options(SEGMENT_SIZE_MIN);
    opened->options.without_threads = without_threads;
    disk_store_open(opened, path);
}

/* --- keys --------------------------------------------------------------------------------- */

static void put(unsigned database, unsigned i, char letter)
{
    letter_keys_put_locked(store.engine, database, i, (struct letter_value){letter, VALUE_SIZE});
}

static void expect(struct engine *engine, unsigned i, char letter)
{
    letter_keys_expect_locked(engine, 0, i, (struct letter_value){letter, VALUE_SIZE});
}

static void expect_none(struct engine *engine, unsigned database, unsigned i)
{
    letter_keys_expect_none_locked(engine, database, i);
}

/* Behind the checkpoint a third of the keys is set again, a third deleted; as many are new. What
 * was set in the other database is flushed. */
static void fill(void)
{
    open_at(&store, original.path, true);
    for (unsigned i = 0; i < KEYS; i++) {
        put(0, i, 'a');
    }
    for (unsigned i = 0; i < FLUSHED; i++) {
        put(1, i, 'a');
    }
    for (unsigned i = 0; i < FURTHER; i++) {
        letter_keys_put_locked(store.engine, 0, 2 * KEYS + i, (struct letter_value){'a', 1});
    }
    disk_store_close(&store);
    open_at(&store, original.path, true);
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 3 == 0) {
            put(0, i, 'b');
        } else if (i % 3 == 1) {
            letter_keys_delete_locked(store.engine, 0, i);
            put(0, KEYS + i, 'n');
        }
    }
    for (unsigned i = 0; i < FLUSHED; i++) {
        put(1, i, 'b');
    }
    ck_assert_int_eq(engine_clear_locked(store.engine, 1), STATUS_OK);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
}

/* Old records of keys that nobody changed can be damaged, too: those are not read. */
static void expect_keys_locked(struct engine *engine, bool is_damaged)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 3 == 0) {
            expect(engine, i, 'b');
        } else if (i % 3 == 1) {
            expect_none(engine, 0, i);
        } else if (!is_damaged) {
            expect(engine, i, 'a');
        }
        if (i % 3 == 1) {
            expect(engine, KEYS + i, 'n');
        } else {
            expect_none(engine, 0, KEYS + i);
        }
    }
    for (unsigned i = 0; i < FLUSHED; i++) {
        expect_none(engine, 1, i);
    }
}

/* --- tests -------------------------------------------------------------------------------- */

static void set_up(void)
{
    test_directory_create(&original);
    fill();
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&original);
}

/* Opens what kill -9 would leave behind. */
static struct engine_statistics open_copy(bool is_damaged, bool without_threads)
{
    static const char zeros[DAMAGED_SIZE];
    struct disk_store copy;
    test_directory_create(&copied);
    test_file_copy_all(&original, &copied);
    if (is_damaged) {
        test_file_write(&copied, "00000000000000000001.log", DAMAGED_OFFSET, zeros, sizeof(zeros));
    }
    open_at(&copy, copied.path, without_threads);
    engine_lock(copy.engine);
    expect_keys_locked(copy.engine, is_damaged);
    engine_unlock(copy.engine);
    if (!is_damaged) {
        disk_store_verify(&copy);
    }
    struct engine_statistics statistics = disk_store_statistics(&copy);
    disk_store_close(&copy);
    test_directory_destroy(&copied);
    return statistics;
}

/* _i: are old records damaged? */
START_TEST(two_threads_find_what_one_finds)
{
    bool is_damaged = _i != 0;
    struct engine_statistics by_two = open_copy(is_damaged, false);
    struct engine_statistics by_one = open_copy(is_damaged, true);
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
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, two_threads_find_what_one_finds, 0, 2);
    return test_run("recovery_lookup", tests);
}
