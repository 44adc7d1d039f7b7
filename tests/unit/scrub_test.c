/* scrub_test.c - damage in what nobody reads is found, reported once, and kept from compaction. */
#include "engine/scrub.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE 65536
#define KEYS         400
#define LARGE        ((size_t)3 << 20)

static struct test_directory directory;
static struct disk_store store;
static unsigned lines; /* of the log that speak of the scrub */

static void count_line(enum log_level level, const char *text)
{
    (void)level;
    lines += strncmp(text, "scrub: ", 7) == 0 ? 1 : 0;
}

static void open_store(void)
{
    disk_store_open(&store, directory.path);
}

static void put(const char *key, const void *bytes, size_t size)
{
    struct slice part = slice_make(bytes, size);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(store.engine);
    enum status status = engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                           slice_of_string(key), &value);
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
}

static struct engine_statistics statistics(void)
{
    return disk_store_statistics(&store);
}

/* Several segments, each with dead and live records; a large value; all of it sealed. */
static void set_up(void)
{
    test_directory_create(&directory);
    store.options = disk_store_options(SEGMENT_SIZE);
    store.options.database_count = 1;
    open_store();
    char value[1000];
    char key[32];
    for (int i = 0; i < KEYS; i++) {
        memset(value, 'a' + i % 26, sizeof(value));
        (void)snprintf(key, sizeof(key), "key-%d", i % (KEYS / 2 + i % 7));
        put(key, value, sizeof(value));
    }
    char *large = malloc(LARGE);
    ck_assert_ptr_nonnull(large);
    memset(large, 'L', LARGE);
    put("large", large, LARGE);
    free(large);
    disk_store_close(&store);
    open_store();
    lines = 0;
    log_set_sink(count_line);
}

static void tear_down(void)
{
    disk_store_close(&store);
    log_set_sink(NULL);
    test_directory_destroy(&directory);
}

/* A whole pass, whatever the time. */
static void run_pass(void)
{
    uint64_t passes = statistics().scrub_passes;
    scrub_begin(&store.engine->scrub);
    while (statistics().scrub_passes == passes) {
        store.engine->scrub.next_step_ms = 0;
        engine_tick(store.engine);
    }
}

/* Turns one bit of the file, which the engine has mapped. */
static void flip(uint64_t number, uint64_t offset)
{
    char name[FILE_NAME_SIZE_MAX];
    size_t size;
    segment_file_name(SEGMENT_LOG, number, name);
    uint8_t *bytes = test_file_read(&directory, name, &size);
    ck_assert_uint_lt(offset, size);
    bytes[offset] ^= 1;
    test_file_write(&directory, name, offset, bytes + offset, 1);
    free(bytes);
}

static struct segment *segment_with(uint64_t number)
{
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(&store.engine->segments, &handle)) != NULL) {
        if (segment->number == number) {
            return segment;
        }
    }
    return NULL;
}

/* The segment that has the large value. */
static uint64_t large_number(void)
{
    size_t handle = 0;
    const struct segment *segment;
    while ((segment = segment_table_next(&store.engine->segments, &handle)) != NULL) {
        if (segment->end > LARGE) {
            return segment->number;
        }
    }
    ck_abort_msg("no segment holds the large value");
}

START_TEST(a_sound_store_is_read_whole)
{
    run_pass();
    struct engine_statistics found = statistics();
    uint64_t sealed_bytes = 0;
    size_t handle = 0;
    const struct segment *segment;
    while ((segment = segment_table_next(&store.engine->segments, &handle)) != NULL) {
        sealed_bytes += segment->sealed ? segment->end - SEGMENT_HEADER_SIZE : 0;
    }
    ck_assert_uint_gt(sealed_bytes, LARGE);
    ck_assert_uint_eq(found.scrub_read_bytes, sealed_bytes);
    ck_assert_uint_eq(found.scrub_damaged_records, 0);
    ck_assert_uint_eq(found.scrub_damaged_segments, 0);
    ck_assert(!found.scrub_running);
    ck_assert_uint_eq(lines, 0);
}
END_TEST

/* The first segment's first value is dead: nobody would ever read it. */
START_TEST(a_damaged_value_is_found_and_reported_once)
{
    flip(1, 500);
    run_pass();
    run_pass();
    struct engine_statistics found = statistics();
    ck_assert_uint_eq(found.scrub_passes, 2);
    ck_assert_uint_eq(found.scrub_damaged_records, 1);
    ck_assert_uint_eq(found.scrub_damaged_segments, 1);
    ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(a_damaged_header_is_found)
{
    flip(1, SEGMENT_HEADER_SIZE + 8);
    run_pass();
    ck_assert_uint_eq(statistics().scrub_damaged_segments, 1);
    ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(a_large_value_is_looked_at_to_its_end)
{
    flip(large_number(), LARGE - 1000);
    run_pass();
    ck_assert_uint_eq(statistics().scrub_damaged_records, 1);
    ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(what_is_damaged_is_not_compacted)
{
    flip(1, 500);
    run_pass();
    ck_assert(segment_with(1)->damaged);
    struct compaction_result result;
    ck_assert_int_eq(engine_compact(store.engine, &result), STATUS_OK);
    ck_assert_uint_gt(result.segments_removed, 0);
    ck_assert_ptr_nonnull(segment_with(1));
    ck_assert_ptr_null(segment_with(2));
}
END_TEST

/* The segment that a pass is at may be compacted away between two of its steps. */
START_TEST(compaction_goes_on_meanwhile)
{
    scrub_begin(&store.engine->scrub);
    store.engine->scrub.next_step_ms = 0;
    scrub_step(store.engine);
    ck_assert(statistics().scrub_running);
    struct compaction_result result;
    ck_assert_int_eq(engine_compact(store.engine, &result), STATUS_OK);
    ck_assert_uint_gt(result.segments_removed, 0);
    run_pass();
    ck_assert_uint_eq(statistics().scrub_damaged_segments, 0);
}
END_TEST

START_TEST(no_interval_no_pass)
{
    store.engine->scrub.last_ms = INT64_MIN / 2; /* ages ago */
    engine_tick(store.engine);
    ck_assert(!statistics().scrub_running);
    ck_assert_uint_eq(statistics().scrub_passes, 0);
    engine_set_scrub_interval(store.engine, 1);
    while (statistics().scrub_passes == 0) {
        store.engine->scrub.next_step_ms = 0;
        engine_tick(store.engine);
    }
    engine_tick(store.engine);
    ck_assert_uint_eq(statistics().scrub_passes, 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("scrub");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_sound_store_is_read_whole);
    tcase_add_test(tests, a_damaged_value_is_found_and_reported_once);
    tcase_add_test(tests, a_damaged_header_is_found);
    tcase_add_test(tests, a_large_value_is_looked_at_to_its_end);
    tcase_add_test(tests, what_is_damaged_is_not_compacted);
    tcase_add_test(tests, compaction_goes_on_meanwhile);
    tcase_add_test(tests, no_interval_no_pass);
    return test_run("scrub", tests);
}
