/* check_staged_test.c - what scdb-check makes of a store that was killed while values were written
 * ahead of their commands.
 */
#include "check/report.h"
#include "engine/engine.h"
#include "engine/staged.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define VALUE_SIZE ((size_t)300000)

static struct test_directory original;
static struct test_directory copied;
static struct test_directory elsewhere;
static struct disk_store store;
static char bytes[VALUE_SIZE];

static void set_up(void)
{
    test_directory_create(&original);
    test_directory_create(&copied);
    test_directory_create(&elsewhere);
    store.options = disk_store_options((uint64_t)1 << 20);
    disk_store_open(&store, original.path);
    memset(bytes, 'x', sizeof(bytes));
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
    test_directory_destroy(&elsewhere);
}

static void put(const char *key, struct slice part)
{
    const struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                       slice_of_string(key), &value),
                     STATUS_OK);
}

static struct staged *stage(void)
{
    const struct staged_plan plan = {
        .values = {{.value = slice_make(bytes, sizeof(bytes)), .key_size = 3}}, .count = 1};
    struct staged *staged;
    ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_OK);
    return staged;
}

/* The record of one is in its file, but for the segment's header, which the log's next write
 * brings; the command of the other has not come. */
START_TEST(a_value_whose_command_was_cut_off_is_no_damage)
{
    static char said[100000];
    engine_lock(store.engine);
    put("one", SLICE_LITERAL("1"));
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    struct staged *first = stage();
    struct staged *second = stage();
    engine_lock(store.engine);
    put("two", SLICE_LITERAL("2"));
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    staged_offer_locked(store.engine, _i == 0 ? first : second);
    put("key", slice_make(bytes, sizeof(bytes)));
    staged_offer_locked(store.engine, NULL);
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
    test_file_copy_all(&original, &copied);
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int end = check_run(commands[i], copied.path, elsewhere.path, said, sizeof(said));
        ck_assert_msg(end == CHECK_EXIT_SOUND, "%s: %s", commands[i], said);
    }
    staged_drop(store.engine, first);
    staged_drop(store.engine, second);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("check_staged");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_value_whose_command_was_cut_off_is_no_damage, 0, 2);
    return test_run("check_staged", tests);
}
