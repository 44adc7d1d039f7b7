/* sim_clone_test.c - copies of the simulated disk: the same at first, then independent. */
#include "support/sim_disk.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

static struct sim_disk *disk;
static struct file_system *fs;

static void set_up(void)
{
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
}

static void tear_down(void)
{
    fs_close(fs);
    sim_disk_destroy(disk);
}

static struct file *create(struct file_system *on, const char *name)
{
    struct file *file;
    ck_assert_int_eq(fs_open(on, name, FILE_MODE_CREATE, &file), STATUS_OK);
    return file;
}

static void put(struct file *file, uint64_t offset, const char *text)
{
    struct slice part = slice_of_string(text);
    ck_assert_int_eq(file_write(file, offset, &part, 1), STATUS_OK);
}

static void expect(struct file_system *on, const char *name, const char *text)
{
    struct file *file;
    char bytes[64];
    size_t size;
    ck_assert_int_eq(fs_open(on, name, FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, bytes, sizeof(bytes), &size), STATUS_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(bytes, text, size);
    file_close(file);
}

static void expect_none(struct file_system *on, const char *name)
{
    struct file *file;
    ck_assert_int_eq(fs_open(on, name, FILE_MODE_READ, &file), STATUS_NOT_FOUND);
}

START_TEST(a_copy_goes_its_own_way)
{
    struct file *file = create(fs, "a");
    put(file, 0, "one");
    struct sim_disk *copy = sim_disk_clone(disk, 2);
    ck_assert(sim_disk_crashed(copy));
    sim_disk_restart(copy, SIM_KILL);
    struct file_system *there = sim_disk_mount(copy);
    struct file *twin;
    const uint8_t *bytes;
    ck_assert_int_eq(fs_open(there, "a", FILE_MODE_WRITE, &twin), STATUS_OK);
    ck_assert_int_eq(file_map(twin, 4096, &bytes), STATUS_OK);
    put(twin, 3, "two");
    ck_assert_mem_eq(bytes, "onetwo", 6); /* mapped before it was changed */
    file_unmap(twin, bytes, 4096);
    file_close(twin);
    ck_assert_int_eq(fs_rename(there, "a", "b"), STATUS_OK);
    expect(there, "b", "onetwo");
    expect(fs, "a", "one");
    expect_none(fs, "b");
    fs_close(there);
    sim_disk_destroy(copy);
    put(file, 1, "N");
    expect(fs, "a", "oNe");
    file_close(file);
}
END_TEST

/* Rules 1 and 4 of sim_disk.h at their ends. */
START_TEST(a_power_cut_takes_what_it_is_told_to)
{
    struct file *file = create(fs, "old");
    put(file, 0, "synced");
    ck_assert_int_eq(file_sync(file), STATUS_OK);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    ck_assert(sim_disk_is_durable(disk));
    ck_assert_int_eq(fs_rename(fs, "old", "new"), STATUS_OK);
    put(file, 0, "SYNCED"); /* the last call: behind it nothing is written back by chance */
    file_close(file);
    ck_assert(!sim_disk_is_durable(disk) && !sim_disk_names_are_durable(disk));
    static const struct {
        enum sim_loss bytes, names;
        const char *name, *text;
    } cases[] = {
        {SIM_LOSS_ALL, SIM_LOSS_ALL, "old", "synced"},
        {SIM_LOSS_ALL, SIM_LOSS_NONE, "new", "synced"},
        {SIM_LOSS_NONE, SIM_LOSS_ALL, "old", "SYNCED"},
        {SIM_LOSS_NONE, SIM_LOSS_NONE, "new", "SYNCED"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim_disk *copy = sim_disk_clone(disk, i);
        sim_disk_restart_losing(copy, cases[i].bytes, cases[i].names);
        struct file_system *there = sim_disk_mount(copy);
        expect(there, cases[i].name, cases[i].text);
        expect_none(there, cases[i].name[0] == 'o' ? "new" : "old");
        ck_assert(sim_disk_is_durable(copy));
        fs_close(there);
        sim_disk_destroy(copy);
    }
}
END_TEST

#define THINGS 5

static void count_name(void *context, const char *name)
{
    (*(unsigned *)context) += name[0] == 'n';
}

/* Files named n*, and sectors of the file `data` that are written, behind such a power cut. */
static void count_survivors(enum sim_loss loss, unsigned *names, unsigned *sectors)
{
    struct sim_disk *copy = sim_disk_clone(disk, (uint64_t)loss);
    sim_disk_restart_losing(copy, loss, loss);
    struct file_system *there = sim_disk_mount(copy);
    *names = *sectors = 0;
    ck_assert_int_eq(fs_list(there, count_name, names), STATUS_OK);
    struct file *file;
    ck_assert_int_eq(fs_open(there, "data", FILE_MODE_READ, &file), STATUS_OK);
    for (uint64_t i = 0; i < THINGS; i++) {
        char byte = '-';
        size_t size;
        ck_assert_int_eq(file_read(file, i * SIM_DISK_SECTOR_SIZE, &byte, 1, &size), STATUS_OK);
        *sectors += size == 1 && byte == 'x';
    }
    file_close(file);
    fs_close(there);
    sim_disk_destroy(copy);
}

/* How many do, by those that are durable already. */
static void expect_survivors(unsigned losing_all, unsigned losing_one, unsigned keeping_one)
{
    bool was_durable = losing_all == THINGS;
    ck_assert_uint_eq(losing_one, was_durable ? THINGS : THINGS - 1);
    ck_assert_uint_eq(keeping_one, was_durable ? THINGS : losing_all + 1);
}

START_TEST(a_power_cut_takes_one_or_leaves_one)
{
    char bytes[THINGS * SIM_DISK_SECTOR_SIZE + 1] = "";
    memset(bytes, 'x', sizeof(bytes) - 1);
    struct file *file = create(fs, "data");
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    for (int i = 0; i < THINGS; i++) {
        char name[] = {'n', (char)('a' + i), '\0'};
        file_close(create(fs, name));
    }
    put(file, 0, bytes);
    file_close(file);
    unsigned names[SIM_LOSS_ALL_BUT_ONE + 1];
    unsigned sectors[SIM_LOSS_ALL_BUT_ONE + 1];
    for (enum sim_loss loss = SIM_LOSS_ALL; loss <= SIM_LOSS_ALL_BUT_ONE; loss++) {
        count_survivors(loss, &names[loss], &sectors[loss]);
    }
    expect_survivors(names[SIM_LOSS_ALL], names[SIM_LOSS_ONE], names[SIM_LOSS_ALL_BUT_ONE]);
    expect_survivors(sectors[SIM_LOSS_ALL], sectors[SIM_LOSS_ONE], sectors[SIM_LOSS_ALL_BUT_ONE]);
    ck_assert_uint_lt(names[SIM_LOSS_ALL], THINGS - 1); /* else all but one would be all */
    ck_assert_uint_eq(sectors[SIM_LOSS_ALL], 0);
}
END_TEST

static unsigned steps;
static struct sim_step last_step;

static void count_step(void *context, const struct sim_step *step)
{
    ck_assert_ptr_eq(context, disk);
    steps++;
    last_step = *step;
}

START_TEST(every_changing_call_is_a_step)
{
    sim_disk_set_witness(disk, count_step, disk);
    struct file *file = create(fs, "a");
    put(file, 5, "x");
    ck_assert(last_step.call == SIM_WRITE && last_step.offset == 5 && last_step.part_count == 1);
    ck_assert_int_eq(file_reserve(file, 100), STATUS_OK);
    ck_assert_int_eq(file_truncate(file, 50), STATUS_OK);
    ck_assert_int_eq(file_sync(file), STATUS_OK);
    file_close(file);
    ck_assert_int_eq(fs_rename(fs, "a", "b"), STATUS_OK);
    ck_assert_int_eq(fs_remove(fs, "b"), STATUS_OK);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    ck_assert_uint_eq(steps, 8);
    sim_disk_set_witness(disk, NULL, NULL);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    ck_assert_uint_eq(steps, 8);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sim_clone");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_copy_goes_its_own_way);
    tcase_add_test(tests, a_power_cut_takes_what_it_is_told_to);
    tcase_add_test(tests, a_power_cut_takes_one_or_leaves_one);
    tcase_add_test(tests, every_changing_call_is_a_step);
    return test_run("sim_clone", tests);
}
