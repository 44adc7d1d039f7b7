/* check_warnings_test.c - what scdb-check says of keys that it can't know to be what they were: no
 * manifest tells which databases were flushed, and which keys deleted, and what told of it in the
 * log was compacted away.
 */
#include "base/log.h"
#include "check/report.h"
#include "engine/compaction.h"
#include "engine/record.h"
#include "engine/segment_header.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_SIZE ((uint64_t)16 << 10)
#define VALUE_SIZE   1000
#define FILLERS      15 /* with what stands before them, a segment */
#define GARBAGE      40 /* values of a key: several segments */
#define FIRST        "00000000000000000001.log"
#define MAY_BE_BACK                                                                                \
    "note: no manifest could be read: what was flushed, swapped or deleted may be back"
#define LOST_MAP "note: a map of the databases was lost that is newer than all that could be read"

static struct test_directory original;
static struct test_directory copied;
static struct test_directory elsewhere;
static struct disk_store store;
static char said[200000];

static void set_up(void)
{
    test_directory_create(&original);
    test_directory_create(&copied);
    test_directory_create(&elsewhere);
    store.options = disk_store_options(SEGMENT_SIZE);
    store.options.database_count = 16;
    disk_store_open(&store, original.path);
}

static void tear_down(void)
{
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
    test_directory_destroy(&elsewhere);
}

/* --- what is written ------------------------------------------------------------------------ */

static void put(unsigned database, const char *key)
{
    static char value[VALUE_SIZE];
    const struct slice part = slice_make(value, sizeof(value));
    const struct engine_value change = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    struct engine *engine = store.engine;
    engine_lock(engine);
    ck_assert_int_eq(engine_put_locked(engine, engine_database_locked(engine, database),
                                       slice_of_string(key), &change),
                     STATUS_OK);
    engine_unlock(engine);
    ck_assert_int_eq(engine_write(engine, UINT64_MAX), STATUS_OK);
}

static void put_several(const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "%s-%d", name, i);
        put(0, key);
    }
}

static void remove_key(const char *key)
{
    struct engine *engine = store.engine;
    engine_lock(engine);
    ck_assert_int_eq(
        engine_delete_locked(engine, engine_database_locked(engine, 0), slice_of_string(key)),
        STATUS_OK);
    engine_unlock(engine);
    ck_assert_int_eq(engine_write(engine, UINT64_MAX), STATUS_OK);
}

static void clear(unsigned database)
{
    engine_lock(store.engine);
    ck_assert_int_eq(engine_clear_locked(store.engine, database), STATUS_OK);
    engine_unlock(store.engine);
}

static void compact(enum compaction_scope scope)
{
    struct compaction_result result;
    ck_assert_int_eq(compaction_run(store.engine, scope, &result), STATUS_OK);
}

static void lose_manifest(void)
{
    disk_store_close(&store);
    test_file_copy_all(&original, &copied);
    test_file_remove(&copied, "MANIFEST");
}

/* --- what is said --------------------------------------------------------------------------- */

/* All that show keys or count them say it, and that there is no manifest. Then `said` is a dump of
 * the store that repair has made. */
static void assert_all_say(const char *line)
{
    char path[TEST_FILE_PATH_SIZE];
    static const char *const commands[] = {"stat", "dump", "repair"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = check_run(commands[i], copied.path, elsewhere.path, said, sizeof(said));
        ck_assert_msg(code == CHECK_EXIT_DAMAGED, "%s: %d: %s", commands[i], code, said);
        ck_assert_msg(strstr(said, line) != NULL, "%s: %s", commands[i], said);
        ck_assert_msg(strstr(said, MAY_BE_BACK) != NULL, "%s: %s", commands[i], said);
    }
    int code = check_run("dump", test_file_path(&elsewhere, "new", path), elsewhere.path, said,
                         sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_SOUND);
}

/* In the store that repair has made. */
static void assert_shown(unsigned database, const char *key)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "%u - \"%s\" ", database, key);
    ck_assert_msg(strstr(said, line) != NULL, "%s: %s", line, said);
}

/* An older map is there, so nothing but the newer keyspace tells that there was another. */
START_TEST(what_was_flushed_is_back)
{
    clear(5);
    put(1, "gone");
    put_several("first", FILLERS);
    clear(1);
    put(1, "kept");
    for (int i = 0; i < GARBAGE; i++) {
        put(0, "garbage");
    }
    put_several("last", FILLERS);
    compact(COMPACTION_GARBAGE);
    lose_manifest();
    ck_assert(test_file_exists(&copied, FIRST));
    ck_assert(!test_file_exists(&copied, "00000000000000000002.log"));
    assert_all_say(LOST_MAP);
    assert_shown(1, "gone");
    assert_shown(16, "kept");
}
END_TEST

/* The file that held it was to be removed, and a crash has brought it back. */
START_TEST(what_was_deleted_is_back)
{
    put(0, "gone");
    put_several("first", FILLERS);
    remove_key("gone");
    put_several("first", FILLERS);
    test_file_copy_all(&original, &copied);
    compact(COMPACTION_ALL);
    ck_assert(!test_file_exists(&original, FIRST));
    for (int i = 2; i < 9; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%020d.log", i);
        if (test_file_exists(&copied, name)) {
            test_file_remove(&copied, name);
        }
    }
    lose_manifest();
    assert_all_say(MAY_BE_BACK);
    assert_shown(0, "gone");
}
END_TEST

/* A store that has all its maps says nothing of the kind. */
START_TEST(what_is_known_has_no_warning)
{
    static const char *const commands[] = {"stat", "dump", "repair"};
    put(1, "gone");
    clear(1);
    put(1, "kept");
    disk_store_close(&store);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = check_run(commands[i], original.path, elsewhere.path, said, sizeof(said));
        ck_assert_int_eq(code, CHECK_EXIT_SOUND);
        ck_assert_msg(strstr(said, "note: ") == NULL, "%s", said);
    }
}
END_TEST

/* Nothing is left that could tell whose database it was. */
START_TEST(a_swap_that_was_lost_has_not_happened)
{
    char path[TEST_FILE_PATH_SIZE];
    put(0, "before");
    engine_lock(store.engine);
    ck_assert_int_eq(engine_swap_locked(store.engine, 0, 1), STATUS_OK);
    engine_unlock(store.engine);
    put(0, "left out"); /* it may be the rest of a group */
    put(0, "later");
    test_file_copy_all(&original, &copied);
    disk_store_close(&store);
    uint64_t map = SEGMENT_HEADER_SIZE + record_size(strlen("before"), VALUE_SIZE, false, false);
    test_file_write(&copied, FIRST, map, "torn off", 8);
    int code = check_run("repair", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_SOUND, "%d: %s", code, said);
    ck_assert_msg(strstr(said, "databases that a lost SWAPDB has swapped are not") != NULL, "%s",
                  said);
    code = check_run("dump", test_file_path(&elsewhere, "new", path), elsewhere.path, said,
                     sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_SOUND);
    assert_shown(0, "before");
    assert_shown(1, "later");
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_warnings");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_flushed_is_back);
    tcase_add_test(tests, what_was_deleted_is_back);
    tcase_add_test(tests, what_is_known_has_no_warning);
    tcase_add_test(tests, a_swap_that_was_lost_has_not_happened);
    return test_run("check_warnings", tests);
}
