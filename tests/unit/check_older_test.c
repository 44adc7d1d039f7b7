/* check_older_test.c - repair --older: whose older value comes back, whose does not, and what is
 * said of it. */
#include "base/log.h"
#include "check/report.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT  "00000000000000000001.log"
#define LONG_AGO ((int64_t)1000)
#define FAR_OFF  ((int64_t)3000000000000) /* 2065 */

static struct test_directory directory;
static struct test_directory elsewhere;
static struct disk_store store;
static int64_t clock_ms; /* the server's; scdb-check looks at the real one */
static char said[100000];

static int64_t clock_of(void *context)
{
    (void)context;
    return clock_ms;
}

static void set_up(void)
{
    test_directory_create(&directory);
    test_directory_create(&elsewhere);
    clock_ms = LONG_AGO / 2;
    store.options = disk_store_options((uint64_t)1 << 20);
    store.options.unix_ms = clock_of;
    disk_store_open(&store, directory.path);
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
    test_directory_destroy(&elsewhere);
}

/* --- what is written ------------------------------------------------------------------------ */

static void put_in(unsigned database, const char *key, const char *text, int64_t expiry_ms)
{
    const struct slice part = slice_of_string(text);
    const struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    engine_lock(store.engine);
    enum status status = engine_put_locked(
        store.engine, engine_database_locked(store.engine, database), slice_of_string(key), &value);
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
}

static void put(const char *key, const char *text)
{
    put_in(0, key, text, EXPIRY_NONE);
}

static void remove_key(const char *key)
{
    engine_lock(store.engine);
    enum status status = engine_delete_locked(store.engine, engine_database_locked(store.engine, 0),
                                              slice_of_string(key));
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
}

static void clear(unsigned database)
{
    engine_lock(store.engine);
    ck_assert_int_eq(engine_clear_locked(store.engine, database), STATUS_OK);
    engine_unlock(store.engine);
}

static void rot(const char *text)
{
    size_t size;
    uint8_t *bytes = test_file_read(&directory, SEGMENT, &size);
    const uint8_t *place = memmem(bytes, size, text, strlen(text));
    ck_assert_ptr_nonnull(place);
    test_file_write(&directory, SEGMENT, (uint64_t)(place - bytes), "X", 1);
    free(bytes);
}

/* --- what repair makes of it ---------------------------------------------------------------- */

/* `said` is what repair says. */
static void repair(int expected_code)
{
    int code = check_run_older(directory.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == expected_code, "%d: %s", code, said);
}

static void assert_said(const char *text, bool is_said)
{
    ck_assert_msg((strstr(said, text) != NULL) == is_said, "%s: %s", text, said);
}

/* `said` is the new store, as text. */
static void dump_new(void)
{
    char path[TEST_FILE_PATH_SIZE];
    int code = check_run("dump", test_file_path(&elsewhere, "new", path), elsewhere.path, said,
                         sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_SOUND);
}

/* --- the cases ------------------------------------------------------------------------------ */

START_TEST(the_newest_that_can_be_read_counts)
{
    put("k", "the first of k");
    put("k", "the second of k");
    put("k", "the third of k");
    put("m", "the only one of m");
    disk_store_close(&store);
    rot("the third of k");
    rot("the only one of m");
    repair(CHECK_EXIT_DAMAGED);
    assert_said("the value of key \"k\" (keyspace 1, sequence number 3) fails its checksum", true);
    assert_said("the value of key \"m\" ", true);
    dump_new();
    assert_said("\"k\" \"the second of k\"", true);
    assert_said("\"m\"", false);
}
END_TEST

/* It ends its key, as it does without --older. */
START_TEST(what_has_expired_by_the_clock_lets_nothing_back)
{
    put("session", "the old session");
    put_in(0, "session", "the new session", LONG_AGO);
    put("other", "another value");
    disk_store_close(&store);
    rot("the new session");
    repair(CHECK_EXIT_SOUND);
    assert_said("1 had expired", true);
    dump_new();
    assert_said("\"other\"", true);
    assert_said("\"session\"", false);
}
END_TEST

START_TEST(what_a_mark_has_ended_lets_nothing_back)
{
    put("session", "the old session");
    put_in(0, "session", "the new session", FAR_OFF);
    put("later", "the old one of later");
    put_in(0, "later", "the new one of later", FAR_OFF * 4 / 3);
    clock_ms = FAR_OFF + 1;
    engine_tick(store.engine);
    disk_store_close(&store);
    rot("the new session");
    rot("the new one of later");
    repair(CHECK_EXIT_DAMAGED);
    assert_said("1 had expired", true);
    assert_said("of key \"session\"", false);
    dump_new();
    assert_said("\"session\"", false);
    assert_said("\"later\" \"the old one of later\"", true);
}
END_TEST

/* What would not have been kept where it can be read is no loss where it can't. */
START_TEST(of_what_is_dead_nothing_is_said)
{
    put("k", "the first of k");
    put("k", "the second of k");
    put("m", "the only one of m");
    remove_key("m");
    put_in(1, "flushed", "what was flushed", EXPIRY_NONE);
    clear(1);
    disk_store_close(&store);
    rot("the first of k");
    rot("the only one of m");
    rot("what was flushed");
    repair(CHECK_EXIT_SOUND);
    assert_said("damaged: ", false);
    dump_new();
    assert_said("\"k\" \"the second of k\"", true);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_older");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_newest_that_can_be_read_counts);
    tcase_add_test(tests, what_has_expired_by_the_clock_lets_nothing_back);
    tcase_add_test(tests, what_a_mark_has_ended_lets_nothing_back);
    tcase_add_test(tests, of_what_is_dead_nothing_is_said);
    return test_run("check_older", tests);
}
