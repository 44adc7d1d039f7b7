/* staged_test.c - large values that are written ahead of their puts: what the put still writes,
 * what becomes of a segment that was not used, what outlives a crash. */
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/manifest.h"
#include "engine/record.h"
#include "engine/staged.h"
#include "support/sim_store.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM         ((size_t)3000000)
#define SEGMENT_SIZE ((uint64_t)1 << 20)

static struct sim_store store;
static char *value;

static void begin(enum sync_policy policy)
{
    struct engine_options options = sim_store_options(SEGMENT_SIZE);
    options.sync_policy = policy;
    sim_store_begin(&store, &options);
}

static void set_up(void)
{
    struct test_random random;
    begin(SYNC_NO);
    test_random_init(&random, 11);
    value = malloc(ROOM);
    ck_assert_ptr_nonnull(value);
    test_random_fill(&random, value, ROOM);
}

static void tear_down(void)
{
    sim_store_end(&store);
    free(value);
}

/* --- what the tests do -------------------------------------------------------------------- */

/* The value is that of a key whose name is as long as this one. */
static struct staged *stage(const char *key, size_t size, bool has_expiry)
{
    struct staged_plan plan = {.values = {{.value = slice_make(value, size),
                                           .key_size = strlen(key),
                                           .has_expiry = has_expiry}},
                               .count = 1};
    struct staged *staged = NULL;
    ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_OK);
    return staged;
}

static enum status put_locked(const char *key, struct slice part, int64_t expiry_ms)
{
    struct engine_value put = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    return engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                             slice_of_string(key), &put);
}

/* Puts a value while `staged` is offered. */
static void put_offered(struct staged *staged, const char *key, struct slice part)
{
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    staged_offer_locked(store.engine, staged);
    enum status status = put_locked(key, part, EXPIRY_NONE);
    staged_offer_locked(store.engine, NULL);
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
}

static bool is_used(const struct staged *staged)
{
    return staged->segment == NULL;
}

static void assert_value(const char *key, struct slice expected)
{
    struct entry entry;
    struct slice part;
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    bool is_right = engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                       slice_of_string(key), &entry) == STATUS_OK &&
                    engine_part_locked(store.engine, &entry, 0, SIZE_MAX, &part) == STATUS_OK &&
                    part.size == expected.size &&
                    memcmp(part.data, expected.data, expected.size) == 0;
    engine_unlock(store.engine);
    ck_assert_msg(is_right, "%s does not hold what it should", key);
}

static void put_small(const char *key)
{
    ck_assert_int_eq(sim_store_put(&store, key, SLICE_LITERAL("small"), EXPIRY_NONE), STATUS_OK);
}

/* Files that the manifest lists, and those that lie there. */
static size_t listed_count(void)
{
    struct manifest manifest;
    struct error error;
    ck_assert_int_eq(manifest_read(store.fs, &manifest, &error), STATUS_OK);
    size_t count = manifest.file_count;
    manifest_deinit(&manifest);
    return count;
}

struct names {
    size_t logs;
    size_t cuts;
};

static void count_name(void *context, const char *name)
{
    struct names *names = context;
    names->cuts += strstr(name, ".cut") != NULL ? 1 : 0;
    names->logs += strstr(name, ".log") != NULL ? 1 : 0;
}

static struct names names(void)
{
    struct names found = {0};
    ck_assert_int_eq(fs_list(store.fs, count_name, &found), STATUS_OK);
    return found;
}

/* What a put does to the disk while it holds the lock. */
struct seen {
    size_t written;
    unsigned syncs;
};

static void watch(void *context, const struct sim_step *step)
{
    struct seen *seen = context;
    seen->syncs += step->call == SIM_SYNC ? 1 : 0;
    for (size_t i = 0; step->call == SIM_WRITE && i < step->part_count; i++) {
        seen->written += step->parts[i].size;
    }
}

/* --- used --------------------------------------------------------------------------------- */

START_TEST(the_put_writes_only_the_head)
{
    const size_t sizes[] = {100, 65536, 700000, 1048576 - 128, 3000000};
    size_t size = sizes[_i];
    struct slice whole = slice_make(value, size);
    put_small("before");
    struct staged *staged = stage("key", size, false);
    put_small("meanwhile");
    struct seen seen = {0};
    sim_disk_set_witness(store.disk, watch, &seen);
    put_offered(staged, "key", whole);
    sim_disk_set_witness(store.disk, NULL, NULL);
    ck_assert(is_used(staged));
    ck_assert_uint_le(seen.written, 100);
    ck_assert_uint_eq(seen.syncs, 0);
    staged_drop(store.engine, staged);
    put_small("behind");
    assert_value("key", whole);
    sim_store_verify(&store);

    sim_store_kill_and_open(&store);
    assert_value("key", whole);
    const char *const small[] = {"before", "meanwhile", "behind"};
    for (size_t i = 0; i < 3; i++) {
        assert_value(small[i], SLICE_LITERAL("small"));
    }
    ck_assert_uint_eq(names().cuts, 0);
    sim_store_verify(&store);
}
END_TEST

/* A value that is synced with the others' small ones would be what they wait for. */
START_TEST(where_replies_wait_for_syncs_the_value_is_synced_before)
{
    sim_store_end(&store);
    begin(SYNC_ALWAYS);
    put_small("before");
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    struct seen seen = {0};
    sim_disk_set_witness(store.disk, watch, &seen);
    struct staged *staged = stage("key", 700000, false);
    ck_assert_uint_ge(seen.written, 700000);
    sim_disk_set_witness(store.disk, NULL, NULL);
    ck_assert(sim_disk_is_durable(store.disk));
    put_offered(staged, "key", slice_make(value, 700000));
    ck_assert(is_used(staged));
    staged_drop(store.engine, staged);
}
END_TEST

START_TEST(it_may_be_in_the_midst_of_a_group)
{
    struct slice whole = slice_make(value, 300000);
    struct staged *staged = stage("key", whole.size, false);
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    engine_group_begin_locked(store.engine);
    ck_assert_int_eq(put_locked("first", SLICE_LITERAL("1"), EXPIRY_NONE), STATUS_OK);
    staged_offer_locked(store.engine, staged);
    ck_assert_int_eq(put_locked("key", whole, EXPIRY_NONE), STATUS_OK);
    staged_offer_locked(store.engine, NULL);
    engine_group_end_locked(store.engine);
    engine_unlock(store.engine);
    ck_assert(is_used(staged));
    staged_drop(store.engine, staged);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    sim_store_kill_and_open(&store);
    assert_value("first", SLICE_LITERAL("1"));
    assert_value("key", whole);
}
END_TEST

/* --- a batch ------------------------------------------------------------------------------ */

#define PAIR_COUNT 5

/* Small values with two large ones between. */
static void choose_pairs(struct slice *pairs)
{
    const size_t sizes[PAIR_COUNT] = {5, 300000, 70000, 700000, 12};
    const char *const keys[PAIR_COUNT] = {"first", "second", "third", "4th", "fifth"};
    for (size_t i = 0; i < PAIR_COUNT; i++) {
        pairs[2 * i] = slice_of_string(keys[i]);
        pairs[2 * i + 1] = slice_make(value + 1000 * i, sizes[i]);
    }
}

static uint64_t pair_size(const struct slice *pair)
{
    return record_size(pair[0].size, pair[1].size, false, false);
}

/* What is put in front of it is taken to be longer by `shift`; the batch's room is for twice all.
 */
static struct staged *stage_batch(const struct slice *pairs, uint64_t shift, uint64_t *batch_size)
{
    struct staged_plan plan = {.count = 0};
    uint64_t size = shift;
    for (size_t i = 0; i < PAIR_COUNT; i++) {
        if (pairs[2 * i + 1].size >= 300000) {
            plan.values[plan.count++] = (struct staged_value){
                .value = pairs[2 * i + 1], .key_size = pairs[2 * i].size, .before = size};
        }
        size += pair_size(&pairs[2 * i]);
    }
    *batch_size = 2 * size;
    plan.batch_size = 2 * size;
    struct staged *staged = NULL;
    ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_OK);
    return staged;
}

static void begin_batch(struct staged *staged, uint64_t reserved)
{
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    staged_offer_locked(store.engine, staged);
    ck_assert_int_eq(engine_reserve_locked(store.engine, reserved), STATUS_OK);
    engine_group_begin_locked(store.engine);
}

static void put_pair_locked(const struct slice *pair)
{
    struct engine_value put = {.parts = &pair[1], .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(
        engine_put_locked(store.engine, engine_database_locked(store.engine, 0), pair[0], &put),
        STATUS_OK);
}

static void end_batch(void)
{
    engine_group_end_locked(store.engine);
    staged_offer_locked(store.engine, NULL);
    engine_unlock(store.engine);
}

static void put_batch(struct staged *staged, const struct slice *pairs, uint64_t reserved)
{
    begin_batch(staged, reserved);
    for (size_t i = 0; i < PAIR_COUNT; i++) {
        put_pair_locked(&pairs[2 * i]);
    }
    end_batch();
}

/* As they are now, and after a kill. */
static void assert_pairs(const struct slice *pairs)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PAIR_COUNT; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "%.*s", (int)pairs[2 * i].size, pairs[2 * i].data);
            assert_value(key, pairs[2 * i + 1]);
        }
        sim_store_verify(&store);
        ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
        sim_store_kill_and_open(&store);
        ck_assert_uint_eq(names().cuts, 0);
    }
}

/* The large ones are there already; those of 64 KiB and more are written in their turn. */
START_TEST(a_batch_finds_its_values_in_one_segment)
{
    struct slice pairs[2 * PAIR_COUNT];
    uint64_t size;
    choose_pairs(pairs);
    put_small("before");
    struct staged *staged = stage_batch(pairs, 0, &size);
    put_small("meanwhile");
    struct seen seen = {0};
    sim_disk_set_witness(store.disk, watch, &seen);
    put_batch(staged, pairs, size);
    sim_disk_set_witness(store.disk, NULL, NULL);
    ck_assert(is_used(staged));
    ck_assert_uint_le(seen.written, 70000 + 1000);
    ck_assert_uint_eq(seen.syncs, 0);
    staged_drop(store.engine, staged);
    put_small("behind");
    assert_pairs(pairs);
    assert_value("behind", SLICE_LITERAL("small"));
}
END_TEST

/* Others have put more meanwhile than what has to be put back would fit with. */
START_TEST(a_batch_that_needs_more_room_goes_its_usual_way)
{
    struct slice pairs[2 * PAIR_COUNT];
    uint64_t size;
    choose_pairs(pairs);
    struct staged *staged = stage_batch(pairs, 0, &size);
    size_t listed = listed_count();
    put_batch(staged, pairs, 2 * size);
    ck_assert(!is_used(staged));
    staged_drop(store.engine, staged);
    ck_assert_uint_le(listed_count(), listed);
    assert_pairs(pairs);
}
END_TEST

/* What comes to another place than was foreseen is written there, whatever stands there. */
START_TEST(a_batch_whose_records_come_to_other_places_is_right)
{
    struct slice pairs[2 * PAIR_COUNT];
    uint64_t size;
    choose_pairs(pairs);
    struct staged *staged = stage_batch(pairs, 8 * (uint64_t)(_i + 1), &size);
    put_batch(staged, pairs, size);
    ck_assert(is_used(staged));
    staged_drop(store.engine, staged);
    put_small("behind");
    assert_pairs(pairs);
}
END_TEST

/* The values are of a batch: no put of one of them alone takes the segment. */
START_TEST(a_put_does_not_use_what_is_a_batch_s)
{
    struct slice pairs[2 * PAIR_COUNT];
    uint64_t size;
    choose_pairs(pairs);
    struct staged *staged = stage_batch(pairs, 0, &size);
    put_offered(staged, "second", pairs[3]);
    ck_assert(!is_used(staged));
    staged_drop(store.engine, staged);
    assert_value("second", pairs[3]);
}
END_TEST

/* It fails in its midst, behind a large value: all is put back, from the room that was reserved. */
START_TEST(a_batch_is_undone)
{
    struct slice pairs[2 * PAIR_COUNT];
    uint64_t size;
    choose_pairs(pairs);
    put_small("first");
    put_small("second");
    struct staged *staged = stage_batch(pairs, 0, &size);
    begin_batch(staged, size);
    put_pair_locked(&pairs[0]);
    put_pair_locked(&pairs[2]);
    engine_undo_begin_locked(store.engine);
    ck_assert_int_eq(put_locked("first", SLICE_LITERAL("small"), EXPIRY_NONE), STATUS_OK);
    ck_assert_int_eq(put_locked("second", SLICE_LITERAL("small"), EXPIRY_NONE), STATUS_OK);
    engine_undo_end_locked(store.engine);
    end_batch();
    staged_drop(store.engine, staged);
    put_small("behind"); /* in the next segment: the last value is behind the end of this one */
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    sim_store_kill_and_open(&store);
    ck_assert_uint_eq(names().cuts, 0);
    const char *const keys[] = {"first", "second", "behind"};
    for (size_t i = 0; i < 3; i++) {
        assert_value(keys[i], SLICE_LITERAL("small"));
    }
    ck_assert_int_eq(sim_store_find(&store, "4th"), STATUS_NOT_FOUND);
    sim_store_verify(&store);
}
END_TEST

/* --- not used ----------------------------------------------------------------------------- */

/* Which puts are not those that were foreseen. */
static const struct {
    const char *key;
    size_t from;
    size_t size;
} others[] = {{"key", 1, 300000}, {"key", 0, 299999}, {"one that is longer", 0, 300000}};

START_TEST(another_value_goes_its_usual_way)
{
    struct staged *staged = stage("key", 300000, false);
    struct slice other = slice_make(value + others[_i].from, others[_i].size);
    put_offered(staged, others[_i].key, other);
    ck_assert(!is_used(staged));
    size_t listed = listed_count();
    staged_drop(store.engine, staged);
    ck_assert_uint_eq(listed_count(), listed - 1);
    ck_assert_uint_eq(names().logs, listed - 1);
    assert_value(others[_i].key, other);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    sim_store_kill_and_open(&store);
    assert_value(others[_i].key, other);
}
END_TEST

START_TEST(an_expiry_that_was_not_foreseen_is_another_value)
{
    struct slice whole = slice_make(value, 300000);
    struct staged *staged = stage("key", whole.size, true);
    put_offered(staged, "key", whole);
    ck_assert(!is_used(staged));
    staged_drop(store.engine, staged);
    assert_value("key", whole);
}
END_TEST

START_TEST(closing_removes_what_nobody_has_dropped)
{
    (void)stage("key", 300000, false);
    (void)stage("key", 2000000, false);
    put_small("small");
    sim_store_close(&store);
    sim_store_open(&store);
    ck_assert_int_eq(sim_store_find(&store, "key"), STATUS_NOT_FOUND);
    ck_assert_uint_eq(names().cuts, 0);
    assert_value("small", SLICE_LITERAL("small"));
}
END_TEST

/* The process ends in between: the key is not there, and nothing else has suffered. */
START_TEST(what_was_not_put_is_not_there_after_a_crash)
{
    put_small("small");
    struct staged *staged = stage("key", 300000, false);
    put_small("behind");
    (void)staged;
    sim_disk_crash_now(store.disk);
    sim_store_kill_and_open(&store);
    ck_assert_int_eq(sim_store_find(&store, "key"), STATUS_NOT_FOUND);
    assert_value("small", SLICE_LITERAL("small"));
    assert_value("behind", SLICE_LITERAL("small"));
    ck_assert_uint_eq(names().cuts, 0);
    ck_assert_uint_eq(names().logs, listed_count());
    sim_store_verify(&store);
}
END_TEST

/* --- failures ----------------------------------------------------------------------------- */

START_TEST(a_failure_leaves_nothing)
{
    const enum sim_call calls[] = {SIM_CREATE, SIM_RESERVE, SIM_WRITE, SIM_SYNC, SIM_MAP};
    put_small("small");
    size_t logs = names().logs;
    sim_disk_fail(store.disk, calls[_i], 1, 2, STATUS_IO);
    struct staged_plan plan = {.values = {{.value = slice_make(value, 300000), .key_size = 3}},
                               .count = 1};
    struct staged *staged = NULL;
    ck_assert_int_ne(staged_write(store.engine, &plan, &staged), STATUS_OK);
    sim_disk_fail(store.disk, calls[_i], 0, 0, STATUS_IO);
    ck_assert_uint_eq(names().logs, logs);
    ck_assert_int_eq(sim_store_put(&store, "key", plan.values[0].value, EXPIRY_NONE), STATUS_OK);
    assert_value("key", plan.values[0].value);
}
END_TEST

/* A compaction that began after the value was found to be worth it: what little room there is, it
 * needs (docs/durability.md, section 5). */
/* The last descriptor went to the segment, and none is left for the manifest: that lists it, or
 * that lists it no longer. */
START_TEST(without_a_manifest_it_takes_no_room)
{
    struct staged_plan plan = {.values = {{.value = slice_make(value, 300000), .key_size = 3}},
                               .count = 1};
    struct staged *staged = NULL;
    put_small("small");
    size_t logs = names().logs;
    uint64_t used = sim_disk_used_bytes(store.disk);
    for (int i = 0; i < 3; i++) {
        sim_disk_fail(store.disk, SIM_CREATE, 2, 1, STATUS_IO);
        ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_IO);
        ck_assert_uint_eq(names().logs, logs);
        ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + 4096);
    }
    for (size_t i = 1; i <= 3; i++) {
        staged = stage("key", 300000, false);
        sim_disk_fail(store.disk, SIM_CREATE, 1, 1, STATUS_IO);
        staged_drop(store.engine, staged);
        ck_assert_uint_eq(names().logs, logs + i); /* the manifest lists it */
        ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + 4096);
    }
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    sim_disk_crash_now(store.disk);
    sim_store_kill_and_open(&store);
    assert_value("small", SLICE_LITERAL("small"));
    ck_assert_uint_eq(names().logs, listed_count());
    ck_assert_uint_eq(names().cuts, 0);
}
END_TEST

START_TEST(what_is_kept_for_a_compaction_is_not_taken)
{
    struct staged_plan plan = {.values = {{.value = slice_make(value, 300000), .key_size = 3}},
                               .count = 1};
    struct staged *staged = NULL;
    put_small("small");
    size_t logs = names().logs;
    store.engine->appender.room_is_kept = true;
    ck_assert_int_eq(staged_write(store.engine, &plan, &staged), STATUS_DISK_FULL);
    ck_assert_uint_eq(names().logs, logs);
    store.engine->appender.room_is_kept = false;
    staged = stage("key", 300000, false);
    put_offered(staged, "key", plan.values[0].value);
    ck_assert(is_used(staged));
    staged_drop(store.engine, staged);
}
END_TEST

START_TEST(small_values_and_those_of_a_crowd_of_files_are_not_worth_it)
{
    engine_lock(store.engine);
    ck_assert(staged_is_wanted_locked(store.engine, STAGED_SIZE_MIN));
    ck_assert(!staged_is_wanted_locked(store.engine, STAGED_SIZE_MIN - 1));
    engine_unlock(store.engine);
}
END_TEST

/* When half of the descriptors are in use, a file more is for what would take one anyway. */
START_TEST(where_descriptors_are_few_it_takes_half_a_segment)
{
    const struct engine_options options = sim_store_options(4 * STAGED_SIZE_MIN);
    sim_store_end(&store);
    sim_store_begin(&store, &options);
    put_small("small");
    engine_lock(store.engine);
    size_t count = store.engine->segments.segment_count;
    ck_assert(staged_is_wanted_locked(store.engine, STAGED_SIZE_MIN));
    engine_set_descriptors_locked(store.engine, 2 * count + 2);
    ck_assert(staged_is_wanted_locked(store.engine, STAGED_SIZE_MIN));
    engine_set_descriptors_locked(store.engine, 2 * count);
    ck_assert(!staged_is_wanted_locked(store.engine, STAGED_SIZE_MIN));
    ck_assert(!staged_is_wanted_locked(store.engine, 2 * STAGED_SIZE_MIN - 1));
    ck_assert(staged_is_wanted_locked(store.engine, 2 * STAGED_SIZE_MIN));
    engine_set_descriptors_locked(store.engine, 1);
    ck_assert(!staged_is_wanted_locked(store.engine, STAGED_SIZE_MIN));
    engine_unlock(store.engine);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    Suite *suite = suite_create("staged");
    TCase *used = tcase_create("used");
    tcase_add_checked_fixture(used, set_up, tear_down);
    tcase_add_loop_test(used, the_put_writes_only_the_head, 0, 5);
    tcase_add_test(used, where_replies_wait_for_syncs_the_value_is_synced_before);
    tcase_add_test(used, it_may_be_in_the_midst_of_a_group);
    suite_add_tcase(suite, used);
    TCase *batch = tcase_create("batch");
    tcase_add_checked_fixture(batch, set_up, tear_down);
    tcase_add_test(batch, a_batch_finds_its_values_in_one_segment);
    tcase_add_test(batch, a_batch_that_needs_more_room_goes_its_usual_way);
    tcase_add_loop_test(batch, a_batch_whose_records_come_to_other_places_is_right, 0, 3);
    tcase_add_test(batch, a_put_does_not_use_what_is_a_batch_s);
    tcase_add_test(batch, a_batch_is_undone);
    suite_add_tcase(suite, batch);
    TCase *unused = tcase_create("not used");
    tcase_add_checked_fixture(unused, set_up, tear_down);
    tcase_add_loop_test(unused, another_value_goes_its_usual_way, 0, 3);
    tcase_add_test(unused, an_expiry_that_was_not_foreseen_is_another_value);
    tcase_add_test(unused, closing_removes_what_nobody_has_dropped);
    tcase_add_test(unused, what_was_not_put_is_not_there_after_a_crash);
    suite_add_tcase(suite, unused);
    TCase *failures = tcase_create("failures");
    tcase_add_checked_fixture(failures, set_up, tear_down);
    tcase_add_loop_test(failures, a_failure_leaves_nothing, 0, 5);
    tcase_add_test(failures, without_a_manifest_it_takes_no_room);
    tcase_add_test(failures, what_is_kept_for_a_compaction_is_not_taken);
    tcase_add_test(failures, small_values_and_those_of_a_crowd_of_files_are_not_worth_it);
    tcase_add_test(failures, where_descriptors_are_few_it_takes_half_a_segment);
    suite_add_tcase(suite, failures);
    return test_run_suite(suite);
}
