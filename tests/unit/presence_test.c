/* presence_test.c - an engine whose files are taken away, replaced or cut while it runs. */
#include "engine/presence.h"

#include "base/log.h"
#include "engine/engine.h"
#include "engine/reserve.h"
#include "engine/zero_ahead.h"
#include "support/disk_store.h"
#include "support/log_text.h"
#include "support/test_directory.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SEGMENT_SIZE 65536

static struct test_directory directory;
static struct disk_store store;
static struct engine *engine; /* the store's */

static char logged[4000];

static void note_line(enum log_level level, const char *text)
{
    (void)level;
    size_t size = strlen(logged);
    (void)snprintf(logged + size, sizeof(logged) - size, "%s\n", text);
}

static void open_store(void)
{
    store.options = disk_store_options(SEGMENT_SIZE);
    disk_store_open(&store, directory.path);
    engine = store.engine;
}

static void set_up(void)
{
    test_directory_create(&directory);
    log_set_level(LOG_WARNING_LEVEL);
    log_set_sink(note_line);
    logged[0] = '\0';
    open_store();
}

static void tear_down(void)
{
    log_set_sink(NULL);
    if (engine != NULL) {
        disk_store_close(&store);
    }
    test_directory_destroy(&directory);
}

static enum status put(const char *key, const char *text)
{
    struct slice value = slice_of_string(text);
    struct engine_value v = {.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(engine);
    enum status status =
        engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &v);
    uint64_t position = engine_payload_position_locked(engine);
    engine_unlock(engine);
    return status == STATUS_OK ? engine_write(engine, position) : status;
}

static void expect(const char *key, const char *text)
{
    struct entry entry;
    engine_lock(engine);
    ck_assert_int_eq(
        engine_find_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &entry),
        STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
    ck_assert(slice_equal(entry.value, slice_of_string(text)));
    engine_unlock(engine);
}

/* Whoever closes an engine that can't write any more is told so. */
static void close_stopped(void)
{
    ck_assert_int_eq(engine_close(engine), STATUS_WRITES_STOPPED);
    fs_close(store.fs);
    engine = NULL;
}

static void expect_logged(const char *text)
{
    ck_assert_msg(strstr(logged, text) != NULL, "\"%s\" is not in: %s", text, logged);
}

enum mishap { REMOVED, MOVED, REPLACED, CUT, MISHAP_COUNT };

/* What then has the path of the file that was there, if it is still anywhere. */
static void do_mishap(enum mishap mishap, const char *name)
{
    char path[TEST_FILE_PATH_SIZE];
    char other[TEST_FILE_PATH_SIZE];
    (void)test_file_path(&directory, name, path);
    (void)test_file_path(&directory, "moved", other);
    if (mishap == CUT) {
        test_file_resize(&directory, name, 4096);
    } else if (mishap == REMOVED) {
        test_file_remove(&directory, name);
    } else {
        size_t size;
        uint8_t *bytes = test_file_read(&directory, name, &size);
        ck_assert_int_eq(rename(path, other), 0);
        if (mishap == REPLACED) {
            test_file_create(&directory, name, "");
            test_file_write(&directory, name, 0, bytes, size);
        }
        free(bytes);
    }
}

START_TEST(writing_stops_when_the_file_of_the_log_is_not_there)
{
    ck_assert_int_eq(put("a", "what the first key has"), STATUS_OK);
    engine_tick(engine);
    ck_assert_str_eq(logged, "");
    struct log_text place = log_text_find(&directory, "what the first key has");
    do_mishap((enum mishap)_i, place.name);
    engine_tick(engine);
    ck_assert_int_eq(put("a", "another"), STATUS_WRITES_STOPPED);
    ck_assert_str_eq(engine_stop_words(engine),
                     "the file of the log was removed, moved, replaced or cut");
    expect("a", "what the first key has");
    expect_logged(place.name);
    expect_logged(_i == CUT ? "was cut by somebody" : "was removed, moved or replaced by somebody");
    expect_logged(_i == CUT ? "from a backup" : "/proc/");
    expect_logged("replaced or cut: writing stops for good, and reading goes on");
    size_t told = strlen(logged);
    engine_tick(engine);
    ck_assert_uint_eq(strlen(logged), told);
    close_stopped();
}
END_TEST

/* Up to where its file is reserved, as they come before each end of a segment. */
START_TEST(zeros_ahead_of_the_log_do_not_hide_a_cut)
{
    char text[1000];
    memset(text, 'v', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    uint64_t position = 0;
    while (position < SEGMENT_SIZE - SEGMENT_SIZE / 12) {
        ck_assert_int_eq(put("a", text), STATUS_OK);
        position = disk_store_statistics(&store).appended_position;
    }
    ck_assert_int_eq(engine_sync(engine), STATUS_OK); /* much that is not durable wants none */
    ck_assert_str_eq(logged, "");
    struct log_text place = log_text_find(&directory, text);
    do_mishap(CUT, place.name);
    zero_ahead(engine);
    engine_tick(engine);
    ck_assert_int_eq(put("a", "another"), STATUS_WRITES_STOPPED);
    close_stopped();
}
END_TEST

/* What is open can be saved, as the log says: nothing that was acknowledged is lost. */
START_TEST(what_was_removed_can_be_put_back)
{
    ck_assert_int_eq(put("a", "what the first key has"), STATUS_OK);
    struct log_text place = log_text_find(&directory, "what the first key has");
    char path[TEST_FILE_PATH_SIZE];
    int file = open(test_file_path(&directory, place.name, path), O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0); /* what /proc/PID/fd/N would open */
    test_file_remove(&directory, place.name);
    ck_assert_int_eq(put("b", "the second"), STATUS_OK);
    engine_tick(engine);
    ck_assert_int_eq(put("c", "the third"), STATUS_WRITES_STOPPED);
    static uint8_t bytes[1 << 20];
    ssize_t size = pread(file, bytes, sizeof(bytes), 0);
    ck_assert_int_gt(size, 0);
    close_stopped();
    ck_assert_int_eq(close(file), 0);
    test_file_create(&directory, place.name, "");
    test_file_write(&directory, place.name, 0, bytes, (size_t)size);
    open_store();
    expect("a", "what the first key has");
    expect("b", "the second");
    disk_store_verify(&store);
}
END_TEST

/* Nothing new goes there: who has the copy has all. */
START_TEST(a_sealed_segment_that_is_not_there_is_told_once)
{
    ck_assert_int_eq(put("a", "what the first key has"), STATUS_OK);
    disk_store_close(&store);
    open_store();
    engine_tick(engine);
    ck_assert_str_eq(logged, "");
    struct log_text place = log_text_find(&directory, "what the first key has");
    do_mishap((enum mishap)_i, place.name);
    if (_i == CUT) {
        test_file_resize(&directory, place.name, place.offset);
    }
    engine_tick(engine);
    expect_logged(place.name);
    size_t told = strlen(logged);
    for (int i = 0; i < 3; i++) {
        engine_tick(engine);
    }
    ck_assert_uint_eq(strlen(logged), told);
    ck_assert_int_eq(put("b", "another"), STATUS_OK);
    expect("b", "another");
}
END_TEST

/* All of them are looked at, in turn. */
START_TEST(every_sealed_segment_is_looked_at)
{
    enum { SEGMENTS = 50 };
    char key[16];
    char text[32];
    for (int i = 0; i < SEGMENTS; i++) {
        (void)snprintf(key, sizeof(key), "key:%d", i);
        (void)snprintf(text, sizeof(text), "what key:%d. has", i);
        ck_assert_int_eq(put(key, text), STATUS_OK);
        disk_store_close(&store);
        open_store();
    }
    for (int i = 0; i < SEGMENTS; i++) {
        (void)snprintf(text, sizeof(text), "what key:%d. has", i);
        struct log_text place = log_text_find(&directory, text);
        test_file_remove(&directory, place.name);
        logged[0] = '\0';
        for (int tick = 0; tick < SEGMENTS; tick++) {
            engine_tick(engine);
        }
        expect_logged(place.name);
    }
}
END_TEST

/* Somebody wanted its room: it has no more to lose, and is to have what there is. */
START_TEST(the_reserve_that_was_cut_is_set_aside_again)
{
    static char text[SEGMENT_SIZE / 2];
    memset(text, 'v', sizeof(text) - 1);
    engine_tick(engine);
    test_file_resize(&directory, RESERVE_NAME, 0);
    ck_assert_int_eq(put("a", text), STATUS_OK); /* more is to be set aside now */
    engine_tick(engine);
    expect_logged(RESERVE_NAME);
    logged[0] = '\0';
    engine_tick(engine);
    ck_assert_str_eq(logged, "");
    size_t size;
    free(test_file_read(&directory, RESERVE_NAME, &size));
    ck_assert_uint_ge(size, sizeof(text));
    ck_assert_int_eq(put("a", "another"), STATUS_OK);
}
END_TEST

START_TEST(a_lock_file_that_has_gone_is_made_again)
{
    test_file_remove(&directory, "LOCK");
    engine_tick(engine);
    ck_assert(test_file_exists(&directory, "LOCK"));
    expect_logged("LOCK");
    ck_assert_int_eq(put("a", "1"), STATUS_OK);
    struct disk_store second = {.options = store.options};
    struct error error;
    ck_assert_int_eq(disk_store_try_open(&second, directory.path, &error), STATUS_LOCKED);
}
END_TEST

START_TEST(writing_stops_when_another_has_the_lock)
{
    char path[TEST_FILE_PATH_SIZE];
    ck_assert_int_eq(put("a", "1"), STATUS_OK);
    test_file_remove(&directory, "LOCK");
    test_file_create(&directory, "LOCK", "pid 7 on host other\n");
    int file = open(test_file_path(&directory, "LOCK", path), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(flock(file, LOCK_EX | LOCK_NB), 0);
    engine_tick(engine);
    ck_assert_int_eq(put("a", "2"), STATUS_WRITES_STOPPED);
    ck_assert_str_eq(engine_stop_words(engine), "another process has locked the store, too");
    expect_logged("pid 7 on host other");
    expect("a", "1");
    ck_assert_int_eq(close(file), 0);
    engine_tick(engine);
    ck_assert_int_eq(put("a", "2"), STATUS_WRITES_STOPPED); /* for good */
    close_stopped();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("presence");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, writing_stops_when_the_file_of_the_log_is_not_there, 0,
                        MISHAP_COUNT);
    tcase_add_test(tests, zeros_ahead_of_the_log_do_not_hide_a_cut);
    tcase_add_test(tests, what_was_removed_can_be_put_back);
    tcase_add_loop_test(tests, a_sealed_segment_that_is_not_there_is_told_once, 0, MISHAP_COUNT);
    tcase_add_test(tests, every_sealed_segment_is_looked_at);
    tcase_add_test(tests, the_reserve_that_was_cut_is_set_aside_again);
    tcase_add_test(tests, a_lock_file_that_has_gone_is_made_again);
    tcase_add_test(tests, writing_stops_when_another_has_the_lock);
    return test_run("presence", tests);
}
