/*
 * recovery_history_test.c - where the history ends when more than one thing is wrong with it.
 *
 * The log of all cases is [a][b][c][y][M], as a sync leaves it while somebody writes: M is a sync
 * mark that covers a, b and c, and y, which was written during the fdatasync, stands in front of
 * it. (recovery_test.c has the cases in which one thing is wrong.)
 *
 * The program is linked so that guarded reads reach the function here first (Makefile).
 */
#include "engine/recovery_history.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"
#include "engine/record_scanner.h"
#include "support/check_verdict.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "00000000000000000001.log"

static struct sim_store store;
static uint64_t b_end;
static uint64_t y_offset;

static bool fails_once; /* the disk does not deliver what is read next through a mapping */
static bool fails;      /* nor anything */

bool __wrap_fault_guard_run(void (*body)(void *context), void *context);
bool __real_fault_guard_run(void (*body)(void *context), void *context);

bool __wrap_fault_guard_run(void (*body)(void *context), void *context)
{
    bool is_read = !fails && !fails_once;
    fails_once = false;
    return is_read && __real_fault_guard_run(body, context);
}

static uint64_t end_of_log(void)
{
    engine_lock(store.engine);
    uint64_t end = store.engine->appender.place.offset;
    engine_unlock(store.engine);
    return end;
}

static void put(const char *key, struct slice value)
{
    ck_assert_int_eq(sim_store_put(&store, key, value, EXPIRY_NONE), STATUS_OK);
}

static void put_y(void *context, enum sim_call call, const char *name)
{
    (void)context;
    if (call == SIM_SYNC && strcmp(name, FIRST) == 0 && y_offset == 0) {
        y_offset = end_of_log();
        put("y", SLICE_LITERAL("during the sync"));
    }
}

/* Writes the log; then the process is dead. */
static void write_log(size_t b_size, bool is_synced)
{
    const struct engine_options options = sim_store_options(8 << 20);
    sim_store_begin(&store, &options);
    char *bytes = malloc(b_size);
    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'b', b_size);
    put("a", SLICE_LITERAL("1"));
    put("b", slice_make(bytes, b_size));
    free(bytes);
    b_end = end_of_log();
    put("c", SLICE_LITERAL("3"));
    y_offset = 0;
    if (!is_synced) {
        sim_store_die(&store, SIM_KILL);
        return;
    }
    sim_disk_set_hook(store.disk, put_y, NULL);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert_uint_gt(y_offset, b_end);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK); /* the mark */
    sim_store_die(&store, SIM_KILL);
}

static void put_locked(const char *key, struct slice part)
{
    struct engine *engine = store.engine;
    const struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(
        engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &value),
        STATUS_OK);
}

/* Nothing else, and it is not synced; then the process is dead. */
static void write_group(size_t b_size)
{
    const struct engine_options options = sim_store_options(8 << 20);
    sim_store_begin(&store, &options);
    char *bytes = calloc(1, b_size);
    ck_assert_ptr_nonnull(bytes);
    engine_lock(store.engine);
    engine_group_begin_locked(store.engine);
    put_locked("a", SLICE_LITERAL("1"));
    put_locked("b", slice_make(bytes, b_size));
    put_locked("c", SLICE_LITERAL("3"));
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    free(bytes);
    sim_store_die(&store, SIM_KILL);
}

static void rot(uint64_t offset)
{
    ck_assert_int_eq(sim_disk_flip(store.disk, FIRST, offset, 1), STATUS_OK);
}

static enum status look(const char *key)
{
    struct engine *engine = store.engine;
    struct entry entry;
    engine_lock(engine);
    enum status status =
        engine_find_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &entry);
    if (status == STATUS_OK) {
        status = engine_verify_locked(engine, &entry, 0, SIZE_MAX);
    }
    engine_unlock(engine);
    return status;
}

static void expect(enum status b, enum status y)
{
    ck_assert_int_eq(look("a"), STATUS_OK);
    ck_assert_int_eq(look("b"), b);
    ck_assert_int_eq(look("c"), STATUS_OK);
    ck_assert_int_eq(look("y"), y);
}

/* What scdb-check finds damaged of the store as it lies there. */
static uint64_t damaged_places(void)
{
    char *said;
    struct check_verdict verdict = check_verdict(store.fs, &said);
    free(said);
    ck_assert_uint_eq(verdict.read, verdict.verified);
    return verdict.verified;
}

/* The mark stands behind the torn place, and what it says holds all the same: what was durable and
 * is sound must not go with a value of which it is known that it was durable, too. */
START_TEST(a_mark_behind_a_torn_place_covers_a_rotten_value)
{
    static const size_t sizes[] = {3000, 300000};
    write_log(sizes[_i], true);
    rot(b_end - 100);
    rot(y_offset + 20);
    ck_assert_uint_eq(damaged_places(), 1); /* b: y is what a crash leaves */
    sim_store_open(&store);
    expect(STATUS_CORRUPT, STATUS_NOT_FOUND);
    sim_store_kill_and_open(&store); /* the log ends where it was cut */
    expect(STATUS_CORRUPT, STATUS_NOT_FOUND);
    sim_store_end(&store);
}
END_TEST

START_TEST(a_torn_place_alone_ends_the_history)
{
    write_log(3000, true);
    rot(y_offset + 20);
    ck_assert_uint_eq(damaged_places(), 0);
    sim_store_open(&store);
    expect(STATUS_OK, STATUS_NOT_FOUND);
    sim_store_end(&store);
}
END_TEST

/* What the mark does not cover still ends with a value that is not whole. */
START_TEST(a_torn_value_behind_the_mark_ends_the_history)
{
    write_log(3000, true);
    rot(b_end - 100);
    rot(y_offset + 50); /* its value: the walk goes on to the mark */
    ck_assert_uint_eq(damaged_places(), 1);
    sim_store_open(&store);
    expect(STATUS_CORRUPT, STATUS_NOT_FOUND);
    sim_store_end(&store);
}
END_TEST

/* More than a block of the scanner, so that it is read through the mapping. */
#define LARGE_SIZE (RECORD_SCANNER_BLOCK_SIZE + 1000)

/* What is there, and was not delivered this time, must not be cut off. */
START_TEST(an_unread_value_that_no_mark_covers_is_an_error_of_the_disk)
{
    struct error error = {""};
    write_log(LARGE_SIZE, false);
    fails_once = true;
    ck_assert_int_eq(engine_open(&store.options, &store.engine, &error), STATUS_IO);
    ck_assert(!fails_once);
    ck_assert_msg(strstr(error.text, "can't read the log") != NULL, "%s", error.text);
    sim_store_open(&store);
    expect(STATUS_OK, STATUS_NOT_FOUND);
    sim_store_end(&store);
}
END_TEST

START_TEST(an_unread_value_in_front_of_a_mark_is_that_keys_affair)
{
    write_log(LARGE_SIZE, true);
    fails_once = true;
    sim_store_open(&store);
    ck_assert(!fails_once);
    expect(STATUS_OK, STATUS_OK); /* the disk works again */
    sim_store_end(&store);
}
END_TEST

/* It may be whole: repair must not leave the group out as if a crash had torn it. */
START_TEST(an_unread_value_of_a_group_is_damage_to_all_of_scdb_check)
{
    write_group(LARGE_SIZE);
    fails = true;
    ck_assert_uint_eq(damaged_places(), 1);
    fails = false;
    ck_assert_uint_eq(damaged_places(), 0);
    sim_store_open(&store);
    expect(STATUS_OK, STATUS_NOT_FOUND);
    sim_store_end(&store);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("recovery_history");
    tcase_add_loop_test(tests, a_mark_behind_a_torn_place_covers_a_rotten_value, 0, 2);
    tcase_add_test(tests, a_torn_place_alone_ends_the_history);
    tcase_add_test(tests, a_torn_value_behind_the_mark_ends_the_history);
    tcase_add_test(tests, an_unread_value_that_no_mark_covers_is_an_error_of_the_disk);
    tcase_add_test(tests, an_unread_value_in_front_of_a_mark_is_that_keys_affair);
    tcase_add_test(tests, an_unread_value_of_a_group_is_damage_to_all_of_scdb_check);
    return test_run("recovery_history", tests);
}
