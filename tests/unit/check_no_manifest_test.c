/* check_no_manifest_test.c - what scdb-check makes of damage where no manifest tells what was
 * durable. What a compaction has judged was; of the rest it is not known, and nobody says that it
 * was or was not. An older value never takes the place of one that may have been durable.
 */
#include "base/log.h"
#include "check/report.h"
#include "engine/compaction.h"
#include "engine/manifest.h"
#include "engine/record.h"
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

#define SEGMENT_SIZE  ((uint64_t)16 << 10)
#define VALUE_SIZE    1000
#define FILLERS       15 /* with what stands before them, a segment */
#define GARBAGE       40 /* values of the same few keys: several segments */
#define FILES_MAX     40
#define IN_DOUBT      "without a manifest it is not known whether"
#define EVER          "ever reported durable"
#define OLDER_IS_BACK "was in a lost place is there with an older value"

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
    disk_store_open(&store, original.path);
}

static void tear_down(void)
{
    if (store.engine != NULL) {
        disk_store_close(&store);
    }
    test_directory_destroy(&original);
    test_directory_destroy(&copied);
    test_directory_destroy(&elsewhere);
}

/* --- what is written ------------------------------------------------------------------------ */

static void fill(char *value, const char *key, const char *version)
{
    memset(value, '.', VALUE_SIZE);
    int size = snprintf(value, VALUE_SIZE, "%s is %s", key, version);
    value[size] = '.';
}

static void write_log(void)
{
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
}

static void put_locked(const char *key, const char *version)
{
    char value[VALUE_SIZE];
    fill(value, key, version);
    const struct slice part = slice_make(value, sizeof(value));
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
    write_log();
}

static void remove_key(const char *key)
{
    engine_lock(store.engine);
    ck_assert_int_eq(engine_delete_locked(store.engine, engine_database_locked(store.engine, 0),
                                          slice_of_string(key)),
                     STATUS_OK);
    engine_unlock(store.engine);
    write_log();
}

static void put_several(const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "%s-%d", name, i);
        put(key, "there");
    }
}

/* Older versions in the first segment, what counts in the second. */
static void write_history(void)
{
    put("bank", "old");
    put("gone", "old");
    put_several("first", FILLERS);
    put("bank", "new");
    remove_key("gone");
    put("next", "there");
    put_several("second", FILLERS);
}

/* Of several segments that are nearly all garbage a compaction makes a packed one; the two before
 * stay as they are. */
static void compact_what_follows(void)
{
    struct compaction_result result;
    for (int i = 0; i < GARBAGE; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "many-%d", i % 10 == 0 ? i : 1);
        put(key, "there");
    }
    ck_assert_int_eq(compaction_run(store.engine, COMPACTION_GARBAGE, &result), STATUS_OK);
}

static bool has_packed(void)
{
    for (uint64_t number = 1; number < FILES_MAX; number++) {
        char name[FILE_NAME_SIZE_MAX];
        segment_file_name(SEGMENT_PACKED, number, name);
        if (test_file_exists(&copied, name)) {
            return true;
        }
    }
    return false;
}

/* A clean stop, which leaves no mark; of what it leaves, a copy without the manifest. */
static void lose_manifest(void)
{
    disk_store_close(&store);
    test_file_copy_all(&original, &copied);
    test_file_remove(&copied, "MANIFEST");
    ck_assert(test_file_exists(&copied, "00000000000000000001.log"));
    ck_assert(test_file_exists(&copied, "00000000000000000002.log"));
}

/* --- what is broken ------------------------------------------------------------------------- */

static void break_value(void)
{
    log_text_flip_before(&copied, "bank is new", 0);
}

/* The tombstone lies right before the record whose key and value this is. */
static void break_deletion(void)
{
    log_text_flip_before(&copied, "nextnext is there", RECORD_HEADER_SIZE + RECORD_ALIGNMENT);
}

/* --- what is found -------------------------------------------------------------------------- */

/* Each command says `line`, and that the store is damaged; none says what nobody can know. */
static void assert_all_say(const char *line)
{
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = check_run(commands[i], copied.path, elsewhere.path, said, sizeof(said));
        ck_assert_msg(code == CHECK_EXIT_DAMAGED, "%s: %d: %s", commands[i], code, said);
        ck_assert_msg(strstr(said, line) != NULL, "%s: %s", commands[i], said);
        ck_assert_msg(strstr(said, EVER) == NULL, "%s: %s", commands[i], said);
        ck_assert_msg(strstr(said, "never acknowledged") == NULL, "%s: %s", commands[i], said);
    }
}

static void assert_repair_says(const char *line, bool says)
{
    ck_assert_msg((strstr(said, line) != NULL) == says, "%s: %s", line, said);
}

/* A line that begins with this word, and goes on about a place in the second segment. */
static void assert_kind(const char *kind, const char *what)
{
    char start[64];
    (void)snprintf(start, sizeof(start), "%s: 00000000000000000002.log offset", kind);
    const char *line = strstr(said, start);
    ck_assert_msg(line != NULL, "%s: %s", start, said);
    const char *found = strstr(line, what);
    const char *end = strchr(line, '\n');
    ck_assert_msg(found != NULL && found < end, "%s: %s", what, said);
}

static enum status find_in(struct disk_store *fresh, const char *key, const char *version)
{
    char expected[VALUE_SIZE];
    struct entry entry;
    fill(expected, key, version);
    engine_lock(fresh->engine);
    enum status status = engine_find_locked(fresh->engine, engine_database_locked(fresh->engine, 0),
                                            slice_of_string(key), &entry);
    if (status == STATUS_OK) {
        ck_assert_msg(slice_equal(entry.value, slice_make(expected, VALUE_SIZE)), "%s: not %s\n%s",
                      key, version, said);
    }
    engine_unlock(fresh->engine);
    return status;
}

/* In the store that repair has made. NULL: the key is absent. */
static void assert_repaired(const char *key, const char *version)
{
    char path[TEST_FILE_PATH_SIZE];
    struct disk_store fresh = {.options = disk_store_options(SEGMENT_SIZE)};
    disk_store_open(&fresh, test_file_path(&elsewhere, "new", path));
    enum status status = find_in(&fresh, key, version == NULL ? "" : version);
    ck_assert_msg(status == (version == NULL ? STATUS_NOT_FOUND : STATUS_OK), "%s: %s\n%s", key,
                  status_name(status), said);
    disk_store_close(&fresh);
}

/* --- cases ---------------------------------------------------------------------------------- */

START_TEST(a_value_that_a_compaction_has_judged_was_durable)
{
    write_history();
    compact_what_follows();
    lose_manifest();
    ck_assert(has_packed());
    break_value();
    assert_all_say("damaged: ");
    assert_repair_says(IN_DOUBT, false);
    assert_kind("damaged", "the value of key \"bank\" (keyspace 1, sequence number 18) fails its");
    assert_repaired("bank", NULL);
    assert_repaired("gone", NULL);
    assert_repaired("next", "there");
}
END_TEST

START_TEST(a_deletion_that_a_compaction_has_judged_was_durable)
{
    write_history();
    compact_what_follows();
    lose_manifest();
    ck_assert(has_packed());
    break_deletion();
    assert_all_say("damaged: 00000000000000000002.log offset");
    assert_repair_says(IN_DOUBT, false);
    assert_kind("damaged", "no valid record");
    assert_repair_says(OLDER_IS_BACK, true);
    assert_repaired("bank", "new");
    assert_repaired("next", "there");
}
END_TEST

/* Neither a packed segment nor a mark tells. The value is not there, rather than an older one. */
START_TEST(of_a_value_it_may_not_be_known)
{
    write_history();
    lose_manifest();
    ck_assert(!has_packed());
    break_value();
    assert_all_say("damaged: ");
    assert_kind("damaged", IN_DOUBT);
    assert_repaired("bank", NULL);
    assert_repaired("next", "there");
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_DAMAGED);
    assert_kind("damaged", "fails its checksum; " IN_DOUBT);
}
END_TEST

/* What was lost has no key, so an older value may be back; that is said. */
START_TEST(of_a_deletion_it_may_not_be_known)
{
    write_history();
    lose_manifest();
    break_deletion();
    assert_all_say("note: 00000000000000000002.log offset");
    assert_kind("note", IN_DOUBT);
    assert_repair_says(OLDER_IS_BACK, true);
    assert_repaired("bank", "new");
    assert_repaired("next", "there");
}
END_TEST

/* Where it is not known that the log ends at the first such place, each has its line. */
START_TEST(each_place_is_told_of)
{
    write_history();
    lose_manifest();
    break_deletion();
    log_text_flip_before(&copied, "second-3 is there", 0);
    log_text_flip_before(&copied, "second-5 is there", 0);
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_DAMAGED);
    assert_repair_says("the value of key \"second-3\"", true);
    assert_repair_says("the value of key \"second-5\"", true);
    assert_kind("note", IN_DOUBT);
}
END_TEST

static void put_group(const char *version)
{
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    put_locked("member-a", version);
    put_locked("member-b", version);
    put_locked("member-c", version);
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
    write_log();
}

/* It may have been acknowledged: what is whole of it is not set back. */
START_TEST(of_a_group_what_is_whole_is_kept)
{
    put_group("old");
    put_several("first", FILLERS);
    put_group("new");
    lose_manifest();
    log_text_flip_before(&copied, "member-b is new", 0);
    assert_all_say("damaged: ");
    assert_kind("damaged", IN_DOUBT);
    assert_repaired("member-a", "new");
    assert_repaired("member-b", NULL);
    assert_repaired("member-c", "new");
}
END_TEST

/* The segment of the copy that has this record, by its key and value, ends in front of it. */
static void cut_off_at(const char *text)
{
    struct log_text place = log_text_find(&copied, text);
    test_file_resize(&copied, place.name, place.offset - RECORD_HEADER_SIZE);
}

START_TEST(of_a_group_without_end_what_is_whole_is_kept)
{
    put_group("old");
    put_several("first", FILLERS);
    put_group("new");
    lose_manifest();
    cut_off_at("member-cmember-c is new");
    assert_all_say("note: 00000000000000000002.log offset");
    assert_kind("note", IN_DOUBT);
    assert_repaired("member-a", "new");
    assert_repaired("member-b", "new");
    assert_repaired("member-c", "old");
}
END_TEST

/* The end of a segment is gone without a trace, and another one goes on from it. */
START_TEST(of_a_lost_end_it_may_not_be_known)
{
    write_history();
    lose_manifest();
    cut_off_at("first-10");
    assert_all_say(IN_DOUBT);
    assert_repair_says(OLDER_IS_BACK, true);
    assert_repaired("bank", "new");
    assert_repaired("first-10", NULL);
}
END_TEST

/* Nothing is wrong but the manifest: nothing else is said. */
START_TEST(what_is_whole_is_not_doubted)
{
    write_history();
    if (_i == 1) {
        compact_what_follows();
    }
    lose_manifest();
    assert_all_say("damaged: file MANIFEST is missing");
    assert_repair_says(IN_DOUBT, false);
    assert_repair_says("offset", false);
    assert_repaired("bank", "new");
    assert_repaired("gone", NULL);
    assert_repaired("next", "there");
}
END_TEST

/* --- nothing but other files ---------------------------------------------------------------- */

START_TEST(no_store_is_told_by_what_lies_there)
{
    static const char checkpoint[] = "00000000000000000003.index";
    static const char cut[] = "00000000000000000001.log.cut";
    if (_i != 1) {
        test_file_create(&copied, checkpoint, "");
    }
    if (_i != 0) {
        test_file_create(&copied, cut, "what a start has set aside");
    }
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_FAILED);
    assert_repair_says(" 0 ", false);
    assert_repair_says("1 checkpoints of the index (*.index)", _i != 1);
    assert_repair_says("1 *.cut files", _i != 0);
    assert_repair_says(", and 1 *.cut files", _i == 2);
    assert_repair_says("restore a backup", true);
}
END_TEST

/* What a first start leaves that was interrupted, before or after its manifest was whole: the next
 * one makes a new store. */
START_TEST(a_first_start_that_was_interrupted_is_no_damage)
{
    struct file_system *fs;
    struct error error;
    struct manifest manifest;
    ck_assert_int_eq(file_posix_open_directory(copied.path, &fs, &error), STATUS_OK);
    manifest_init(&manifest);
    manifest.segment_size = SEGMENT_SIZE;
    manifest.next_file_number = 1;
    manifest.next_sequence = 1;
    manifest.next_keyspace_id = 1;
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    ck_assert_int_eq(fs_rename(fs, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME), STATUS_OK);
    manifest_deinit(&manifest);
    fs_close(fs);
    if (_i == 1) {
        test_file_resize(&copied, MANIFEST_TEMPORARY_NAME, 100);
    }
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_msg(code == CHECK_EXIT_FAILED, "%d: %s", code, said);
    assert_repair_says("there is no store in this directory", true);
    assert_repair_says("damaged", false);
}
END_TEST

/* Nor is it one where nothing was set aside. */
START_TEST(an_empty_file_that_was_set_aside_is_no_store)
{
    test_file_create(&copied, "00000000000000000001.log.cut", "");
    int code = check_run("verify", copied.path, elsewhere.path, said, sizeof(said));
    ck_assert_int_eq(code, CHECK_EXIT_FAILED);
    assert_repair_says("there is no store in this directory", true);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_no_manifest");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_value_that_a_compaction_has_judged_was_durable);
    tcase_add_test(tests, a_deletion_that_a_compaction_has_judged_was_durable);
    tcase_add_test(tests, of_a_value_it_may_not_be_known);
    tcase_add_test(tests, of_a_deletion_it_may_not_be_known);
    tcase_add_test(tests, each_place_is_told_of);
    tcase_add_test(tests, of_a_group_what_is_whole_is_kept);
    tcase_add_test(tests, of_a_group_without_end_what_is_whole_is_kept);
    tcase_add_test(tests, of_a_lost_end_it_may_not_be_known);
    tcase_add_loop_test(tests, what_is_whole_is_not_doubted, 0, 2);
    tcase_add_loop_test(tests, no_store_is_told_by_what_lies_there, 0, 3);
    tcase_add_loop_test(tests, a_first_start_that_was_interrupted_is_no_damage, 0, 2);
    tcase_add_test(tests, an_empty_file_that_was_set_aside_is_no_store);
    return test_run("check_no_manifest", tests);
}
