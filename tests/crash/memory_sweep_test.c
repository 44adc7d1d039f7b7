/*
 * memory_sweep_test.c - each allocation that the engine makes fails in turn, alone and with the
 * next few; whoever asked is told NO_MEMORY, and the store stays what it should be (crash_run.h).
 *
 * A history runs undisturbed first, which tells how many allocations there are; then again for each
 * of them.
 */
#include "engine/staged.h"
#include "keyspace/batch.h"
#include "support/crash_run.h"
#include "support/failing_memory.h"
#include "support/keyspace_store.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define HISTORIES 8
#define STEPS     50
#define KEY_COUNT 24

static uint64_t fails_at; /* 0 = none */
static uint64_t fails_count;
static uint64_t failure_count;

static void run_history(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.segment_size = 4096;
    run.key_count = KEY_COUNT;
    run.large_value_size = 70000;
    run.steady_clock = true;
    run.may_fail = fails_at > 0;
    failing_memory_arm(fails_at, fails_count);
    crash_run_open_and_settle(&run);
    crash_run_live(&run, STEPS);
    crash_run_end_session(&run);
    crash_run_open_and_settle(&run); /* with something to recover */
    run.may_fail |= fails_at > 0;
    crash_run_close(&run);
    run.required = run.history.written;
    run.may_fail = false;
    failure_count += failing_memory_failures();
    if (fails_at > 0) {
        failing_memory_arm(0, 0);
    }
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

static void sweep(uint64_t seed)
{
    fails_at = 0;
    run_history(seed);
    uint64_t allocations = failing_memory_allocations();
    ck_assert_uint_gt(allocations, 50);
    for (uint64_t n = 1; n <= allocations; n++) {
        fails_at = n;
        fails_count = n % 3 == 0 ? 8 : 1;
        CRASH_TRACE("=== allocation %" PRIu64 " fails\n", n);
        run_history(seed);
    }
}

START_TEST(each_allocation_fails_in_turn)
{
    crash_run_repeat("memory_sweep_test", sweep, HISTORIES);
    printf("memory_sweep_test: %" PRIu64 " allocations failed in turn\n", failure_count);
    ck_assert_uint_gt(failure_count, 50);
}
END_TEST

/* --- patches by name ---------------------------------------------------------------------- */

#define LARGE_KEY_SIZE ((size_t)70000)
#define STRING_SIZE    ((size_t)200000)

static struct sim_store store;
static char large_key[LARGE_KEY_SIZE];
static char content[STRING_SIZE + 1];

static enum status patch_large_key(uint64_t offset, struct slice part)
{
    struct slice key = slice_make(large_key, sizeof(large_key));
    struct entry old;
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    struct engine_keyspace *keyspace = engine_database_locked(store.engine, 0);
    enum status status = engine_find_locked(store.engine, keyspace, key, &old);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        struct engine_patch patch = {.old = status == STATUS_OK ? &old : NULL,
                                     .offset = offset,
                                     .parts = &part,
                                     .part_count = 1,
                                     .expiry_ms = EXPIRY_NONE};
        status = engine_patch_locked(store.engine, keyspace, key, &patch);
    }
    engine_unlock(store.engine);
    return status;
}

static bool has_content(size_t size)
{
    struct entry entry;
    struct slice value;
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    bool is_right =
        engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                           slice_make(large_key, sizeof(large_key)), &entry) == STATUS_OK &&
        engine_part_locked(store.engine, &entry, 0, SIZE_MAX, &value) == STATUS_OK &&
        slice_equal(value, slice_make(content, size));
    engine_unlock(store.engine);
    return is_right;
}

/* The header of such a key is too large for the log's memory, where the pieces behind it go. */
START_TEST(a_patch_under_a_large_key_is_refused_whole)
{
    enum status status = STATUS_NO_MEMORY;
    for (uint64_t n = 1; status != STATUS_OK; n++) {
        const struct engine_options options = sim_store_options((uint64_t)1 << 20);
        sim_store_begin(&store, &options);
        memset(content, 0, sizeof(content));
        content[STRING_SIZE - 1] = 'a';
        ck_assert_int_eq(patch_large_key(STRING_SIZE - 1, SLICE_LITERAL("a")), STATUS_OK);
        ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
        failing_memory_arm(n, UINT32_MAX);
        status = patch_large_key(STRING_SIZE, SLICE_LITERAL("b"));
        failing_memory_arm(0, 0);
        ck_assert(status == STATUS_OK || status == STATUS_NO_MEMORY);
        content[STRING_SIZE] = 'b';
        ck_assert(has_content(STRING_SIZE + (status == STATUS_OK ? 1 : 0)));
        ck_assert_uint_lt(n, 100);
        sim_store_end(&store);
    }
}
END_TEST

/* --- another name ------------------------------------------------------------------------- */

static struct value find_value(struct keyspace *keyspace, struct slice key)
{
    struct value value = {0};
    enum status status = keyspace_find(keyspace, 0, key, &value);
    ck_assert(status == STATUS_OK || status == STATUS_NOT_FOUND);
    return value;
}

/* The key is there under one of the names, never under both. Its tombstone finds no memory by
 * chance: it is a large one, behind a value that went straight to the file. */
START_TEST(a_key_gets_another_name_or_keeps_its_own)
{
    const struct slice from = slice_make(large_key, sizeof(large_key));
    const struct slice to = SLICE_LITERAL("b");
    const struct slice part = slice_make(content, STRING_SIZE);
    const struct string_content put = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    enum status status = STATUS_NO_MEMORY;
    for (uint64_t n = 1; status != STATUS_OK; n++) {
        struct keyspace_store databases;
        const struct engine_options options = sim_store_options((uint64_t)1 << 20);
        keyspace_store_begin(&databases, &options);
        struct keyspace *keyspace = databases.keyspace;
        ck_assert_int_eq(keyspace_put_string(keyspace, 0, from, &put), STATUS_OK);
        const struct value value = find_value(keyspace, from);
        failing_memory_arm(n, UINT32_MAX);
        status = batch_move(keyspace, 0, &value, 0, to);
        failing_memory_arm(0, 0);
        ck_assert(status == STATUS_OK || status == STATUS_NO_MEMORY);
        const struct value moved = find_value(keyspace, status == STATUS_OK ? to : from);
        ck_assert_uint_eq(moved.size, STRING_SIZE);
        ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
        ck_assert_uint_lt(n, 100);
        keyspace_store_end(&databases);
    }
}
END_TEST

/* --- a value that was written ahead, by name ---------------------------------------------- */

static void count_cut(void *context, const char *name)
{
    *(size_t *)context += strstr(name, ".cut") != NULL ? 1 : 0;
}

static enum status put_staged(const struct staged_plan *plan, struct staged *staged)
{
    const struct engine_value value = {
        .parts = &plan->values[0].value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    staged_offer_locked(store.engine, staged);
    enum status status = engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                           slice_make(large_key, plan->values[0].key_size), &value);
    staged_offer_locked(store.engine, NULL);
    engine_unlock(store.engine);
    return status;
}

/* Its segment goes with it: nothing of the value lies behind the end of the log, where a restart
 * would find it and set it aside. */
START_TEST(a_put_that_is_refused_leaves_nothing_of_its_value)
{
    bool has_failed = true;
    memset(content, 'x', sizeof(content));
    for (uint64_t n = 1; has_failed; n++) {
        const struct engine_options options = sim_store_options((uint64_t)1 << 20);
        const struct staged_plan plan = {
            .values = {{.value = slice_make(content, STRING_SIZE), .key_size = 10}}, .count = 1};
        struct staged *staged;
        sim_store_begin(&store, &options);
        ck_assert_int_eq(sim_store_put(&store, "a", SLICE_LITERAL("1"), EXPIRY_NONE), STATUS_OK);
        ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_OK);
        failing_memory_arm(n, 1);
        enum status status = put_staged(&plan, staged);
        has_failed = failing_memory_failures() > 0;
        failing_memory_arm(0, 0);
        ck_assert(status == STATUS_OK || (has_failed && status == STATUS_NO_MEMORY));
        staged_drop(store.engine, staged);
        ck_assert_int_eq(sim_store_put(&store, "b", SLICE_LITERAL("2"), EXPIRY_NONE), STATUS_OK);
        sim_store_verify(&store);
        sim_store_kill_and_open(&store);
        ck_assert_int_eq(sim_store_find(&store, "b"), STATUS_OK);
        size_t cuts = 0;
        ck_assert_int_eq(fs_list(store.fs, count_cut, &cuts), STATUS_OK);
        ck_assert_uint_eq(cuts, 0);
        ck_assert_uint_lt(n, 100);
        sim_store_end(&store);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory_sweep");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, each_allocation_fails_in_turn);
    tcase_add_test(tests, a_patch_under_a_large_key_is_refused_whole);
    tcase_add_test(tests, a_key_gets_another_name_or_keeps_its_own);
    tcase_add_test(tests, a_put_that_is_refused_leaves_nothing_of_its_value);
    return test_run("memory_sweep", tests);
}
