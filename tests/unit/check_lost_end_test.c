/* check_lost_end_test.c - what scdb-check says where the end of a log segment is gone without a
 * trace: zeros in its place, or the file ends there; or where a segment's header is damaged. Where
 * it was durable, the server refuses such a store, and all commands call it damaged; else it is
 * what a crash leaves, to all of them.
 */
#include "base/log.h"
#include "check/report.h"
#include "engine/record.h"
#include "engine/segment_header.h"
#include "engine/staged.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/log_text.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE ((uint64_t)16 << 10)
#define VALUE_SIZE   3000
#define KEYS         12 /* they go through several segments */
#define GROUP        4
#define LOST_LINE    "ends before its last durable record"
#define HEADER_LINE  "offset 0: the segment's header is not valid"

/* How an end gets lost. */
enum manner { CUT_OFF, ZEROS, MANNERS };

static struct test_directory original;
static struct test_directory copied;
static struct test_directory served;
static struct test_directory elsewhere;
static struct disk_store store;
static char value[300000];
static char said[200000];

static void set_up(void)
{
    test_directory_create(&original);
    test_directory_create(&copied);
    test_directory_create(&served);
    test_directory_create(&elsewhere);
    store.options = disk_store_options(SEGMENT_SIZE);
    disk_store_open(&store, original.path);
    memset(value, 'x', sizeof(value));
}

static void tear_down(void)
{
    disk_store_close(&store);
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
    test_directory_destroy(&served);
    test_directory_destroy(&elsewhere);
}

/* --- what is written ------------------------------------------------------------------------ */

static void put_locked(const char *key)
{
    const struct slice part = slice_make(value, VALUE_SIZE);
    const struct engine_value change = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                       slice_of_string(key), &change),
                     STATUS_OK);
}

static void put(const char *key)
{
    engine_lock(store.engine);
    put_locked(key);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
}

/* Keys "key-00", "key-01" ... */
static void put_several(int count)
{
    for (int i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key-%02d", i);
        put(key);
    }
}

static void put_group(void)
{
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    for (int i = 0; i < GROUP; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "member-%d", i);
        put_locked(key);
    }
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
}

static void sync_log(void)
{
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
}

/* Has the manifest replaced, so that it tells what is durable: a segment is listed. */
static void replace_manifest(void)
{
    const struct staged_plan plan = {
        .values = {{.value = slice_make(value, sizeof(value)), .key_size = 3}}, .count = 1};
    struct staged *staged;
    ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_OK);
    staged_drop(store.engine, staged);
}

/* --- what gets lost ------------------------------------------------------------------------- */

/* The segment of the copy that has the record of a key, and where that begins. */
static struct log_text find_record(const char *key)
{
    struct log_text place = log_text_find(&copied, key);
    place.offset -= RECORD_HEADER_SIZE;
    return place;
}

/* Of the segment that has the key's record, everything from there on. */
static void lose_from(const char *key, enum manner manner)
{
    struct log_text record = find_record(key);
    size_t size;
    uint8_t *bytes = test_file_read(&copied, record.name, &size);
    test_file_resize(&copied, record.name, record.offset);
    if (manner == ZEROS) {
        test_file_resize(&copied, record.name, size);
    }
    free(bytes);
}

/* The segment that has the key's record gets the name that recovery gives it. */
static void set_aside(const char *key)
{
    struct log_text record = find_record(key);
    char cut[FILE_NAME_SIZE_MAX + 8];
    size_t size;
    (void)snprintf(cut, sizeof(cut), "%s.cut", record.name);
    uint8_t *bytes = test_file_read(&copied, record.name, &size);
    test_file_create(&copied, cut, "");
    test_file_write(&copied, cut, 0, bytes, size);
    test_file_remove(&copied, record.name);
    free(bytes);
}

/* Of the header of the segment that has the key's record, 8 bytes. */
static void damage_header(const char *key)
{
    test_file_write(&copied, find_record(key).name, 40, "damaged!", 8);
}

static void zero_header(const char *key)
{
    static const uint8_t zeros[512];
    test_file_write(&copied, find_record(key).name, 0, zeros, sizeof(zeros));
}

/* --- what is found -------------------------------------------------------------------------- */

/* What the server does with a copy of the copy, and what each command says. */
static void assert_judged(enum status opened, enum check_exit expected, const char *line)
{
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    struct disk_store other = {.options = disk_store_options(SEGMENT_SIZE)};
    struct error error;
    test_file_copy_all(&copied, &served);
    enum status status = disk_store_try_open(&other, served.path, &error);
    ck_assert_msg(status == opened, "%s: %s", status_name(status), error.text);
    if (status == STATUS_OK) {
        disk_store_close(&other);
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = check_run(commands[i], copied.path, elsewhere.path, said, sizeof(said));
        ck_assert_msg(code == (int)expected, "%s: %d: %s", commands[i], code, said);
        ck_assert_msg(strstr(said, line) != NULL, "%s: %s", commands[i], said);
        bool is_damaged = strstr(said, "damaged: ") != NULL;
        ck_assert_msg(is_damaged == (expected == CHECK_EXIT_DAMAGED), "%s: %s", commands[i], said);
    }
}

static void assert_damaged(const char *line)
{
    assert_judged(STATUS_CORRUPT, CHECK_EXIT_DAMAGED, line);
}

static void assert_sound(void)
{
    assert_judged(STATUS_OK, CHECK_EXIT_SOUND, "");
}

/* What repair has saved; what it says is the last that was said. */
static void assert_saved(int keys)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "%d keys are in the new store", keys);
    ck_assert_msg(strstr(said, line) != NULL, "%s", said);
}

/* --- cases ---------------------------------------------------------------------------------- */

/* No mark is left that tells of it, and no other segment: the manifest does. */
START_TEST(the_manifest_knows_of_a_durable_end)
{
    put_several(3);
    sync_log();
    replace_manifest();
    test_file_copy_all(&original, &copied);
    lose_from("key-01", (enum manner)_i);
    assert_damaged("00000000000000000001.log offset 3");
    ck_assert_msg(strstr(said, LOST_LINE) != NULL, "%s", said);
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
    assert_saved(1);
}
END_TEST

START_TEST(the_manifest_knows_of_a_durable_segment)
{
    put_several(3);
    sync_log();
    replace_manifest();
    test_file_copy_all(&original, &copied);
    test_file_resize(&copied, "00000000000000000001.log", 0);
    if (_i == ZEROS) {
        test_file_resize(&copied, "00000000000000000001.log", SEGMENT_SIZE);
    }
    assert_damaged(LOST_LINE);
    assert_saved(0);
}
END_TEST

/* The manifest is of an earlier time; a mark in a later segment tells what was durable. */
START_TEST(a_follower_knows_of_a_durable_end)
{
    put_several(KEYS);
    sync_log();
    put("last"); /* and the mark */
    test_file_copy_all(&original, &copied);
    lose_from("key-03", (enum manner)_i);
    assert_damaged(LOST_LINE);
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
}
END_TEST

/* The first of what is lost was durable, and the last was not. */
START_TEST(of_a_lost_end_the_beginning_was_durable)
{
    put("key-00");
    put("key-01");
    put("key-02");
    sync_log();
    replace_manifest();
    put_several(KEYS);
    test_file_copy_all(&original, &copied);
    ck_assert_str_eq(find_record("key-02").name, "00000000000000000001.log");
    lose_from("key-02", (enum manner)_i);
    assert_damaged(LOST_LINE);
}
END_TEST

START_TEST(what_was_not_durable_is_no_damage)
{
    put("first");
    sync_log();
    put_several(KEYS);
    test_file_copy_all(&original, &copied);
    lose_from("key-01", (enum manner)_i);
    assert_sound();
}
END_TEST

/* It was acknowledged: what is left of it is what is left of the keys. */
START_TEST(of_a_durable_group_whose_end_is_lost_the_rest_is_kept)
{
    put_group();
    sync_log();
    replace_manifest();
    test_file_copy_all(&original, &copied);
    lose_from("member-2", (enum manner)_i);
    assert_damaged(LOST_LINE);
    ck_assert_msg(strstr(said, "never acknowledged") == NULL, "%s", said);
    assert_saved(2);
}
END_TEST

START_TEST(a_durable_segment_was_not_set_aside_by_a_start)
{
    put_several(3);
    sync_log();
    replace_manifest();
    test_file_copy_all(&original, &copied);
    set_aside("key-00");
    assert_damaged("00000000000000000001.log: the file is missing, and was durable");
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
}
END_TEST

START_TEST(a_follower_knows_of_a_durable_segment_that_is_set_aside)
{
    put_several(KEYS);
    sync_log();
    put("last"); /* and the mark */
    test_file_copy_all(&original, &copied);
    set_aside("key-05");
    assert_damaged("00000000000000000002.log: the file is missing, and was durable");
}
END_TEST

/* A start that was interrupted before it had set the next segment aside, too. */
START_TEST(a_segment_that_a_start_has_set_aside_is_no_damage)
{
    put("first");
    sync_log();
    put_several(KEYS);
    test_file_copy_all(&original, &copied);
    lose_from("key-01", CUT_OFF);
    set_aside("key-05");
    assert_sound();
    ck_assert_msg(strstr(said, "a start that was interrupted has set it aside") != NULL, "%s",
                  said);
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
}
END_TEST

/* What was durable has been compacted; of the segment behind it a power cut has left its end. */
START_TEST(the_first_segment_that_is_left_may_be_torn)
{
    struct compaction_result result;
    put_several(2);
    put_several(2);
    ck_assert_int_eq(engine_compact(store.engine, &result), STATUS_OK);
    put("torn");
    put("last");
    test_file_copy_all(&original, &copied);
    ck_assert(!test_file_exists(&copied, "00000000000000000001.log"));
    zero_header("torn");
    assert_sound();
}
END_TEST

/* The log goes on in a segment whose header does not tell from where: its first record does. Else
 * an overwritten value would be back, and nobody told. */
START_TEST(a_follower_without_a_header_knows_of_a_durable_end)
{
    put_several(KEYS);
    sync_log();
    put("last"); /* and the mark */
    test_file_copy_all(&original, &copied);
    lose_from("key-03", (enum manner)_i);
    damage_header("key-05");
    assert_damaged(LOST_LINE);
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
    ck_assert_msg(strstr(said, HEADER_LINE) != NULL, "%s", said);
}
END_TEST

START_TEST(where_the_manifest_is_ahead_so_does_a_follower_without_a_header)
{
    put_several(KEYS);
    sync_log();
    replace_manifest();
    test_file_copy_all(&original, &copied);
    lose_from("key-03", (enum manner)_i);
    damage_header("key-05");
    assert_damaged(LOST_LINE);
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
}
END_TEST

/* Nothing is lost with it, but the server refuses the store. */
START_TEST(a_damaged_header_has_a_line)
{
    put_several(KEYS);
    sync_log();
    put("last"); /* and the mark */
    test_file_copy_all(&original, &copied);
    damage_header("key-05");
    assert_damaged(HEADER_LINE);
    ck_assert_msg(strstr(said, "was in a lost place") == NULL, "%s", said);
    assert_saved(KEYS + 1);
}
END_TEST

/* What is lost is the segment's beginning, not the end of the one before it. */
START_TEST(a_lost_first_sector_is_no_lost_end)
{
    put_several(KEYS);
    sync_log();
    put("last"); /* and the mark */
    test_file_copy_all(&original, &copied);
    zero_header("key-05");
    assert_damaged("00000000000000000002.log offset 128: no valid record");
    ck_assert_msg(strstr(said, LOST_LINE) == NULL, "%s", said);
    ck_assert_msg(strstr(said, "was in a lost place") != NULL, "%s", said);
}
END_TEST

/* Nor is it where the end before it is lost, too. */
START_TEST(a_header_that_was_not_durable_is_no_damage)
{
    put("first");
    sync_log();
    put_several(KEYS);
    test_file_copy_all(&original, &copied);
    if (_i > 0) {
        lose_from("key-01", CUT_OFF);
    }
    damage_header("key-05");
    assert_judged(STATUS_OK, CHECK_EXIT_SOUND, "as after a crash");
}
END_TEST

static size_t damaged_lines(void)
{
    size_t lines = 0;
    for (const char *at = said; (at = strstr(at, "damaged: ")) != NULL; at++) {
        lines++;
    }
    return lines;
}

START_TEST(one_lost_end_is_said_once)
{
    put_several(KEYS);
    sync_log();
    put("last"); /* and the mark */
    test_file_copy_all(&original, &copied);
    lose_from("key-03", (enum manner)_i);
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_DAMAGED, "%d: %s", code, said);
    ck_assert_msg(damaged_lines() == 1, "%s", said);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_lost_end");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, the_manifest_knows_of_a_durable_end, 0, MANNERS);
    tcase_add_loop_test(tests, the_manifest_knows_of_a_durable_segment, 0, MANNERS);
    tcase_add_loop_test(tests, a_follower_knows_of_a_durable_end, 0, MANNERS);
    tcase_add_loop_test(tests, of_a_lost_end_the_beginning_was_durable, 0, MANNERS);
    tcase_add_loop_test(tests, what_was_not_durable_is_no_damage, 0, MANNERS);
    tcase_add_loop_test(tests, of_a_durable_group_whose_end_is_lost_the_rest_is_kept, 0, MANNERS);
    tcase_add_test(tests, a_durable_segment_was_not_set_aside_by_a_start);
    tcase_add_test(tests, a_follower_knows_of_a_durable_segment_that_is_set_aside);
    tcase_add_test(tests, a_segment_that_a_start_has_set_aside_is_no_damage);
    tcase_add_test(tests, the_first_segment_that_is_left_may_be_torn);
    tcase_add_loop_test(tests, a_follower_without_a_header_knows_of_a_durable_end, 0, MANNERS);
    tcase_add_loop_test(tests, where_the_manifest_is_ahead_so_does_a_follower_without_a_header, 0,
                        MANNERS);
    tcase_add_test(tests, a_damaged_header_has_a_line);
    tcase_add_test(tests, a_lost_first_sector_is_no_lost_end);
    tcase_add_loop_test(tests, a_header_that_was_not_durable_is_no_damage, 0, 2);
    tcase_add_loop_test(tests, one_lost_end_is_said_once, 0, MANNERS);
    return test_run("check_lost_end", tests);
}
