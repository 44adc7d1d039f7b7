/* check_groups_test.c - what scdb-check salvages of groups that are not whole: behind all that was
 * durable none of their records, of those that were acknowledged all that is whole.
 */
#include "base/log.h"
#include "check/report.h"
#include "engine/file.h"
#include "engine/segment_header.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/log_text.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS     10 /* of the group that is damaged */
#define SMALL_SIZE  40
#define LARGE_SIZE  3000 /* the group goes through several segments */
#define HEADER_ROOM 20   /* so far before its key a record's header is hit */

static struct test_directory original;
static struct test_directory copied;
static struct test_directory elsewhere;
static struct disk_store store;
static size_t value_size;
static char said[200000];

static void set_up(void)
{
    test_directory_create(&original);
    test_directory_create(&copied);
    test_directory_create(&elsewhere);
    store.options = disk_store_options((uint64_t)16 << 10);
    disk_store_open(&store, original.path);
    value_size = SMALL_SIZE;
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
    test_directory_destroy(&elsewhere);
}

/* --- what is written ------------------------------------------------------------------------ */

static void fill(char *value, const char *key, const char *version)
{
    memset(value, '.', value_size);
    int size = snprintf(value, SMALL_SIZE, "%s is %s", key, version);
    value[size] = '.';
}

static void put_locked(const char *key, const char *version)
{
    static char value[LARGE_SIZE];
    fill(value, key, version);
    const struct slice part = slice_make(value, value_size);
    const struct engine_value change = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                       slice_of_string(key), &change),
                     STATUS_OK);
}

static void put(const char *key, const char *version)
{
    engine_lock(store.engine);
    put_locked(key, version);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
}

/* Keys "name-0", "name-1" ... */
static void put_group(const char *name, int count, const char *version)
{
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    for (int i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "%s-%d", name, i);
        put_locked(key, version);
    }
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
}

/* An older version of all, durable; a group, and what comes later. */
static void write_history(void)
{
    put_group("member", MEMBERS, "old");
    put("before", "old");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("before", "new");
    put_group("member", MEMBERS, "new");
    put("next", "new");
    put_group("later", 3, "new");
}

/* --- what is broken ------------------------------------------------------------------------- */

/* The record of a member's newest version: its header, or its value. */
static void break_member(int member, bool in_value)
{
    char text[SMALL_SIZE];
    (void)snprintf(text, sizeof(text), "member-%d is new", member);
    log_text_flip_before(&copied, text, in_value ? 0 : HEADER_ROOM + strlen("member-0"));
}

/* --- what is found -------------------------------------------------------------------------- */

static void repair_copy(enum check_exit expected)
{
    int code = check_run("repair", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == (int)expected, "%d: %s", code, said);
}

static void assert_holds(struct disk_store *fresh, const char *key, const char *version)
{
    static char expected[LARGE_SIZE];
    struct entry entry;
    fill(expected, key, version);
    engine_lock(fresh->engine);
    enum status status = engine_find_locked(fresh->engine, engine_database_locked(fresh->engine, 0),
                                            slice_of_string(key), &entry);
    ck_assert_msg(status == STATUS_OK, "%s: %s\n%s", key, status_name(status), said);
    ck_assert_msg(slice_equal(entry.value, slice_make(expected, value_size)), "%s: not %s\n%s", key,
                  version, said);
    engine_unlock(fresh->engine);
}

static void open_repaired(struct disk_store *fresh)
{
    char path[TEST_FILE_PATH_SIZE];
    fresh->options = disk_store_options((uint64_t)16 << 10);
    disk_store_open(fresh, test_file_path(&elsewhere, "new", path));
}

static void assert_members(struct disk_store *fresh, const char *version)
{
    for (int i = 0; i < MEMBERS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "member-%d", i);
        assert_holds(fresh, key, version);
    }
}

/* What a server would cut off without a word of damage is none here either. */
static void assert_no_damage(void)
{
    ck_assert_msg(strstr(said, "damaged: ") == NULL, "%s", said);
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_SOUND, "%d: %s", code, said);
    ck_assert_msg(strstr(said, "note: ") != NULL, "%s", said);
}

/* Every member is named but one that left no trace of its key. */
static void assert_members_are_named(int but)
{
    for (int i = 0; i < MEMBERS; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "the value of key \"member-%d\"", i);
        ck_assert_msg(i == but || strstr(said, line) != NULL, "%s\n%s", line, said);
    }
}

/* --- cases ---------------------------------------------------------------------------------- */

/* The state before the group comes back, and what came later stays. Only the record right behind a
 * group whose last member is lost may be that member, for all that can be known. */
static void assert_group_never_happened(int member, bool in_value)
{
    write_history();
    test_file_copy_all(&original, &copied);
    break_member(member, in_value);
    repair_copy(CHECK_EXIT_SOUND);
    struct disk_store fresh;
    open_repaired(&fresh);
    assert_holds(&fresh, "before", "new");
    assert_members(&fresh, "old");
    for (int i = 0; i < 3; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "later-%d", i);
        assert_holds(&fresh, key, "new");
    }
    if (in_value || member < MEMBERS - 1) {
        assert_holds(&fresh, "next", "new");
    } else {
        ck_assert_msg(strstr(said, "the value of key \"next\"") != NULL, "%s", said);
    }
    disk_store_close(&fresh);
    assert_members_are_named(in_value ? MEMBERS : member);
    assert_no_damage();
}

START_TEST(a_record_that_is_lost_takes_its_group_along)
{
    assert_group_never_happened(_i, false);
}
END_TEST

START_TEST(a_value_that_is_damaged_takes_its_group_along)
{
    assert_group_never_happened(_i, true);
}
END_TEST

START_TEST(a_group_in_several_segments)
{
    value_size = LARGE_SIZE;
    assert_group_never_happened(_i, false);
    ck_assert(test_file_exists(&original, "00000000000000000004.log"));
}
END_TEST

/* It was acknowledged, and what is left of it is what is left of the keys. */
START_TEST(of_a_durable_group_all_that_is_whole_is_kept)
{
    write_history();
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("last", "new"); /* and the mark */
    test_file_copy_all(&original, &copied);
    break_member(5, false);
    repair_copy(CHECK_EXIT_DAMAGED);
    ck_assert_msg(strstr(said, "is left out") == NULL, "%s", said);
    ck_assert_msg(strstr(said, "damaged: ") != NULL, "%s", said);
    struct disk_store fresh;
    open_repaired(&fresh);
    for (int i = 0; i < MEMBERS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "member-%d", i);
        assert_holds(&fresh, key, i == 5 ? "old" : "new");
    }
    assert_holds(&fresh, "next", "new");
    disk_store_close(&fresh);
}
END_TEST

/* Nothing of it is left, not even its header; but the segment behind it says that there was
 * something, and a mark there that it was durable. */
START_TEST(a_durable_segment_that_is_lost_is_damage)
{
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    static const char lost[] = "00000000000000000002.log";
    value_size = LARGE_SIZE;
    write_history();
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("last", "new"); /* and the mark */
    test_file_copy_all(&original, &copied);
    ck_assert(test_file_exists(&copied, "00000000000000000004.log"));
    size_t size;
    uint8_t *bytes = test_file_read(&copied, lost, &size);
    ck_assert_ptr_nonnull(memmem(bytes, size, "member-", strlen("member-")));
    memset(bytes, 0xee, size);
    test_file_write(&copied, lost, 0, bytes, size);
    free(bytes);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = check_run(commands[i], copied.path, elsewhere.path, said, sizeof(said));
        ck_assert_msg(code == CHECK_EXIT_DAMAGED, "%s: %d: %s", commands[i], code, said);
        ck_assert_msg(strstr(said, "00000000000000000002.log offset ") != NULL, "%s: %s",
                      commands[i], said);
    }
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
}
END_TEST

/* A value that was not written whole: for the server, too, it was never set. */
START_TEST(of_a_torn_value_the_one_before_counts)
{
    put("torn", "old");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put("torn", "new");
    test_file_copy_all(&original, &copied);
    log_text_flip_before(&copied, "torn is new", 0);
    repair_copy(CHECK_EXIT_SOUND);
    ck_assert_msg(strstr(said, "the value of key \"torn\"") != NULL, "%s", said);
    struct disk_store fresh;
    open_repaired(&fresh);
    assert_holds(&fresh, "torn", "old");
    disk_store_close(&fresh);
    assert_no_damage();
}
END_TEST

/* Sessions leave gaps in the sequence numbers, and sealed segments before open ones: no break. */
START_TEST(a_sound_store_loses_nothing)
{
    write_history();
    disk_store_close(&store);
    disk_store_open(&store, original.path);
    put_group("member", MEMBERS, "of another session");
    test_file_copy_all(&original, &copied);
    if (_i == 1) {
        test_file_remove(&copied, "MANIFEST");
    }
    int code = check_run("repair", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == (_i == 1 ? CHECK_EXIT_DAMAGED : CHECK_EXIT_SOUND), "%s", said);
    struct disk_store fresh;
    open_repaired(&fresh);
    assert_members(&fresh, "of another session");
    assert_holds(&fresh, "later-2", "new");
    disk_store_close(&fresh);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_groups");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_record_that_is_lost_takes_its_group_along, 0, MEMBERS);
    tcase_add_loop_test(tests, a_value_that_is_damaged_takes_its_group_along, 0, MEMBERS);
    tcase_add_loop_test(tests, a_group_in_several_segments, 0, MEMBERS);
    tcase_add_test(tests, of_a_durable_group_all_that_is_whole_is_kept);
    tcase_add_test(tests, a_durable_segment_that_is_lost_is_damage);
    tcase_add_test(tests, of_a_torn_value_the_one_before_counts);
    tcase_add_loop_test(tests, a_sound_store_loses_nothing, 0, 2);
    return test_run("check_groups", tests);
}
