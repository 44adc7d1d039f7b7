/* verify_ahead_test.c - values that are verified before they are read: when that counts, and when
 * it does not. */
#include "engine/verify_ahead.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIZE ((size_t)200000)

static struct sim_store store;
static char *value;
static struct verify_ahead ahead;

static void put(size_t size)
{
    ck_assert_int_eq(sim_store_put(&store, "key", slice_make(value, size), EXPIRY_NONE), STATUS_OK);
}

static void set_up(void)
{
    const struct engine_options options = sim_store_options((uint64_t)1 << 20);
    sim_store_begin(&store, &options);
    value = malloc(SIZE);
    ck_assert_ptr_nonnull(value);
    memset(value, 'v', SIZE);
    ahead = (struct verify_ahead){.is_right = false};
}

static void tear_down(void)
{
    sim_store_end(&store);
    free(value);
}

static bool begin(void)
{
    struct entry entry;
    engine_lock(store.engine);
    bool is_begun = engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                       SLICE_LITERAL("key"), &entry) == STATUS_OK &&
                    verify_ahead_begin_locked(store.engine, &entry, &ahead);
    engine_unlock(store.engine);
    return is_begun;
}

/* What verifying the key's value says while `ahead` is offered, or is not. */
static enum status verify(bool is_offered)
{
    struct entry entry;
    engine_lock(store.engine);
    enum status status = engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                            SLICE_LITERAL("key"), &entry);
    if (status == STATUS_OK) {
        verify_ahead_offer_locked(store.engine, is_offered ? &ahead : NULL);
        status = engine_verify_locked(store.engine, &entry, 0, SIZE_MAX);
        verify_ahead_offer_locked(store.engine, NULL);
    }
    engine_unlock(store.engine);
    return status;
}

/* Damages the value of the key, which is the last in the log. */
static void damage(void)
{
    char name[FILE_NAME_SIZE_MAX];
    const struct segment *active = store.engine->appender.active;
    segment_file_name(active->kind, active->number, name);
    ck_assert_int_eq(sim_disk_flip(store.disk, name, active->end - 1000, 1), STATUS_OK);
}

START_TEST(what_was_verified_is_not_verified_again)
{
    put(SIZE);
    ck_assert(begin());
    verify_ahead_run(&ahead);
    ck_assert(ahead.is_right);
    damage();
    ck_assert_int_eq(verify(true), STATUS_OK);
    ck_assert_int_eq(verify(false), STATUS_CORRUPT);
}
END_TEST

START_TEST(damage_is_found_by_who_reads)
{
    put(SIZE);
    ck_assert(begin());
    damage();
    verify_ahead_run(&ahead);
    ck_assert(!ahead.is_right);
    ck_assert_int_eq(verify(true), STATUS_CORRUPT);
}
END_TEST

START_TEST(another_value_is_another_matter)
{
    put(SIZE);
    ck_assert(begin());
    verify_ahead_run(&ahead);
    put(SIZE);
    damage();
    ck_assert_int_eq(verify(true), STATUS_CORRUPT);
}
END_TEST

/* What is held meanwhile goes with the last who holds it. */
START_TEST(the_value_may_go_meanwhile)
{
    put(SIZE);
    put(SIZE / 2);
    put(SIZE);
    ck_assert(begin());
    ck_assert_int_eq(sim_store_delete(&store, "key"), STATUS_OK);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    sim_store_compact(&store);
    verify_ahead_run(&ahead);
    ck_assert(ahead.is_right);
    ck_assert_int_eq(verify(true), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(small_values_are_not_worth_it)
{
    put(1000);
    ck_assert(!begin());
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("verify_ahead");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_verified_is_not_verified_again);
    tcase_add_test(tests, damage_is_found_by_who_reads);
    tcase_add_test(tests, another_value_is_another_matter);
    tcase_add_test(tests, the_value_may_go_meanwhile);
    tcase_add_test(tests, small_values_are_not_worth_it);
    return test_run("verify_ahead", tests);
}
