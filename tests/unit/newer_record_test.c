/*
 * newer_record_test.c - a store that has a record of a kind which only a later version knows.
 *
 * Kind 2 belongs to stores whose manifest says version 2, and this one is made to say 1: whoever
 * opens such a store, or looks into it with scdb-check, must be told so, with file and offset, and
 * must leave all as it is. It would be worst to take the record for the torn end of the log, and
 * cut it off.
 */
#include "base/check.h"
#include "base/log.h"
#include "check/report.h"
#include "engine/manifest.h"
#include "engine/segment_header.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST              "00000000000000000001.log"
#define MANIFEST_STORE_ID  32 /* where it stands, docs/file-format.md */
#define RECORD_BUFFER_SIZE 512

static struct test_directory directory;
static struct test_directory elsewhere;
static struct error error;

static enum status open_store(struct disk_store *store, bool repair)
{
    store->options = disk_store_options(65536);
    store->options.repair = repair;
    return disk_store_try_open(store, directory.path, &error);
}

/* The seed of the first log segment's checksums. */
static uint64_t first_seed(void)
{
    size_t size;
    uint8_t *manifest = test_file_read(&directory, "MANIFEST", &size);
    ck_assert_uint_gt(size, MANIFEST_STORE_ID + 16);
    uint64_t seed = record_seed(manifest + MANIFEST_STORE_ID, 1);
    free(manifest);
    return seed;
}

/* Where the log ends, and the number of its last record. */
static uint64_t find_end(uint64_t seed, uint64_t *sequence)
{
    size_t size;
    uint8_t *bytes = test_file_read(&directory, FIRST, &size);
    uint64_t offset = SEGMENT_HEADER_SIZE;
    struct record record;
    uint64_t record_bytes;
    while (offset < size && record_decode(bytes + offset, size - offset, seed, &record,
                                          &record_bytes) == STATUS_OK) {
        *sequence = record.sequence;
        offset += record_bytes;
    }
    free(bytes);
    return offset;
}

/* Puts a valid record of `kind` behind the end of the log, and returns where. */
static uint64_t append_record(enum record_kind kind)
{
    uint64_t seed = first_seed();
    uint64_t sequence = 0;
    uint64_t offset = find_end(seed, &sequence);
    ck_assert_uint_gt(sequence, 0);
    const struct slice value = SLICE_LITERAL("of a later version");
    struct record record = {.sequence = sequence + 1,
                            .keyspace_id = 1,
                            .kind = kind,
                            .expiry_ms = EXPIRY_NONE,
                            .key = SLICE_LITERAL("later"),
                            .pieces_id = 1,
                            .place = SEGMENT_HEADER_SIZE};
    bool is_pieced = kind == RECORD_PIECED;
    uint64_t head = record_head_size(record.key.size, value.size, false, is_pieced);
    uint64_t size = record_size(record.key.size, value.size, false, is_pieced);
    uint8_t bytes[RECORD_BUFFER_SIZE] = {0};
    ck_assert_uint_le(size, sizeof(bytes));
    record_encode_head(&record, &value, 1, seed, bytes);
    memcpy(bytes + head, value.data, value.size);
    test_file_write(&directory, FIRST, offset, bytes, (size_t)size);
    return offset;
}

/* A store as kill -9 leaves it: the process that made it ends without closing it. */
static void make_store(void)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct disk_store store;
        CHECK(open_store(&store, false) == STATUS_OK);
        struct engine *engine = store.engine;
        const struct slice part = SLICE_LITERAL("value");
        struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
        engine_lock(engine);
        CHECK(engine_put_locked(engine, engine_database_locked(engine, 0), SLICE_LITERAL("key"),
                                &value) == STATUS_OK);
        engine_unlock(engine);
        CHECK(engine_write(engine, UINT64_MAX) == STATUS_OK);
        _exit(EXIT_SUCCESS);
    }
    int how = -1;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_int_eq(how, 0);
}

/* Opening has made it say 2. */
static void make_manifest_say_1(void)
{
    struct file_system *fs;
    struct manifest manifest;
    ck_assert_int_eq(file_posix_open_directory(directory.path, &fs, &error), STATUS_OK);
    ck_assert_int_eq(manifest_read(fs, &manifest, &error), STATUS_OK);
    manifest.format_version = FORMAT_VERSION_PLAIN;
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    manifest_deinit(&manifest);
    fs_close(fs);
}

static void set_up(void)
{
    test_directory_create(&directory);
    test_directory_create(&elsewhere);
    make_store();
    make_manifest_say_1();
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
    test_directory_destroy(&elsewhere);
}

/* Does the text name the log and the place in it? */
static void assert_names_place(const char *text, uint64_t offset)
{
    char place[64];
    (void)snprintf(place, sizeof(place), "offset %llu", (unsigned long long)offset);
    ck_assert_msg(strstr(text, FIRST) != NULL && strstr(text, place) != NULL &&
                      strstr(text, "newer version") != NULL,
                  "%s, newer version, %s are missing in: %s", FIRST, place, text);
}

/* The record is made rightly: where its kind is known, it is a part of the store. */
START_TEST(one_of_a_known_kind_is_read)
{
    struct disk_store store;
    (void)append_record(RECORD_VALUE);
    ck_assert_int_eq(open_store(&store, false), STATUS_OK);
    struct engine *engine = store.engine;
    struct entry entry;
    engine_lock(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, SLICE_LITERAL("later"), &entry),
                     STATUS_OK);
    engine_unlock(engine);
    disk_store_close(&store);
}
END_TEST

static void assert_opening_refuses(bool repair)
{
    struct disk_store store;
    uint64_t offset = append_record(RECORD_PIECED);
    size_t size;
    size_t size_after;
    uint8_t *before = test_file_read(&directory, FIRST, &size);
    ck_assert_int_eq(open_store(&store, repair), STATUS_NEWER_FORMAT);
    assert_names_place(error.text, offset);
    uint8_t *after = test_file_read(&directory, FIRST, &size_after);
    ck_assert_uint_eq(size, size_after);
    ck_assert_int_eq(memcmp(before, after, size), 0);
    free(before);
    free(after);
    ck_assert(!test_file_exists(&directory, FIRST ".cut"));
}

START_TEST(opening_refuses_it)
{
    assert_opening_refuses(false);
}
END_TEST

START_TEST(opening_for_repair_refuses_it)
{
    assert_opening_refuses(true);
}
END_TEST

static int run_check(const char *name, char *said, size_t said_size)
{
    return check_run(name, directory.path, elsewhere.path, said, said_size);
}

static const char *const looking[] = {"verify", "dump", "repair", "stat"};

START_TEST(scdb_check_refuses_it)
{
    char said[1024];
    uint64_t offset = append_record(RECORD_PIECED);
    ck_assert_int_eq(run_check(looking[_i], said, sizeof(said)), CHECK_EXIT_FAILED);
    assert_names_place(said, offset);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("newer_record");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, one_of_a_known_kind_is_read);
    tcase_add_test(tests, opening_refuses_it);
    tcase_add_test(tests, opening_for_repair_refuses_it);
    tcase_add_loop_test(tests, scdb_check_refuses_it, 0,
                        (int)(sizeof(looking) / sizeof(looking[0])));
    return test_run("newer_record", tests);
}
