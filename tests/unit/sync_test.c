/* sync_test.c - what the engine says of durability when the disk does not obey. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine_state.h"
#include "support/sim_disk.h"
#include "support/test_run.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct sim_disk *disk;
static struct file_system *fs;
static struct engine *engine;
static unsigned told;
static int64_t now_ms;

static void on_durable(void *context)
{
    (void)context;
    told++;
}

static int64_t clock_of_test(void *context)
{
    (void)context;
    return now_ms;
}

static uint64_t segment_size;

static void open_store(void)
{
    struct error error = {""};
    struct engine_options options = {.fs = fs,
                                     .database_count = 2,
                                     .segment_size = segment_size,
                                     .sync_policy = SYNC_ALWAYS,
                                     .without_threads = true,
                                     .random_seed = 1,
                                     .unix_ms = clock_of_test,
                                     .on_durable = on_durable};
    enum status status = engine_open(&options, &engine, &error);
    ck_assert_msg(status == STATUS_OK, "%s", error.text);
}

static void set_up(void)
{
    told = 0;
    now_ms = 1700000000000;
    segment_size = 16384;
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
    open_store();
}

static void tear_down(void)
{
    fs_close(fs);
    sim_disk_destroy(disk);
}

static struct engine_statistics look_at_all(void)
{
    struct engine_statistics statistics;
    engine_lock(engine);
    engine_statistics_locked(engine, &statistics);
    engine_unlock(engine);
    return statistics;
}

static enum status put_until(const char *key, size_t size, int64_t expiry_ms, uint64_t *position)
{
    char *bytes = calloc(1, size + 1);
    ck_assert_ptr_nonnull(bytes);
    struct slice part = slice_make(bytes, size);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    enum status status =
        engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &value);
    *position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    free(bytes);
    return status;
}

static enum status put(const char *key, size_t size, uint64_t *position)
{
    return put_until(key, size, EXPIRY_NONE, position);
}

/* What an answer about the key rests on; 0 = on nothing. */
static uint64_t look(const char *key, enum status expected)
{
    struct entry entry;
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    ck_assert_int_eq(
        engine_find_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &entry),
        expected);
    uint64_t position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    return position;
}

/* Under `always` who reads waits, too; else it does not, however late the syncs are. */
START_TEST(what_was_only_read_is_held_under_always_alone)
{
    uint64_t position;
    bool failed;
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert(!engine_may_show(engine, position, &failed));
    engine_set_sync_policy(engine, SYNC_EVERYSEC);
    atomic_store(&engine->appender.unsynced_since_ms, clock_monotonic_ms() - 60000);
    ck_assert(!engine_may_reply(engine, position, &failed));
    ck_assert(engine_may_show(engine, position, &failed));
    ck_assert(!failed);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(a_failed_sync_stops_writing_for_good)
{
    uint64_t first;
    uint64_t second;
    bool failed;
    ck_assert_int_eq(put("a", 10, &first), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, first), STATUS_OK);
    ck_assert(!engine_may_reply(engine, first, &failed));
    engine_tick(engine);
    ck_assert(engine_may_reply(engine, first, &failed));
    ck_assert_uint_gt(told, 0);

    ck_assert_int_eq(put("b", 10, &second), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, second), STATUS_OK);
    ck_assert(!engine_may_reply(engine, second, &failed));
    ck_assert(!failed);
    sim_disk_fail(disk, SIM_SYNC, 1, 1, STATUS_IO);
    told = 0;
    engine_tick(engine);
    ck_assert_uint_gt(told, 0);
    ck_assert(!engine_may_reply(engine, second, &failed));
    ck_assert(failed);
    /* The next sync would succeed, and is not believed. */
    ck_assert_int_eq(engine_sync(engine), STATUS_WRITES_STOPPED);
    ck_assert_int_eq(put("c", 10, &second), STATUS_WRITES_STOPPED);
    ck_assert_uint_eq(look("a", STATUS_OK), 0);
    ck_assert_uint_gt(look("b", STATUS_OK), first); /* an answer that will not leave */
    ck_assert(look_at_all().writes_stopped);
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
}
END_TEST

/* Who writes waits for a late sync, and in vain when that fails; who reads is shown what there is.
 */
START_TEST(what_a_late_sync_has_not_saved_is_not_acknowledged)
{
    uint64_t position;
    bool failed;
    engine_set_sync_policy(engine, SYNC_EVERYSEC);
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert(engine_may_reply(engine, position, &failed));
    atomic_store(&engine->appender.unsynced_since_ms, clock_monotonic_ms() - SYNC_STALL_MS - 1);
    ck_assert(!engine_may_reply(engine, position, &failed));
    ck_assert(!failed);

    sim_disk_fail(disk, SIM_SYNC, 1, 1, STATUS_IO);
    ck_assert_int_eq(engine_sync(engine), STATUS_WRITES_STOPPED);
    ck_assert(!engine_may_reply(engine, position, &failed));
    ck_assert(failed);
    ck_assert(engine_may_show(engine, position, &failed));
    ck_assert(!failed);
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
}
END_TEST

/* As with `everysec` on the whole: what was written last may be lost, and was acknowledged. */
START_TEST(what_waits_for_no_sync_is_acknowledged_though_one_fails)
{
    uint64_t position;
    bool failed;
    engine_set_sync_policy(engine, SYNC_EVERYSEC);
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    sim_disk_fail(disk, SIM_SYNC, 1, 1, STATUS_IO);
    ck_assert_int_eq(engine_sync(engine), STATUS_WRITES_STOPPED);
    ck_assert(engine_may_reply(engine, position, &failed));
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
}
END_TEST

/* Else the value before it, which a crash would bring back, were told to be gone. */
START_TEST(that_a_key_has_expired_rests_on_the_record_that_did)
{
    uint64_t first;
    uint64_t second;
    ck_assert_int_eq(put("a", 10, &first), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_int_eq(put_until("a", 10, now_ms + 100, &second), STATUS_OK);
    now_ms += 101;
    for (int i = 0; i < 2; i++) { /* it is dropped by the first, and then it is not there */
        ck_assert_uint_ge(look("a", STATUS_NOT_FOUND), second);
    }
    ck_assert_uint_ge(look("b", STATUS_NOT_FOUND), second);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

/* Else a key of another database, which a crash would put back there, were shown in this one. */
START_TEST(what_a_database_shows_rests_on_the_swap_that_brought_it)
{
    uint64_t first;
    ck_assert_int_eq(put("a", 10, &first), STATUS_OK);
    engine_lock(engine);
    ck_assert_int_eq(engine_swap_locked(engine, 0, 1), STATUS_OK);
    ck_assert_int_eq(engine_swap_locked(engine, 0, 1), STATUS_OK);
    engine_unlock(engine);
    ck_assert_uint_gt(look("a", STATUS_OK), first);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_uint_eq(look("a", STATUS_OK), 0);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

static const char *key_number(unsigned i)
{
    static char key[16];
    (void)snprintf(key, sizeof(key), "k%u", i);
    return key;
}

/* Rule 9: what the next process finds in the page cache may never have come to the disk, and a
 * sync alone does not bring it there. */
START_TEST(what_a_failed_sync_lost_is_written_again)
{
    uint64_t position = 0;
    for (unsigned i = 0; i < 30; i++) {
        ck_assert_int_eq(put(key_number(i), 300, &position), STATUS_OK);
    }
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    sim_disk_fail(disk, SIM_SYNC, 1, 1, STATUS_IO);
    ck_assert_int_eq(engine_sync(engine), STATUS_WRITES_STOPPED);
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
    open_store();
    for (unsigned i = 0; i < 30; i++) {
        (void)look(key_number(i), STATUS_OK);
    }
    sim_disk_crash_now(disk);
    enum status status = engine_close(engine);
    (void)status; /* it may have had nothing left to do */
    sim_disk_restart_losing(disk, SIM_LOSS_ALL, SIM_LOSS_ALL);
    open_store();
    for (unsigned i = 0; i < 30; i++) {
        (void)look(key_number(i), STATUS_OK);
    }
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

static void forget(const char *key)
{
    engine_lock(engine);
    ck_assert_int_eq(
        engine_delete_locked(engine, engine_database_locked(engine, 0), slice_of_string(key)),
        STATUS_OK);
    engine_unlock(engine);
}

START_TEST(changes_count_until_a_sync_covers_them)
{
    uint64_t position;
    ck_assert_uint_eq(look_at_all().unsaved_changes, 0);
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(put("b", 10, &position), STATUS_OK);
    ck_assert_int_eq(put("b", 20, &position), STATUS_OK);
    forget("a");
    ck_assert_uint_eq(look_at_all().unsaved_changes, 4);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert_uint_eq(look_at_all().unsaved_changes, 4);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_uint_eq(look_at_all().unsaved_changes, 0);
    ck_assert_int_eq(put("c", 10, &position), STATUS_OK);
    ck_assert_uint_eq(look_at_all().unsaved_changes, 1);
    engine_lock(engine);
    ck_assert_int_eq(engine_clear_locked(engine, 0), STATUS_OK); /* b and c */
    engine_unlock(engine);
    ck_assert_uint_eq(look_at_all().unsaved_changes, 3);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(an_expiry_mark_is_no_change)
{
    uint64_t position;
    ck_assert_int_eq(put_until("short", 10, now_ms + 1000, &position), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    now_ms += 5000;
    engine_tick(engine);
    struct engine_statistics statistics = look_at_all();
    ck_assert_uint_eq(statistics.expired_keys, 1);
    ck_assert_uint_gt(statistics.payload_position, statistics.durable_position);
    ck_assert_uint_eq(statistics.unsaved_changes, 0);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

/* What the mark covers must not pass for a torn end after a kill, if nothing was written since. */
START_TEST(a_sync_mark_does_not_wait_for_the_next_write)
{
    uint64_t position;
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    engine_tick(engine);
    struct engine_statistics statistics = look_at_all();
    ck_assert_uint_eq(statistics.durable_position, position);
    ck_assert_uint_gt(statistics.appended_position, position);
    ck_assert_uint_eq(statistics.written_position, statistics.appended_position);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

/* The disk has reported an error: nobody knows what the file's pages hold, so what would follow
 * could stand behind a hole. */
START_TEST(an_error_of_a_write_stops_writing_for_good)
{
    uint64_t first;
    uint64_t second;
    bool failed;
    ck_assert_int_eq(put("a", 10, &first), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_int_eq(put("b", 10, &second), STATUS_OK);
    sim_disk_fail(disk, SIM_WRITE, 1, 1, STATUS_IO);
    told = 0;
    ck_assert_int_eq(engine_write(engine, second), STATUS_WRITES_STOPPED);
    ck_assert_str_eq(engine_stop_words(engine),
                     "a write to the log failed, and the disk may have lost data");
    /* The next write would succeed, and is not made. */
    uint64_t writes = sim_disk_calls(disk, SIM_WRITE);
    ck_assert_int_eq(engine_write(engine, second), STATUS_WRITES_STOPPED);
    engine_tick(engine);
    ck_assert_int_eq(engine_sync(engine), STATUS_WRITES_STOPPED);
    ck_assert_uint_gt(told, 0); /* who waits learns that it is in vain */
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_WRITE), writes);
    ck_assert(!engine_may_reply(engine, second, &failed));
    ck_assert(failed);
    ck_assert_int_eq(put("c", 10, &second), STATUS_WRITES_STOPPED);
    ck_assert_int_eq(put("large", 100000, &second), STATUS_WRITES_STOPPED);
    ck_assert_uint_eq(look("a", STATUS_OK), 0);
    ck_assert_uint_gt(look("b", STATUS_OK), first); /* an answer that will not leave */
    (void)look("c", STATUS_NOT_FOUND);
    ck_assert(look_at_all().writes_stopped);
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
    open_store();
    (void)look("a", STATUS_OK);
    (void)look("b", STATUS_NOT_FOUND);
    ck_assert_int_eq(put("d", 10, &first), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(an_error_of_a_large_write_stops_writing_for_good)
{
    uint64_t position;
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    sim_disk_fail(disk, SIM_WRITE, 2, 1, STATUS_IO); /* the first is the manifest's */
    ck_assert_int_eq(put("large", 100000, &position), STATUS_WRITES_STOPPED);
    ck_assert_int_eq(put("b", 10, &position), STATUS_WRITES_STOPPED);
    (void)look("a", STATUS_OK);
    (void)look("large", STATUS_NOT_FOUND);
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
}
END_TEST

/* Of all names that were made since the last sync nobody knows whether they last; among them may
 * be that of the segment that is written to, made by another thread. */
START_TEST(a_failed_sync_of_the_directory_stops_writing_for_good)
{
    uint64_t position = 0;
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    /* The one before the manifest lists the segment, or the one behind it: then it may be listed.
     */
    uint64_t which = (uint64_t)_i + 1;
    sim_disk_fail(disk, SIM_SYNC_DIRECTORY, which, 1, STATUS_IO);
    uint64_t syncs = sim_disk_calls(disk, SIM_SYNC_DIRECTORY) + which;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < 1000 && sim_disk_calls(disk, SIM_SYNC_DIRECTORY) < syncs; i++) {
        status = put("b", 3000, &position); /* until the next segment is wanted */
        engine_tick(engine);
    }
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_SYNC_DIRECTORY), syncs);
    (void)status;
    ck_assert_int_eq(engine_sync(engine), STATUS_WRITES_STOPPED);
    ck_assert_str_eq(engine_stop_words(engine),
                     "a sync of the store's directory failed, and the disk may have lost data");
    ck_assert_int_eq(put("c", 10, &position), STATUS_WRITES_STOPPED);
    (void)look("a", STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
    open_store();
    (void)look("a", STATUS_OK);
    ck_assert_int_eq(put("d", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(a_write_that_finds_no_room_is_tried_again)
{
    uint64_t position;
    uint64_t later;
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    sim_disk_fail(disk, SIM_WRITE, 1, 2, STATUS_DISK_FULL);
    ck_assert_int_eq(engine_write(engine, position), STATUS_DISK_FULL);
    ck_assert_int_eq(put("b", 10, &later), STATUS_OK); /* a little may wait */
    ck_assert_int_eq(engine_write(engine, later), STATUS_DISK_FULL);
    ck_assert_int_eq(engine_write(engine, later), STATUS_OK);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    sim_disk_crash_now(disk);
    sim_disk_restart(disk, SIM_POWER_CUT);
    open_store();
    (void)look("a", STATUS_OK);
    (void)look("b", STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

/* Somebody waits for what was written before the disk was full. */
START_TEST(what_was_written_becomes_durable_though_the_rest_finds_no_room)
{
    uint64_t first;
    uint64_t second;
    bool failed;
    ck_assert_int_eq(put("a", 10, &first), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, first), STATUS_OK);
    ck_assert(!engine_may_reply(engine, first, &failed));
    sim_disk_fail(disk, SIM_WRITE, 1, 1000, STATUS_DISK_FULL);
    ck_assert_int_eq(put("b", 10, &second), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, second), STATUS_DISK_FULL);
    told = 0;
    ck_assert_int_eq(engine_sync(engine), STATUS_DISK_FULL);
    ck_assert_uint_eq(told, 1);
    ck_assert(engine_may_reply(engine, first, &failed));
    ck_assert(!engine_may_reply(engine, second, &failed));
    ck_assert(!failed);

    uint64_t syncs = sim_disk_calls(disk, SIM_SYNC);
    ck_assert_int_eq(engine_sync(engine), STATUS_DISK_FULL); /* with nothing more to sync */
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_SYNC), syncs);

    sim_disk_fail(disk, SIM_WRITE, 0, 0, STATUS_IO);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    ck_assert(engine_may_reply(engine, second, &failed));
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(closing_saves_what_is_written_and_says_what_was_in_the_way)
{
    uint64_t position;
    ck_assert_int_eq(put("a", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    sim_disk_fail(disk, SIM_WRITE, 1, 1000, STATUS_DISK_FULL);
    ck_assert_int_eq(put("b", 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_DISK_FULL);
    sim_disk_crash_now(disk);
    sim_disk_restart_losing(disk, SIM_LOSS_ALL, SIM_LOSS_ALL);
    open_store();
    (void)look("a", STATUS_OK);
    (void)look("b", STATUS_NOT_FOUND);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(little_waits_while_the_disk_refuses)
{
    uint64_t position;
    sim_disk_fail(disk, SIM_WRITE, 1, 1000000, STATUS_DISK_FULL);
    enum status status = STATUS_OK;
    unsigned count = 0;
    char key[] = "key";
    while (status == STATUS_OK && count < 100000) {
        status = put(key, 5000, &position);
        count++;
        if (status == STATUS_OK) {
            ck_assert_int_eq(engine_write(engine, position), STATUS_DISK_FULL);
        }
    }
    ck_assert_int_eq(status, STATUS_DISK_FULL);
    ck_assert_uint_lt((uint64_t)count * 5000, (uint64_t)8 << 20);
    sim_disk_fail(disk, SIM_WRITE, 0, 0, STATUS_IO);
    engine_tick(engine); /* brings it down, and then all is well again */
    ck_assert_int_eq(put(key, 10, &position), STATUS_OK);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

START_TEST(a_full_disk_refuses_values_and_takes_deletions)
{
    uint64_t position;
    enum status status = STATUS_OK;
    char key[16];
    unsigned count = 0;
    sim_disk_set_capacity(disk, sim_disk_used_bytes(disk) + 40000);
    while (status == STATUS_OK && count < 1000) {
        (void)snprintf(key, sizeof(key), "key%u", count++);
        status = put(key, 700, &position);
    }
    ck_assert_int_eq(status, STATUS_DISK_FULL);
    ck_assert_uint_gt(count, 10);
    (void)look(key, STATUS_NOT_FOUND); /* refused, so it is not there */
    engine_lock(engine);
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(key, sizeof(key), "key%u", i);
        ck_assert_int_eq(
            engine_delete_locked(engine, engine_database_locked(engine, 0), slice_of_string(key)),
            STATUS_OK);
    }
    ck_assert_int_eq(engine_clear_all_locked(engine), STATUS_OK);
    engine_unlock(engine);
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    sim_disk_set_capacity(disk, 0);
    ck_assert_int_eq(put("again", 700, &position), STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    open_store();
    (void)look("key0", STATUS_NOT_FOUND);
    (void)look("again", STATUS_OK);
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("sync");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_only_read_is_held_under_always_alone);
    tcase_add_test(tests, a_failed_sync_stops_writing_for_good);
    tcase_add_test(tests, what_a_late_sync_has_not_saved_is_not_acknowledged);
    tcase_add_test(tests, what_waits_for_no_sync_is_acknowledged_though_one_fails);
    tcase_add_test(tests, that_a_key_has_expired_rests_on_the_record_that_did);
    tcase_add_test(tests, what_a_database_shows_rests_on_the_swap_that_brought_it);
    tcase_add_test(tests, what_a_failed_sync_lost_is_written_again);
    tcase_add_test(tests, changes_count_until_a_sync_covers_them);
    tcase_add_test(tests, an_expiry_mark_is_no_change);
    tcase_add_test(tests, a_sync_mark_does_not_wait_for_the_next_write);
    tcase_add_test(tests, an_error_of_a_write_stops_writing_for_good);
    tcase_add_test(tests, an_error_of_a_large_write_stops_writing_for_good);
    tcase_add_loop_test(tests, a_failed_sync_of_the_directory_stops_writing_for_good, 0, 2);
    tcase_add_test(tests, a_write_that_finds_no_room_is_tried_again);
    tcase_add_test(tests, what_was_written_becomes_durable_though_the_rest_finds_no_room);
    tcase_add_test(tests, closing_saves_what_is_written_and_says_what_was_in_the_way);
    tcase_add_test(tests, little_waits_while_the_disk_refuses);
    tcase_add_test(tests, a_full_disk_refuses_values_and_takes_deletions);
    return test_run("sync", tests);
}
