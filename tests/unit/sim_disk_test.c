/* sim_disk_test.c - that the simulated disk keeps its own rules (sim_disk.h numbers them). */
#include "support/sim_disk.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 60

static struct sim_disk *disk;
static struct file_system *fs;
static struct test_random random_;

static void set_up(void)
{
    test_random_init(&random_, test_seed("sim_disk_test"));
    disk = sim_disk_create(test_random_next(&random_));
    fs = sim_disk_mount(disk);
}

static void tear_down(void)
{
    fs_close(fs);
    sim_disk_destroy(disk);
}

static struct file *create(const char *name)
{
    struct file *file;
    ck_assert_int_eq(fs_open(fs, name, FILE_MODE_CREATE, &file), STATUS_OK);
    return file;
}

static bool exists(const char *name)
{
    struct file *file;
    enum status status = fs_open(fs, name, FILE_MODE_READ, &file);
    if (status == STATUS_OK) {
        file_close(file);
    }
    return status == STATUS_OK;
}

static enum status fill(struct file *file, uint64_t offset, size_t size, char byte)
{
    char *data = malloc(size);
    memset(data, byte, size);
    struct slice part = slice_make(data, size);
    enum status status = file_write(file, offset, &part, 1);
    free(data);
    return status;
}

/* The whole file, up to `capacity` bytes; returns its size. */
static size_t content(const char *name, char *into, size_t capacity)
{
    struct file *file;
    size_t size;
    ck_assert_int_eq(fs_open(fs, name, FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, into, capacity, &size), STATUS_OK);
    file_close(file);
    return size;
}

static void start_over(void)
{
    tear_down();
    disk = sim_disk_create(test_random_next(&random_));
    fs = sim_disk_mount(disk);
}

static void crash(enum sim_crash kind)
{
    sim_disk_crash_now(disk);
    sim_disk_restart(disk, kind);
}

START_TEST(behaves_like_a_disk)
{
    struct file *file = create("a");
    struct file *other;
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_CREATE, &other), STATUS_EXISTS);
    ck_assert_int_eq(fs_open(fs, "b", FILE_MODE_WRITE, &other), STATUS_NOT_FOUND);
    const uint8_t *bytes;
    ck_assert_int_eq(file_map(file, 1 << 20, &bytes), STATUS_OK);
    struct slice parts[] = {SLICE_LITERAL("one"), slice_make(NULL, 0), SLICE_LITERAL("two")};
    ck_assert_int_eq(file_write(file, 10, parts, 3), STATUS_OK);
    ck_assert_mem_eq(bytes, "\0\0\0\0\0\0\0\0\0\0onetwo", 16);
    ck_assert_int_eq(file_reserve(file, 9000), STATUS_OK);
    ck_assert_int_eq(file_reserve(file, 100), STATUS_OK);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 9000);
    ck_assert_int_eq(fill(file, 8990, 10, 'x'), STATUS_OK);
    ck_assert_uint_eq(bytes[8999], 'x');
    ck_assert_int_eq(file_truncate(file, 12), STATUS_OK);
    char back[20];
    ck_assert_uint_eq(content("a", back, 20), 12);
    ck_assert_int_eq(fs_rename(fs, "a", "b"), STATUS_OK);
    ck_assert_int_eq(fs_remove(fs, "a"), STATUS_NOT_FOUND);
    ck_assert_int_eq(fs_remove(fs, "b"), STATUS_OK);
    ck_assert_mem_eq(bytes + 10, "on", 2); /* no name, but open */
    file_unmap(file, bytes, 1 << 20);
    file_close(file);
    ck_assert_uint_eq(sim_disk_used_bytes(disk), 0);
    ck_assert_uint_eq(sim_disk_calls(disk, SIM_WRITE), 2);
}
END_TEST

START_TEST(the_lock_is_for_one)
{
    char holder[64];
    struct file_system *second = sim_disk_mount(disk);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    crash(SIM_KILL);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_OK);
    fs_close(second);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
}
END_TEST

START_TEST(what_was_synced_stays)
{
    static char back[20000];
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        size_t size = 1 + (size_t)test_random_below(&random_, 10000);
        struct file *file = create("a");
        ck_assert_int_eq(fill(file, 0, size, 'x'), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        ck_assert_int_eq(fill(file, size, 5000, 'y'), STATUS_OK);
        file_close(file);
        crash(SIM_POWER_CUT);
        size_t got = content("a", back, sizeof(back));
        ck_assert_uint_ge(got, size);
        bool is_right = true;
        for (size_t i = 0; i < got; i++) {
            /* Rule 1: what came later is there by sectors, or zero. */
            is_right &= i < size ? back[i] == 'x' : back[i] == 'y' || back[i] == 0;
            is_right &= i <= size || i % SIM_DISK_SECTOR_SIZE == 0 || back[i] == back[i - 1];
        }
        ck_assert(is_right);
    }
}
END_TEST

/* All the ways in which unsynced sectors can survive do occur. */
START_TEST(sectors_survive_independently)
{
    static char back[20000];
    int all = 0;
    int none = 0;
    int hole = 0;
    int old_length = 0;
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        struct file *file = create("a");
        ck_assert_int_eq(file_reserve(file, 4096), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        ck_assert_int_eq(fill(file, 0, 8192, 'x'), STATUS_OK);
        file_close(file);
        crash(SIM_POWER_CUT);
        size_t size = content("a", back, sizeof(back));
        ck_assert(size == 4096 || size == 8192);
        unsigned survivors = 0;
        bool before_a_lost_one = false;
        bool saw_lost = false;
        for (size_t i = 0; i < size; i += SIM_DISK_SECTOR_SIZE) {
            survivors += back[i] == 'x';
            before_a_lost_one |= saw_lost && back[i] == 'x';
            saw_lost |= back[i] != 'x';
        }
        all += survivors == 16;
        none += survivors == 0;
        hole += before_a_lost_one;
        old_length += size == 4096;
    }
    ck_assert_int_gt(all, 0);
    ck_assert_int_gt(none, 0);
    ck_assert_int_gt(hole, 0);
    ck_assert_int_gt(old_length, 0);
}
END_TEST

/* A sector written three times may be found in each of its versions. */
START_TEST(versions_in_between_survive)
{
    int seen[3] = {0};
    for (int round = 0; round < 10 * ROUNDS; round++) {
        start_over();
        struct file *file = create("a");
        ck_assert_int_eq(file_reserve(file, 512), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        for (char version = 0; version < 3; version++) {
            ck_assert_int_eq(fill(file, 0, 512, (char)('0' + version)), STATUS_OK);
        }
        file_close(file);
        crash(SIM_POWER_CUT);
        char back[512];
        ck_assert_uint_eq(content("a", back, 512), 512);
        if (back[0] != 0) {
            seen[back[0] - '0']++;
        }
    }
    ck_assert_int_gt(seen[0], 0);
    ck_assert_int_gt(seen[1], 0);
    ck_assert_int_gt(seen[2], 0);
}
END_TEST

START_TEST(a_kill_keeps_the_cache)
{
    static char back[5000];
    struct file *file = create("a");
    ck_assert_int_eq(fill(file, 0, 5000, 'x'), STATUS_OK);
    file_close(file);
    crash(SIM_KILL);
    ck_assert_uint_eq(content("a", back, sizeof(back)), 5000);
    ck_assert_int_eq(back[4999], 'x');
    /* ... and has made nothing durable. */
    int lost = 0;
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        file = create("a");
        file_close(file);
        crash(SIM_KILL);
        ck_assert(exists("a"));
        crash(SIM_POWER_CUT);
        lost += !exists("a");
    }
    ck_assert_int_gt(lost, 0);
    ck_assert_int_lt(lost, ROUNDS);
}
END_TEST

START_TEST(cut_bytes_do_not_come_back_in_a_longer_file)
{
    static char back[20000];
    int cut = 0;
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        struct file *file = create("a");
        ck_assert_int_eq(fill(file, 0, 6000, 'o'), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        ck_assert_int_eq(file_truncate(file, 1000), STATUS_OK);
        bool synced = test_random_one_in(&random_, 3);
        if (synced) {
            ck_assert_int_eq(file_sync(file), STATUS_OK);
        }
        ck_assert_int_eq(file_reserve(file, 8000), STATUS_OK);
        ck_assert_int_eq(fill(file, 7000, 10, 'n'), STATUS_OK);
        file_close(file);
        crash(SIM_POWER_CUT);
        size_t size = content("a", back, sizeof(back));
        if (size == 6000) {
            ck_assert(!synced);
            ck_assert_int_eq(back[5999], 'o'); /* nothing of the cut has happened */
        } else {
            cut++;
            ck_assert(size == 1000 || size == 8000);
            ck_assert_ptr_null(memchr(back + 1000, 'o', size - 1000));
        }
        ck_assert_int_eq(back[999], 'o');
    }
    ck_assert_int_gt(cut, 0);
    ck_assert_int_lt(cut, ROUNDS);
}
END_TEST

/* Renaming over the old file: before, after, never both or neither. */
START_TEST(renames_are_atomic)
{
    int before = 0;
    int after = 0;
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        struct file *file = create("m");
        ck_assert_int_eq(fill(file, 0, 1, 'o'), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        file_close(file);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        file = create("m.tmp");
        ck_assert_int_eq(fill(file, 0, 1, 'n'), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        file_close(file);
        ck_assert_int_eq(fs_rename(fs, "m.tmp", "m"), STATUS_OK);
        bool synced = test_random_one_in(&random_, 2);
        if (synced) {
            ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        }
        crash(SIM_POWER_CUT);
        char byte;
        ck_assert_uint_eq(content("m", &byte, 1), 1);
        ck_assert(byte == 'n' || (byte == 'o' && !synced));
        ck_assert(byte == 'o' || !exists("m.tmp"));
        before += byte == 'o';
        after += byte == 'n' && !synced;
    }
    ck_assert_int_gt(before, 0);
    ck_assert_int_gt(after, 0);
}
END_TEST

START_TEST(names_survive_independently)
{
    unsigned seen = 0;
    for (int round = 0; round < 3 * ROUNDS; round++) {
        start_over();
        file_close(create("old"));
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        file_close(create("a"));
        file_close(create("b"));
        ck_assert_int_eq(fs_remove(fs, "old"), STATUS_OK);
        crash(SIM_POWER_CUT);
        unsigned state =
            (exists("a") ? 1u : 0u) | (exists("b") ? 2u : 0u) | (exists("old") ? 4u : 0u);
        seen |= 1u << state;
    }
    ck_assert_uint_eq(seen, 0xff);
}
END_TEST

START_TEST(crashes_at_the_call_that_was_said)
{
    int written = 0;
    int torn = 0;
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        struct file *file = create("a");
        sim_disk_crash_after(disk, 2);
        ck_assert_int_eq(file_reserve(file, 100), STATUS_OK);
        ck_assert_int_eq(fill(file, 0, 100, 'x'), STATUS_IO);
        ck_assert(sim_disk_crashed(disk));
        uint64_t size;
        ck_assert_int_eq(file_size(file, &size), STATUS_IO);
        ck_assert_int_eq(file_sync(file), STATUS_IO);
        struct file *other;
        ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_READ, &other), STATUS_IO);
        file_close(file);
        const char *name;
        ck_assert_int_eq(sim_disk_crash_call(disk, &name), SIM_WRITE);
        ck_assert_str_eq(name, "a");
        sim_disk_restart(disk, SIM_KILL);
        char back[100];
        ck_assert_uint_eq(content("a", back, 100), 100);
        written += back[99] == 'x';
        torn += back[0] == 'x' && back[99] == 0;
    }
    ck_assert_int_gt(written, 0);
    ck_assert_int_gt(torn, 0);
}
END_TEST

START_TEST(a_failed_sync_is_not_made_up_for)
{
    int lost = 0;
    static char back[8192];
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        struct file *file = create("a");
        ck_assert_int_eq(file_reserve(file, 8192), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        ck_assert_int_eq(fill(file, 0, 8192, 'x'), STATUS_OK);
        sim_disk_fail(disk, SIM_SYNC, 1, 1, STATUS_IO);
        ck_assert_int_eq(file_sync(file), STATUS_IO);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        file_close(file);
        ck_assert_uint_eq(content("a", back, 8192), 8192);
        ck_assert_int_eq(back[8191], 'x');
        crash(SIM_POWER_CUT);
        ck_assert_uint_eq(content("a", back, 8192), 8192);
        lost += back[8191] == 0;
    }
    ck_assert_int_gt(lost, 0);
}
END_TEST

START_TEST(a_failed_sync_of_names_is_not_made_up_for)
{
    unsigned seen = 0;
    for (int round = 0; round < ROUNDS; round++) {
        start_over();
        file_close(create("old"));
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        file_close(create("a"));
        ck_assert_int_eq(fs_rename(fs, "a", "b"), STATUS_OK);
        ck_assert_int_eq(fs_remove(fs, "old"), STATUS_OK);
        sim_disk_fail(disk, SIM_SYNC_DIRECTORY, 1, 1, STATUS_IO);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_IO);
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_IO);
        atomic_store(&fs->names_lost, false); /* another session believes it once more */
        file_close(create("c"));
        bool again = test_random_one_in(&random_, 2);
        if (again) {
            ck_assert_int_eq(fs_rename(fs, "b", "d"), STATUS_OK);
        }
        ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
        crash(SIM_POWER_CUT);
        ck_assert(exists("c"));
        ck_assert(exists("d") == again);
        seen |= exists("a") ? 1u : 0u;
        seen |= exists("b") ? 2u : 0u;
        seen |= exists("old") ? 4u : 0u;
        seen |= !exists("a") && !exists("b") && !exists("d") ? 8u : 0u;
        ck_assert(!exists("a") || !exists("b"));
    }
    ck_assert_uint_eq(seen, 15);
}
END_TEST

START_TEST(calls_fail_as_ruled)
{
    struct file *file = create("a");
    sim_disk_fail(disk, SIM_WRITE, 2, 2, STATUS_DISK_FULL);
    ck_assert_int_eq(fill(file, 0, 10, 'x'), STATUS_OK);
    ck_assert_int_eq(fill(file, 0, 10, 'x'), STATUS_DISK_FULL);
    ck_assert_int_eq(fill(file, 0, 10, 'x'), STATUS_DISK_FULL);
    ck_assert_int_eq(fill(file, 0, 10, 'x'), STATUS_OK);
    sim_disk_fail(disk, SIM_READ, 1, 1, STATUS_IO);
    char byte;
    size_t size;
    ck_assert_int_eq(file_read(file, 0, &byte, 1, &size), STATUS_IO);
    ck_assert_int_eq(file_read(file, 0, &byte, 1, &size), STATUS_OK);
    file_close(file);
    sim_disk_fail(disk, SIM_RENAME, 1, 1, STATUS_IO);
    ck_assert_int_eq(fs_rename(fs, "a", "b"), STATUS_IO);
    ck_assert(exists("a"));
    sim_disk_fail(disk, SIM_CREATE, 1, 5, STATUS_IO);
    sim_disk_fail(disk, SIM_CREATE, 0, 0, STATUS_IO);
    file_close(create("c"));
}
END_TEST

START_TEST(the_disk_fills_up)
{
    sim_disk_set_capacity(disk, 10000);
    struct file *file = create("a");
    ck_assert_int_eq(file_reserve(file, 8000), STATUS_OK);
    ck_assert_int_eq(file_reserve(file, 10001), STATUS_DISK_FULL);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 8000);
    uint64_t left;
    ck_assert_int_eq(fs_free_space(fs, &left), STATUS_OK);
    ck_assert_uint_eq(left, 2000);
    struct file *other = create("b");
    ck_assert_int_eq(fill(other, 0, 3000, 'x'), STATUS_DISK_FULL);
    ck_assert_int_eq(fill(file, 0, 8000, 'x'), STATUS_OK);
    ck_assert_uint_le(sim_disk_used_bytes(disk), 10000);
    ck_assert_int_eq(file_truncate(file, 1000), STATUS_OK);
    ck_assert_int_eq(fill(other, 0, 3000, 'x'), STATUS_OK);
    file_close(other);
    ck_assert_int_eq(fs_remove(fs, "b"), STATUS_OK);
    ck_assert_uint_eq(sim_disk_used_bytes(disk), 1000);
    sim_disk_ignore_reservations(disk, true);
    ck_assert_int_eq(file_reserve(file, 20000), STATUS_OK);
    ck_assert_int_eq(fill(file, 0, 20000, 'x'), STATUS_DISK_FULL);
    file_close(file);
}
END_TEST

START_TEST(bytes_can_rot)
{
    struct file *file = create("a");
    ck_assert_int_eq(fill(file, 0, 2, 'x'), STATUS_OK);
    ck_assert_int_eq(file_sync(file), STATUS_OK);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    file_close(file);
    ck_assert_int_eq(sim_disk_flip(disk, "a", 1, 1), STATUS_OK);
    ck_assert_int_eq(sim_disk_flip(disk, "a", 2, 1), STATUS_NOT_FOUND);
    ck_assert_int_eq(sim_disk_flip(disk, "b", 0, 1), STATUS_NOT_FOUND);
    char back[2];
    ck_assert_uint_eq(content("a", back, 2), 2);
    ck_assert_mem_eq(back, "xy", 2);
    crash(SIM_POWER_CUT);
    ck_assert_uint_eq(content("a", back, 2), 2);
    ck_assert_mem_eq(back, "xy", 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sim_disk");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, behaves_like_a_disk);
    tcase_add_test(tests, the_lock_is_for_one);
    tcase_add_test(tests, what_was_synced_stays);
    tcase_add_test(tests, sectors_survive_independently);
    tcase_add_test(tests, versions_in_between_survive);
    tcase_add_test(tests, a_kill_keeps_the_cache);
    tcase_add_test(tests, cut_bytes_do_not_come_back_in_a_longer_file);
    tcase_add_test(tests, renames_are_atomic);
    tcase_add_test(tests, names_survive_independently);
    tcase_add_test(tests, crashes_at_the_call_that_was_said);
    tcase_add_test(tests, a_failed_sync_is_not_made_up_for);
    tcase_add_test(tests, a_failed_sync_of_names_is_not_made_up_for);
    tcase_add_test(tests, calls_fail_as_ruled);
    tcase_add_test(tests, the_disk_fills_up);
    tcase_add_test(tests, bytes_can_rot);
    return test_run("sim_disk", tests);
}
