/*
 * recovery_end_test.c - opening a store with a torn end, on a disk that is full.
 *
 * The process dies, and the last record that it wrote is damaged: none of it was durable. Then the
 * disk has no room but what each test leaves.
 */
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/log_stock.h"
#include "engine/recovery_room.h"
#include "engine/reserve.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_SIZE ((uint64_t)4 << 20)
#define VALUE_SIZE   30000
#define STEP         1024

static struct sim_store store;
static char torn_name[FILE_NAME_SIZE_MAX]; /* of the segment with the torn end */
static char cut_name[FILE_NAME_SIZE_MAX + 8];
static uint64_t torn_end; /* where its last record ends */

static void put(const char *key)
{
    static char bytes[VALUE_SIZE];
    memset(bytes, 'x', sizeof(bytes));
    ck_assert_int_eq(sim_store_put(&store, key, slice_make(bytes, sizeof(bytes)), EXPIRY_NONE),
                     STATUS_OK);
}

static uint64_t size_of(const char *name)
{
    struct file *file;
    uint64_t size;
    ck_assert_int_eq(fs_open(store.fs, name, FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    file_close(file);
    return size;
}

/* The store dies with the key "torn" torn, and the disk has no room for anything more. */
static void set_up(void)
{
    struct engine_options options = sim_store_options(SEGMENT_SIZE);
    sim_store_begin(&store, &options);
    put("durable");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_tick(store.engine); /* sets the reserve aside */
    put("torn");
    torn_end = store.engine->appender.active->end;
    segment_file_name(SEGMENT_LOG, store.engine->appender.active->number, torn_name);
    (void)snprintf(cut_name, sizeof(cut_name), "%s.cut", torn_name);
    sim_store_die(&store, SIM_KILL);
    ck_assert_int_eq(sim_disk_flip(store.disk, torn_name, torn_end - 100, 1), STATUS_OK);
    ck_assert_uint_gt(size_of(torn_name), torn_end);
    ck_assert_uint_gt(size_of(RESERVE_NAME), VALUE_SIZE);
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
}

static void tear_down(void)
{
    sim_disk_set_capacity(store.disk, 0);
    sim_store_end(&store);
}

/* --- what is left of the room --------------------------------------------------------------- */

static void lose_reserve(void)
{
    ck_assert_int_eq(fs_remove(store.fs, RESERVE_NAME), STATUS_OK);
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
}

/* As where a file system can't reserve, or a power cut has taken what it had. */
static void lose_zeros(void)
{
    struct file *file;
    ck_assert_int_eq(fs_open(store.fs, torn_name, FILE_MODE_WRITE, &file), STATUS_OK);
    ck_assert_int_eq(file_truncate(file, torn_end), STATUS_OK);
    file_close(file);
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
}

static void expect_opened(void)
{
    sim_store_open(&store);
    sim_store_verify(&store);
    ck_assert_int_eq(sim_store_find(&store, "durable"), STATUS_OK);
    ck_assert_int_eq(sim_store_find(&store, "torn"), STATUS_NOT_FOUND);
    uint64_t size = size_of(cut_name);
    ck_assert_uint_ge(size, VALUE_SIZE);
    ck_assert_uint_le(size, VALUE_SIZE + 200);
}

static enum status try_open(struct error *error)
{
    enum status status = engine_open(&store.options, &store.engine, error);
    if (status != STATUS_OK) {
        store.engine = NULL;
    }
    return status;
}

/* What a compaction was making when the process died, say. */
static void leave_file(const char *name)
{
    static char bytes[200000];
    struct file *file;
    struct slice part = slice_make(bytes, sizeof(bytes));
    sim_disk_set_capacity(store.disk, 0);
    ck_assert_int_eq(fs_open(store.fs, name, FILE_MODE_CREATE, &file), STATUS_OK);
    ck_assert_int_eq(file_write(file, 0, &part, 1), STATUS_OK);
    file_close(file);
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
}

/* --- tests ---------------------------------------------------------------------------------- */

START_TEST(the_reserve_has_the_room)
{
    expect_opened();
}
END_TEST

START_TEST(only_the_reserve_has_the_room)
{
    lose_zeros();
    expect_opened();
    ck_assert_int_eq(sim_store_delete(&store, "durable"), STATUS_OK);
}
END_TEST

START_TEST(the_zeros_behind_a_torn_end_are_room)
{
    lose_reserve();
    expect_opened();
    ck_assert_int_eq(sim_store_delete(&store, "durable"), STATUS_OK);
}
END_TEST

/* Nothing is half done, however often it is tried. */
START_TEST(without_any_room_the_store_is_refused)
{
    lose_reserve();
    lose_zeros();
    uint64_t used = sim_disk_used_bytes(store.disk);
    for (int i = 0; i < 3; i++) {
        struct error error;
        ck_assert_int_eq(try_open(&error), STATUS_DISK_FULL);
        ck_assert_msg(strstr(error.text, "30 KiB for setting aside what follows its end") != NULL,
                      "%s", error.text);
        ck_assert_msg(strstr(error.text, "'read-only yes'") != NULL, "%s", error.text);
        ck_assert(!sim_store_has_file(&store, cut_name));
        ck_assert_uint_eq(sim_disk_used_bytes(store.disk), used);
        ck_assert_uint_eq(size_of(torn_name), torn_end);
    }
    sim_disk_set_capacity(store.disk, 0);
    expect_opened();
}
END_TEST

/* What the refusal says is enough. */
START_TEST(the_room_that_is_asked_for_is_enough)
{
    struct error error;
    unsigned long long log = 0;
    unsigned long long rest = 0;
    lose_reserve();
    lose_zeros();
    uint64_t used = sim_disk_used_bytes(store.disk);
    ck_assert_int_eq(try_open(&error), STATUS_DISK_FULL);
    const char *asked = strstr(error.text, "a start needs ");
    ck_assert_ptr_nonnull(asked);
    ck_assert_int_eq(
        sscanf(asked, "a start needs %llu KiB of room for the log, and %llu KiB", &log, &rest), 2);
    sim_disk_set_capacity(store.disk, used + (uint64_t)(log + rest) * 1024);
    expect_opened();
}
END_TEST

/* Whatever room there is: the store opens, or nothing is left of the attempt; then again, with all
 * the room it wants. */
START_TEST(with_any_room_it_is_all_or_nothing)
{
    lose_reserve();
    lose_zeros();
    uint64_t used = sim_disk_used_bytes(store.disk);
    sim_disk_set_capacity(store.disk, used + (uint64_t)_i * STEP);
    struct error error;
    enum status status = try_open(&error);
    if (status == STATUS_OK) {
        sim_store_kill_and_open(&store);
        sim_store_close(&store);
    } else {
        ck_assert_int_eq(status, STATUS_DISK_FULL);
        ck_assert(!sim_store_has_file(&store, cut_name) || size_of(cut_name) >= VALUE_SIZE);
        ck_assert_uint_le(sim_disk_used_bytes(store.disk), used);
    }
    sim_disk_set_capacity(store.disk, 0);
    expect_opened();
}
END_TEST

/* A session that has written nothing leaves its first segment, which the next one does without. */
START_TEST(what_was_made_ready_is_room)
{
    lose_reserve();
    sim_disk_set_capacity(store.disk, 0);
    sim_store_open(&store);
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
    for (int i = 0; i < 5; i++) {
        sim_store_die(&store, SIM_KILL);
        expect_opened();
    }
    ck_assert_int_eq(sim_store_delete(&store, "durable"), STATUS_OK);
}
END_TEST

/* The session before was killed in a compaction, which had taken the reserve. */
START_TEST(what_a_compaction_was_making_is_room)
{
    lose_reserve();
    lose_zeros();
    leave_file("00000000000000000099.pack");
    expect_opened();
    ck_assert(!sim_store_has_file(&store, "00000000000000000099.pack"));
    ck_assert(sim_store_has_file(&store, "00000000000000000100.log")); /* the number is used up */
    ck_assert_int_eq(sim_store_delete(&store, "durable"), STATUS_OK);
}
END_TEST

/* An older manifest may list it, and be on the disk. */
START_TEST(what_a_manifest_may_list_is_no_room)
{
    sim_disk_set_capacity(store.disk, 0);
    sim_store_open(&store);
    lose_reserve();
    leave_file("00000000000000000049.log");
    leave_file("00000000000000000050.log");
    const struct recovery_files files = {.next_number = 50};
    ck_assert(recovery_room_make(store.engine, &files));
    ck_assert_uint_eq(size_of("00000000000000000049.log"), 200000);
    ck_assert_uint_eq(size_of("00000000000000000050.log"), 0);
    ck_assert(!recovery_room_make(store.engine, &files));
}
END_TEST

/* A backup that was made when a newer manifest listed it has it by another name. */
START_TEST(what_has_another_name_is_no_room)
{
    static const char name[] = "00000000000000000050.pack";
    sim_disk_set_capacity(store.disk, 0);
    sim_store_open(&store);
    lose_reserve();
    leave_file(name);
    struct file_system *backup = sim_disk_mount_directory(store.disk, "backup");
    ck_assert_int_eq(fs_link(store.fs, name, backup), STATUS_OK);
    const struct recovery_files files = {.next_number = 50};
    ck_assert(!recovery_room_make(store.engine, &files));
    ck_assert_uint_eq(size_of(name), 200000);
    ck_assert_int_eq(fs_remove(backup, name), STATUS_OK);
    ck_assert(recovery_room_make(store.engine, &files));
    ck_assert_uint_eq(size_of(name), 0);
    fs_close(backup);
}
END_TEST

/* The first segment begins with more than it needs, and must leave the manifest its room. */
START_TEST(the_manifest_has_room_beside_the_first_segment)
{
    sim_disk_set_capacity(store.disk, 0);
    sim_store_open(&store);
    uint64_t first_size = size_of("00000000000000000002.log");
    ck_assert_uint_eq(first_size, SEGMENT_SIZE / LOG_STOCK_PART);
    sim_store_die(&store, SIM_KILL);
    lose_reserve();
    expect_opened();
    ck_assert_uint_lt(size_of("00000000000000000004.log"), first_size);
}
END_TEST

/* Bytes that are written once more may need room, where a file system never writes in place. */
START_TEST(writing_again_takes_from_the_reserve)
{
    sim_disk_fail(store.disk, SIM_WRITE, 1, 1, STATUS_DISK_FULL);
    sim_disk_set_capacity(store.disk, 0);
    expect_opened();
    ck_assert_uint_eq(store.engine->reserve.size, 0); /* until the next tick */
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("recovery_end");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_reserve_has_the_room);
    tcase_add_test(tests, only_the_reserve_has_the_room);
    tcase_add_test(tests, the_zeros_behind_a_torn_end_are_room);
    tcase_add_test(tests, without_any_room_the_store_is_refused);
    tcase_add_test(tests, the_room_that_is_asked_for_is_enough);
    tcase_add_loop_test(tests, with_any_room_it_is_all_or_nothing, 0, 180);
    tcase_add_test(tests, what_was_made_ready_is_room);
    tcase_add_test(tests, what_a_compaction_was_making_is_room);
    tcase_add_test(tests, what_a_manifest_may_list_is_no_room);
    tcase_add_test(tests, what_has_another_name_is_no_room);
    tcase_add_test(tests, the_manifest_has_room_beside_the_first_segment);
    tcase_add_test(tests, writing_again_takes_from_the_reserve);
    return test_run("recovery_end", tests);
}
