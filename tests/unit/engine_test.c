/* engine_test.c - the engine on the real file system: what engine.h says, call by call. */
#include "engine/engine.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "support/disk_store.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_directory directory;
static struct disk_store store;
static struct engine *engine; /* the store's */
static int64_t clock_ms;

static int64_t test_clock(void *context)
{
    (void)context;
    return clock_ms;
}

static void open_store(void)
{
    disk_store_open(&store, directory.path);
    engine = store.engine;
}

static void set_up(void)
{
    clock_ms = 1000000;
    store.options = (struct engine_options){.database_count = 4,
                                            .segment_size = 65536,
                                            .sync_policy = SYNC_NO,
                                            .unix_ms = test_clock,
                                            .without_threads = true};
    test_directory_create(&directory);
    open_store();
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&directory);
}

static void reopen(void)
{
    disk_store_verify(&store);
    disk_store_close(&store);
    open_store();
    disk_store_verify(&store);
}

static enum status put_until(unsigned database, const char *key, struct slice value,
                             int64_t expiry_ms)
{
    struct engine_value v = {
        .parts = &value, .part_count = 1, .expiry_ms = expiry_ms, .type = 0, .encoding = 0};
    return engine_put_locked(engine, engine_database_locked(engine, database), slice_of_string(key),
                             &v);
}

static void put(unsigned database, const char *key, const char *value)
{
    ck_assert_int_eq(put_until(database, key, slice_of_string(value), EXPIRY_NONE), STATUS_OK);
}

/* The value of a key, or NULL; in a static buffer. */
static const char *get(unsigned database, const char *key)
{
    static char text[1024];
    struct entry entry;
    enum status status = engine_find_locked(engine, engine_database_locked(engine, database),
                                            slice_of_string(key), &entry);
    if (status == STATUS_NOT_FOUND) {
        return NULL;
    }
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
    ck_assert_uint_lt(entry.value.size, sizeof(text));
    memcpy(text, entry.value.data, entry.value.size);
    text[entry.value.size] = '\0';
    return text;
}

static enum status del(unsigned database, const char *key)
{
    return engine_delete_locked(engine, engine_database_locked(engine, database),
                                slice_of_string(key));
}

static uint64_t count(unsigned database)
{
    return engine_count_locked(engine, engine_database_locked(engine, database));
}

START_TEST(put_find_delete)
{
    engine_lock(engine);
    ck_assert_ptr_null(get(0, "a"));
    put(0, "a", "1");
    put(0, "b", "2");
    put(1, "a", "other");
    ck_assert_str_eq(get(0, "a"), "1");
    ck_assert_str_eq(get(1, "a"), "other");
    put(0, "a", "3");
    ck_assert_str_eq(get(0, "a"), "3");
    ck_assert_uint_eq(count(0), 2);
    ck_assert_int_eq(del(0, "a"), STATUS_OK);
    ck_assert_int_eq(del(0, "a"), STATUS_NOT_FOUND);
    ck_assert_ptr_null(get(0, "a"));
    ck_assert_uint_eq(count(0), 1);
    engine_unlock(engine);
    reopen();
    engine_lock(engine);
    ck_assert_ptr_null(get(0, "a"));
    ck_assert_str_eq(get(0, "b"), "2");
    ck_assert_str_eq(get(1, "a"), "other");
    engine_unlock(engine);
}
END_TEST

START_TEST(many_segments)
{
    char key[32];
    char value[512];
    memset(value, 'v', sizeof(value));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            (void)snprintf(key, sizeof(key), "key:%d", i);
            (void)snprintf(value, sizeof(value), "%d:%d:%0*d", round, i, i % 400 + 1, 7);
            engine_lock(engine);
            put(0, key, value);
            engine_unlock(engine);
            ck_assert_int_eq(engine_write(engine, UINT64_MAX), STATUS_OK);
            if (i % 100 == 0) {
                engine_tick(engine);
            }
        }
        reopen();
        engine_lock(engine);
        for (int i = 0; i < 1000; i++) {
            (void)snprintf(key, sizeof(key), "key:%d", i);
            (void)snprintf(value, sizeof(value), "%d:%d:%0*d", round, i, i % 400 + 1, 7);
            ck_assert_str_eq(get(0, key), value);
        }
        ck_assert_uint_eq(count(0), 1000);
        engine_unlock(engine);
    }
}
END_TEST

START_TEST(large_values)
{
    static const size_t sizes[] = {60000, 65000, 65536, 70000, 200000, 3000000, 131072};
    size_t n = sizeof(sizes) / sizeof(sizes[0]);
    char *bytes = malloc(3000000);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < 3000000; i++) {
        bytes[i] = (char)(i * 31 + i / 1000);
    }
    char key[16];
    engine_lock(engine);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(key, sizeof(key), "k%zu", i);
        put(0, "small", "x");
        ck_assert_int_eq(put_until(0, key, slice_make(bytes + i, sizes[i] - i), EXPIRY_NONE),
                         STATUS_OK);
    }
    engine_unlock(engine);
    for (int round = 0; round < 2; round++) {
        engine_lock(engine);
        for (size_t i = 0; i < n; i++) {
            struct entry entry;
            (void)snprintf(key, sizeof(key), "k%zu", i);
            ck_assert_int_eq(engine_find_locked(engine, engine_database_locked(engine, 0),
                                                slice_of_string(key), &entry),
                             STATUS_OK);
            ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
            ck_assert_uint_eq(entry.value.size, sizes[i] - i);
            ck_assert_mem_eq(entry.value.data, bytes + i, entry.value.size);
        }
        engine_unlock(engine);
        reopen();
    }
    free(bytes);
}
END_TEST

START_TEST(groups_of_all_kinds)
{
    char *large = calloc(1, 100000);
    ck_assert_ptr_nonnull(large);
    engine_lock(engine);
    engine_group_begin_locked(engine);
    engine_group_end_locked(engine); /* empty */
    engine_group_begin_locked(engine);
    put(0, "a", "1");
    engine_group_begin_locked(engine);
    put(0, "b", "2");
    engine_group_end_locked(engine);
    put(0, "c", "3");
    engine_group_end_locked(engine);
    engine_rest_begin_locked(engine);
    engine_group_begin_locked(engine);
    put(0, "d", "4");
    ck_assert_int_eq(put_until(0, "large", slice_make(large, 100000), EXPIRY_NONE), STATUS_OK);
    engine_group_end_locked(engine); /* ends with a value that went straight to the file */
    uint64_t position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    reopen();
    engine_lock(engine);
    ck_assert_uint_eq(count(0), 5);
    engine_unlock(engine);
    free(large);
}
END_TEST

START_TEST(clear_and_swap)
{
    engine_lock(engine);
    put(0, "a", "0");
    put(1, "a", "1");
    put(2, "a", "2");
    ck_assert_int_eq(engine_swap_locked(engine, 0, 2), STATUS_OK);
    ck_assert_str_eq(get(0, "a"), "2");
    ck_assert_str_eq(get(2, "a"), "0");
    ck_assert_int_eq(engine_clear_locked(engine, 1), STATUS_OK);
    ck_assert_ptr_null(get(1, "a"));
    put(1, "b", "new");
    engine_unlock(engine);
    reopen();
    engine_lock(engine);
    ck_assert_str_eq(get(0, "a"), "2");
    ck_assert_str_eq(get(2, "a"), "0");
    ck_assert_ptr_null(get(1, "a"));
    ck_assert_str_eq(get(1, "b"), "new");
    ck_assert_int_eq(engine_clear_all_locked(engine), STATUS_OK);
    ck_assert_uint_eq(count(0) + count(1) + count(2), 0);
    struct engine_statistics statistics;
    engine_statistics_locked(engine, &statistics);
    ck_assert_uint_eq(statistics.live_bytes, 0);
    put(3, "x", "y");
    engine_unlock(engine);
    reopen();
    engine_lock(engine);
    ck_assert_uint_eq(count(0) + count(1) + count(2), 0);
    ck_assert_str_eq(get(3, "x"), "y");
    engine_unlock(engine);
}
END_TEST

static unsigned expired_seen;

static void on_expired(void *context, unsigned database, struct slice key)
{
    (void)context;
    ck_assert_uint_eq(database, 0);
    ck_assert(key.size == 1);
    expired_seen++;
}

START_TEST(expiry)
{
    store.options.on_expired_locked = on_expired;
    reopen();
    expired_seen = 0;
    engine_lock(engine);
    ck_assert_int_eq(put_until(0, "a", slice_of_string("1"), clock_ms + 500), STATUS_OK);
    ck_assert_int_eq(put_until(0, "b", slice_of_string("2"), clock_ms + 1500), STATUS_OK);
    ck_assert_int_eq(put_until(0, "c", slice_of_string("3"), clock_ms + 90000), STATUS_OK);
    put(0, "d", "4");
    clock_ms += 499;
    ck_assert_str_eq(get(0, "a"), "1");
    clock_ms += 1;
    ck_assert_ptr_null(get(0, "a"));
    ck_assert_uint_eq(count(0), 3);
    ck_assert_uint_eq(expired_seen, 1);
    engine_unlock(engine);
    clock_ms += 2000;
    engine_tick(engine);
    ck_assert_uint_eq(expired_seen, 2);
    engine_lock(engine);
    ck_assert_uint_eq(count(0), 2);
    engine_unlock(engine);
    clock_ms -= 2400; /* the clock is set back: nothing comes back */
    reopen();
    engine_lock(engine);
    ck_assert_ptr_null(get(0, "a"));
    ck_assert_ptr_null(get(0, "b"));
    ck_assert_str_eq(get(0, "c"), "3");
    engine_unlock(engine);
    clock_ms += 100000; /* expires while the store is closed */
    reopen();
    engine_lock(engine);
    ck_assert_ptr_null(get(0, "c"));
    ck_assert_uint_eq(count(0), 1);
    engine_unlock(engine);
    engine_tick(engine);
    clock_ms -= 100000;
    reopen();
    engine_lock(engine);
    ck_assert_ptr_null(get(0, "c"));
    ck_assert_uint_eq(count(0), 1);
    engine_unlock(engine);
    store.options.on_expired_locked = NULL;
}
END_TEST

START_TEST(expiry_paused)
{
    engine_lock(engine);
    ck_assert_int_eq(put_until(0, "a", slice_of_string("1"), clock_ms + 500), STATUS_OK);
    ck_assert_int_eq(put_until(0, "b", slice_of_string("2"), clock_ms + 500), STATUS_OK);
    engine_pause_expiry_locked(engine, clock_monotonic_ms() + 3600000);
    engine_unlock(engine);
    clock_ms += 2000;
    engine_tick(engine);
    engine_lock(engine);
    ck_assert_ptr_null(get(0, "a"));
    struct entry entry;
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    ck_assert_int_eq(engine_random_locked(engine, keyspace, &entry), STATUS_NOT_FOUND);
    ck_assert_uint_eq(count(0), 2); /* nothing is removed */
    engine_pause_expiry_locked(engine, 0);
    ck_assert_ptr_null(get(0, "a"));
    ck_assert_uint_eq(count(0), 1);
    engine_unlock(engine);
    engine_tick(engine);
    engine_lock(engine);
    ck_assert_uint_eq(count(0), 0);
    engine_unlock(engine);
}
END_TEST

static void visit_count(void *context, const struct entry *entry)
{
    unsigned *seen = context;
    unsigned i = (unsigned)strtoul(entry->key.data + 1, NULL, 10);
    ck_assert_uint_lt(i, 300);
    seen[i]++;
}

START_TEST(scan_and_random)
{
    char key[16];
    unsigned seen[300] = {0};
    engine_lock(engine);
    struct entry entry;
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    ck_assert_int_eq(engine_random_locked(engine, keyspace, &entry), STATUS_NOT_FOUND);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        ck_assert_int_eq(
            put_until(0, key, slice_of_string("v"), i % 3 == 0 ? clock_ms + 10 : EXPIRY_NONE),
            STATUS_OK);
    }
    clock_ms += 10;
    struct entry_visitor visitor = {.visit = visit_count, .context = seen};
    uint64_t cursor = 0;
    do {
        engine_scan_locked(engine, keyspace, &cursor, 7, &visitor);
    } while (cursor != 0);
    for (unsigned i = 0; i < 300; i++) {
        ck_assert_uint_eq(seen[i], i % 3 == 0 ? 0 : 1);
    }
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(engine_random_locked(engine, keyspace, &entry), STATUS_OK);
        ck_assert_int_eq(entry.expiry_ms, EXPIRY_NONE);
    }
    engine_unlock(engine);
}
END_TEST

START_TEST(limits)
{
    engine_lock(engine);
    put(0, "a", "1");
    put(0, "b", "1");
    engine_set_max_keys_locked(engine, 2);
    ck_assert_int_eq(put_until(1, "c", slice_of_string("1"), EXPIRY_NONE), STATUS_KEY_LIMIT);
    put(0, "a", "2");
    ck_assert_int_eq(del(0, "b"), STATUS_OK);
    put(1, "c", "1");
    engine_set_max_keys_locked(engine, 0);
    engine_set_index_memory_limit_locked(engine, 1);
    enum status status = STATUS_OK;
    char key[16];
    for (int i = 0; i < 10000 && status == STATUS_OK; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        status = put_until(0, key, slice_of_string("v"), EXPIRY_NONE);
    }
    ck_assert_int_eq(status, STATUS_INDEX_FULL);
    ck_assert_ptr_null(get(0, key));
    put(0, "a", "3");
    engine_verify_all_locked(engine);
    engine_unlock(engine);
}
END_TEST

START_TEST(positions)
{
    bool failed;
    engine_set_sync_policy(engine, SYNC_ALWAYS);
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    ck_assert_ptr_null(get(0, "a"));
    ck_assert_uint_eq(engine_rest_end_locked(engine), 0);
    engine_rest_begin_locked(engine);
    put(0, "a", "1");
    uint64_t first = engine_rest_end_locked(engine);
    ck_assert_uint_gt(first, 0);
    put(0, "b", "1");
    engine_rest_begin_locked(engine);
    ck_assert_str_eq(get(0, "a"), "1");
    ck_assert_uint_eq(engine_rest_end_locked(engine), first);
    ck_assert_int_eq(del(0, "b"), STATUS_OK);
    engine_rest_begin_locked(engine);
    ck_assert_ptr_null(get(0, "nothing"));
    uint64_t second = engine_rest_end_locked(engine);
    ck_assert_uint_gt(second, first);
    engine_unlock(engine);
    ck_assert_int_eq(engine_write(engine, second), STATUS_OK);
    ck_assert(!engine_may_reply(engine, second, &failed));
    ck_assert(!failed);
    engine_tick(engine);
    ck_assert(engine_may_reply(engine, second, &failed));
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    ck_assert_str_eq(get(0, "a"), "1");
    ck_assert_uint_eq(engine_rest_end_locked(engine), 0);
    struct engine_statistics statistics;
    engine_statistics_locked(engine, &statistics);
    ck_assert_uint_eq(statistics.sync_count, 1);
    engine_unlock(engine);
    engine_tick(engine); /* the sync mark is no reason for another */
    engine_lock(engine);
    engine_statistics_locked(engine, &statistics);
    ck_assert_uint_eq(statistics.sync_count, 1);
    engine_unlock(engine);
}
END_TEST

START_TEST(second_opener_is_told)
{
    struct disk_store second = {.options = store.options};
    struct error error;
    ck_assert_int_eq(disk_store_try_open(&second, directory.path, &error), STATUS_LOCKED);
    ck_assert_ptr_nonnull(strstr(error.text, "pid"));
}
END_TEST

int main(void)
{
    log_set_level(LOG_WARNING_LEVEL);
    TCase *tests = tcase_create("engine");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, put_find_delete);
    tcase_add_test(tests, many_segments);
    tcase_add_test(tests, large_values);
    tcase_add_test(tests, groups_of_all_kinds);
    tcase_add_test(tests, clear_and_swap);
    tcase_add_test(tests, expiry);
    tcase_add_test(tests, expiry_paused);
    tcase_add_test(tests, scan_and_random);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, positions);
    tcase_add_test(tests, second_opener_is_told);
    return test_run("engine", tests);
}
