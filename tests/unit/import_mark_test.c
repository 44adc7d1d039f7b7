/* import_mark_test.c - the mark of an unfinished import: which store it names, and whom it keeps
 * from opening one. */
#include "engine/import_mark.h"

#include "engine/engine.h"
#include "support/sim_disk.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

static const uint8_t some_id[STORE_ID_SIZE] = {0, 1, 2, 0xfe, 0xff};
static const uint8_t other_id[STORE_ID_SIZE] = {0, 1, 2, 0xfe, 0xff, 1};

static struct sim_disk *disk;
static struct file_system *fs;
static struct error error;

static void set_up(void)
{
    disk = sim_disk_create(test_seed("import_mark_test"));
    fs = sim_disk_mount(disk);
}

static void tear_down(void)
{
    fs_close(fs);
    sim_disk_destroy(disk);
}

static struct import_mark read_mark(void)
{
    struct import_mark mark;
    ck_assert_int_eq(import_mark_read(fs, &mark, &error), STATUS_OK);
    return mark;
}

static void write_mark(const uint8_t *store_id)
{
    ck_assert_msg(import_mark_write(fs, store_id, &error) == STATUS_OK, "%s", error.text);
}

static void write_file(const char *name, const char *text)
{
    struct file *file;
    struct slice all = slice_of_string(text);
    enum status status = fs_remove(fs, name);
    ck_assert(status == STATUS_OK || status == STATUS_NOT_FOUND);
    ck_assert_int_eq(fs_open(fs, name, FILE_MODE_CREATE, &file), STATUS_OK);
    ck_assert_int_eq(file_write(file, 0, &all, 1), STATUS_OK);
    file_close(file);
}

START_TEST(what_is_written_is_read)
{
    ck_assert(!read_mark().is_there);
    const uint8_t *const ids[] = {NULL, some_id, some_id, other_id, NULL, other_id};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        write_mark(ids[i]);
        sim_disk_crash_now(disk); /* it is durable */
        fs_close(fs);
        sim_disk_restart(disk, SIM_POWER_CUT);
        fs = sim_disk_mount(disk);
        struct import_mark mark = read_mark();
        ck_assert(mark.is_there);
        ck_assert_int_eq(import_mark_names(&mark, some_id), ids[i] == some_id);
        ck_assert_int_eq(import_mark_names(&mark, other_id), ids[i] == other_id);
    }
    ck_assert_int_eq(import_mark_remove(fs), STATUS_OK);
    ck_assert(!read_mark().is_there);
    ck_assert_int_eq(import_mark_remove(fs), STATUS_NOT_FOUND);
}
END_TEST

/* What a failed sync may have lost would pass for durable the next time. */
START_TEST(a_mark_that_may_not_last_is_taken_back)
{
    static const enum sim_call calls[] = {SIM_SYNC, SIM_SYNC_DIRECTORY};
    for (size_t i = 0; i < 32; i++) {
        const uint8_t *id = i / 2 % 2 == 0 ? NULL : some_id;
        sim_disk_fail(disk, calls[i % 2], 1, 1, STATUS_IO);
        ck_assert_int_eq(import_mark_write(fs, id, &error), STATUS_IO);
        fs_close(fs);
        fs = sim_disk_mount(disk); /* another process */
        write_mark(id);
        sim_disk_crash_now(disk);
        fs_close(fs);
        sim_disk_restart(disk, SIM_POWER_CUT);
        fs = sim_disk_mount(disk);
        struct import_mark mark = read_mark();
        ck_assert(mark.is_there);
        ck_assert_int_eq(import_mark_names(&mark, some_id), id != NULL);
        ck_assert_int_eq(import_mark_remove(fs), STATUS_OK);
    }
}
END_TEST

/* The bytes of docs/import-v1.md. */
START_TEST(its_bytes)
{
    write_file("IMPORT.unfinished", "000102feff0000000000000000000000\n");
    struct import_mark mark = read_mark();
    ck_assert(import_mark_names(&mark, some_id));
}
END_TEST

START_TEST(other_contents_name_no_store)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "000102feff0000000000000000000000",
                                        "000102feff0000000000000000000000\n\n",
                                        "000102feff0000000000000000000000 ",
                                        "000102FEFF0000000000000000000000\n",
                                        "000102feff000000000000000000000g\n",
                                        "something else"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        write_file("IMPORT.unfinished", texts[i]);
        struct import_mark mark = read_mark();
        ck_assert(mark.is_there);
        ck_assert_str_eq(mark.store_id, "");
        ck_assert(!import_mark_names(&mark, some_id));
    }
}
END_TEST

static enum status open_and_close(bool is_import)
{
    struct engine_options options = {.fs = fs,
                                     .database_count = 1,
                                     .segment_size = 4096,
                                     .without_threads = true,
                                     .is_import = is_import};
    struct engine *engine;
    enum status status = engine_open(&options, &engine, &error);
    if (status == STATUS_OK) {
        uint8_t id[STORE_ID_SIZE];
        memcpy(id, engine_store_id(engine), sizeof(id));
        ck_assert_int_eq(engine_close(engine), STATUS_OK);
        if (is_import) {
            write_mark(id);
        }
    }
    return status;
}

static void expect_refusal(const char *words)
{
    ck_assert_int_eq(open_and_close(false), STATUS_INVALID);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
}

START_TEST(only_an_import_may_open)
{
    ck_assert_int_eq(import_mark_check(fs, &error), STATUS_OK);
    write_mark(NULL);
    expect_refusal("run it again");
    ck_assert_int_eq(open_and_close(true), STATUS_OK);
    expect_refusal("run it again");
    ck_assert_int_eq(open_and_close(true), STATUS_OK);
    write_mark(some_id);
    expect_refusal("not that it was into the store that is there now");
    ck_assert_int_eq(import_mark_remove(fs), STATUS_OK);
    ck_assert_int_eq(open_and_close(false), STATUS_OK);
}
END_TEST

/* That the manifest is missing is what has to be said then, not that an import should be run. */
START_TEST(remains_without_a_manifest)
{
    static const char *const names[] = {"00000000000000000012.log", "00000000000000000012.pack",
                                        "00000000000000000012.index"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        bool has_remains = true;
        ck_assert_int_eq(import_mark_find_remains(fs, &has_remains, &error), STATUS_OK);
        ck_assert(!has_remains);
        write_file(names[i], "x");
        write_mark(NULL);
        ck_assert_int_eq(import_mark_find_remains(fs, &has_remains, &error), STATUS_OK);
        ck_assert(has_remains);
        ck_assert_int_eq(open_and_close(false), STATUS_CORRUPT);
        ck_assert_msg(strstr(error.text, "file MANIFEST is missing") != NULL, "%s", error.text);
        ck_assert_int_eq(fs_remove(fs, names[i]), STATUS_OK);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("import_mark");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, a_mark_that_may_not_last_is_taken_back);
    tcase_add_test(tests, its_bytes);
    tcase_add_test(tests, other_contents_name_no_store);
    tcase_add_test(tests, only_an_import_may_open);
    tcase_add_test(tests, remains_without_a_manifest);
    return test_run("import_mark", tests);
}
