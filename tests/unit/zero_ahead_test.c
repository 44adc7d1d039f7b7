/* zero_ahead_test.c - when zeros are written in front of the log, and that they hit nothing. */
#include "engine/engine.h"
#include "support/sim_disk.h"
#include "support/test_run.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define LARGE_SIZE 70000 /* goes to the file at once */

static struct sim_disk *disk;
static struct file_system *fs;
static struct engine *engine;

static void set_up(void)
{
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
    struct error error = {""};
    struct engine_options options = {.fs = fs,
                                     .database_count = 1,
                                     .segment_size = 1 << 20,
                                     .sync_policy = SYNC_ALWAYS,
                                     .without_threads = true,
                                     .random_seed = 1};
    enum status status = engine_open(&options, &engine, &error);
    ck_assert_msg(status == STATUS_OK, "%s", error.text);
}

static enum status closing; /* what it is to say in the end */

static void tear_down(void)
{
    ck_assert_int_eq(engine_close(engine), closing);
    fs_close(fs);
    sim_disk_destroy(disk);
}

static uint64_t put(const char *key, size_t size)
{
    char *bytes = calloc(1, size);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = 'v';
    }
    struct slice part = slice_make(bytes, size);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    ck_assert_int_eq(
        engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &value),
        STATUS_OK);
    uint64_t position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    free(bytes);
    return position;
}

/* Puts a value and makes it durable, as a server does for a client. */
static void put_durably(const char *key, size_t size)
{
    bool failed;
    uint64_t position = put(key, size);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert(!engine_may_reply(engine, position, &failed));
    engine_tick(engine);
    ck_assert(engine_may_reply(engine, position, &failed));
}

static uint64_t writes_for_a_put(void)
{
    uint64_t before = sim_disk_calls(disk, SIM_WRITE);
    put_durably("key", 10);
    return sim_disk_calls(disk, SIM_WRITE) - before;
}

START_TEST(few_syncs_write_many)
{
    uint64_t with_zeros = writes_for_a_put();
    for (unsigned i = 0; i < 100; i++) {
        ck_assert_uint_eq(writes_for_a_put(), with_zeros - 1);
    }
}
END_TEST

START_TEST(only_always_wants_them)
{
    engine_set_sync_policy(engine, SYNC_EVERYSEC);
    engine_tick(engine);
    (void)put("key", 10);
    uint64_t before = sim_disk_calls(disk, SIM_WRITE);
    engine_tick(engine);
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_WRITE) - before, 1); /* the record */
}
END_TEST

START_TEST(much_at_once_does_not_want_them)
{
    uint64_t before = sim_disk_calls(disk, SIM_WRITE);
    put_durably("key", 50000);
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_WRITE) - before, 1);
}
END_TEST

START_TEST(a_lack_of_room_does_no_harm)
{
    uint64_t position = put("a", 10);
    bool failed;
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert(!engine_may_reply(engine, position, &failed));
    sim_disk_fail(disk, SIM_WRITE, 1, 1, STATUS_DISK_FULL);
    engine_tick(engine);
    ck_assert(engine_may_reply(engine, position, &failed));
    put_durably("b", 10);
}
END_TEST

/* It is the log's file that can't be written, whatever the bytes were. */
START_TEST(an_error_of_the_disk_stops_writing)
{
    uint64_t position = put("a", 10);
    bool failed;
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert(!engine_may_reply(engine, position, &failed));
    sim_disk_fail(disk, SIM_WRITE, 1, 1, STATUS_IO);
    engine_tick(engine);
    ck_assert(!engine_may_reply(engine, position, &failed));
    ck_assert(failed);
    ck_assert_str_eq(engine_stop_words(engine),
                     "a write to the log failed, and the disk may have lost data");
    closing = STATUS_WRITES_STOPPED;
}
END_TEST

static pthread_t large_writer;
static bool large_writer_runs;

static void *put_large(void *unused)
{
    (void)unused;
    (void)put("large", LARGE_SIZE);
    return NULL;
}

/* Zeros are about to be written; somebody puts a large value, and has time to. */
static void put_large_meanwhile(void *context, enum sim_call call, const char *name)
{
    (void)context;
    (void)name;
    if (call == SIM_WRITE && !large_writer_runs) {
        large_writer_runs = true;
        ck_assert_int_eq(pthread_create(&large_writer, NULL, put_large, NULL), 0);
        (void)usleep(50000);
    }
}

START_TEST(a_large_value_waits_for_them)
{
    bool failed;
    uint64_t position = put("a", 10);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert(!engine_may_reply(engine, position, &failed));
    large_writer_runs = false;
    sim_disk_set_hook(disk, put_large_meanwhile, NULL);
    engine_tick(engine);
    ck_assert(large_writer_runs);
    ck_assert_int_eq(pthread_join(large_writer, NULL), 0);
    sim_disk_set_hook(disk, NULL, NULL);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);

    struct entry entry;
    engine_lock(engine);
    ck_assert_int_eq(engine_find_locked(engine, engine_database_locked(engine, 0),
                                        slice_of_string("large"), &entry),
                     STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
    engine_unlock(engine);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("zero_ahead");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, few_syncs_write_many);
    tcase_add_test(tests, only_always_wants_them);
    tcase_add_test(tests, much_at_once_does_not_want_them);
    tcase_add_test(tests, a_lack_of_room_does_no_harm);
    tcase_add_test(tests, an_error_of_the_disk_stops_writing);
    tcase_add_test(tests, a_large_value_waits_for_them);
    return test_run("zero_ahead", tests);
}
