/*
 * engine_model_test.c - random operations on the engine and on a trivial model, which must agree.
 *
 * On the simulated disk, with tiny segments, so that rolling, sealing, compaction, expiry and
 * reopening happen all the time; the engine's own invariants are walked after every few steps.
 * What crashes do is engine_crash_test.c's.
 */
#include "engine/engine.h"

#include "base/check.h"
#include "base/log.h"
#include "support/sim_disk.h"
#include "support/store_model.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS          4000
#define LARGE_SIZE_MAX 200000

struct world {
    struct test_random random;
    struct sim_disk *disk;
    struct file_system *fs;
    struct engine *engine;
    struct engine_options options;
    struct store_model model;
    int64_t now_ms;
    int64_t high_ms;
    char *bytes;
    uint64_t compactions;
    uint64_t reclaimed_bytes;
};

static int64_t world_clock(void *context)
{
    return ((struct world *)context)->now_ms;
}

static void world_open(struct world *world)
{
    struct error error = {""};
    world->fs = sim_disk_mount(world->disk);
    world->options.fs = world->fs;
    enum status status = engine_open(&world->options, &world->engine, &error);
    ck_assert_msg(status == STATUS_OK, "engine_open: %s: %s", status_name(status), error.text);
    engine_set_compaction_percentage(world->engine,
                                     (unsigned)test_random_below(&world->random, 60));
}

static void world_close(struct world *world)
{
    ck_assert_int_eq(engine_close(world->engine), STATUS_OK);
    fs_close(world->fs);
}

static void world_init(struct world *world, uint64_t seed, uint64_t segment_size)
{
    memset(world, 0, sizeof(*world));
    test_random_init(&world->random, seed);
    world->disk = sim_disk_create(seed);
    world->now_ms = 1000000;
    world->high_ms = world->now_ms;
    world->bytes = malloc(LARGE_SIZE_MAX);
    ck_assert_ptr_nonnull(world->bytes);
    test_random_fill(&world->random, world->bytes, LARGE_SIZE_MAX);
    world->options = (struct engine_options){.database_count = STORE_MODEL_DATABASES,
                                             .segment_size = segment_size,
                                             .sync_policy = SYNC_EVERYSEC,
                                             .without_threads = true,
                                             .unix_ms = world_clock,
                                             .unix_ms_context = world,
                                             .random_seed = seed | 1};
    world_open(world);
}

static void world_deinit(struct world *world)
{
    world_close(world);
    sim_disk_destroy(world->disk);
    free(world->bytes);
}

/* --- steps -------------------------------------------------------------------------------- */

static uint64_t below(struct world *world, uint64_t bound)
{
    return test_random_below(&world->random, bound);
}

static size_t choose_size(struct world *world)
{
    switch (below(world, 20)) {
    case 0:
        return (size_t)below(world, LARGE_SIZE_MAX);
    case 1:
        return 65000 + (size_t)below(world, 1000); /* about where values go straight to the file */
    case 2:
        return 0;
    default:
        return (size_t)below(world, 600);
    }
}

static void step_put(struct world *world)
{
    char name[32];
    unsigned database = (unsigned)below(world, STORE_MODEL_DATABASES);
    unsigned key = (unsigned)below(world, STORE_MODEL_KEYS);
    size_t size = choose_size(world);
    size_t from = (size_t)below(world, LARGE_SIZE_MAX - size);
    size_t cut = (size_t)below(world, size + 1);
    struct slice parts[3] = {slice_make(world->bytes + from, cut), slice_make(NULL, 0),
                             slice_make(world->bytes + from + cut, size - cut)};
    struct engine_value value = {
        .parts = parts,
        .part_count = 3,
        .expiry_ms =
            below(world, 3) == 0 ? world->now_ms + (int64_t)below(world, 8000) : EXPIRY_NONE,
        .type = (uint8_t)below(world, 6),
        .encoding = (uint8_t)below(world, 4),
    };
    enum status status =
        engine_put_locked(world->engine, engine_database_locked(world->engine, database),
                          store_model_key_name(key, name), &value);
    ck_assert_int_eq(status, STATUS_OK);
    struct store_change change = {
        .kind = STORE_PUT,
        .database = database,
        .key = key,
        .value = store_model_value(slice_make(world->bytes + from, size), value.expiry_ms,
                                   value.type, value.encoding),
    };
    store_model_apply(&world->model, &change);
}

static void step_delete(struct world *world)
{
    char name[32];
    unsigned database = (unsigned)below(world, STORE_MODEL_DATABASES);
    unsigned key = (unsigned)below(world, STORE_MODEL_KEYS);
    const struct store_key *expected = &world->model.keys[database][key];
    bool is_there = expected->state == STORE_PRESENT && expected->expiry_ms > world->now_ms;
    bool is_maybe_there = expected->expiry_ms > world->high_ms;
    enum status status =
        engine_delete_locked(world->engine, engine_database_locked(world->engine, database),
                             store_model_key_name(key, name));
    if (!is_there) {
        ck_assert_int_eq(status, STATUS_NOT_FOUND);
    } else if (is_maybe_there) {
        ck_assert_int_eq(status, STATUS_OK);
    }
    struct store_change change = {.kind = STORE_DELETE, .database = database, .key = key};
    store_model_apply(&world->model, &change);
}

static void step_map(struct world *world)
{
    struct store_change change = {.database = (unsigned)below(world, STORE_MODEL_DATABASES),
                                  .other = (unsigned)below(world, STORE_MODEL_DATABASES)};
    enum status status = STATUS_OK;
    switch (below(world, 5)) {
    case 0:
        change.kind = STORE_CLEAR_ALL;
        status = engine_clear_all_locked(world->engine);
        break;
    case 1:
    case 2:
        change.kind = STORE_CLEAR;
        status = engine_clear_locked(world->engine, change.database);
        break;
    default:
        change.kind = STORE_SWAP;
        status = engine_swap_locked(world->engine, change.database, change.other);
        break;
    }
    ck_assert_int_eq(status, STATUS_OK);
    store_model_apply(&world->model, &change);
}

static void step_write(struct world *world)
{
    engine_lock(world->engine);
    unsigned count = below(world, 8) == 0 ? 1 + (unsigned)below(world, 6) : 1;
    if (count > 1) {
        engine_group_begin_locked(world->engine);
    }
    engine_rest_begin_locked(world->engine);
    for (unsigned i = 0; i < count; i++) {
        uint64_t what = below(world, 200);
        if (what == 0) {
            step_map(world);
        } else if (what < 50) {
            step_delete(world);
        } else {
            step_put(world);
        }
    }
    if (count > 1) {
        engine_group_end_locked(world->engine);
    }
    uint64_t position = engine_rest_end_locked(world->engine);
    engine_unlock(world->engine);
    if (below(world, 3) == 0) {
        ck_assert_int_eq(engine_write(world->engine, position), STATUS_OK);
    }
}

static void step_clock(struct world *world)
{
    world->now_ms += (int64_t)below(world, 1500);
    if (below(world, 20) == 0) {
        world->now_ms -= (int64_t)below(world, 3000);
    }
    if (world->now_ms > world->high_ms) {
        world->high_ms = world->now_ms;
    }
}

static void step_tick(struct world *world)
{
    engine_tick(world->engine);
    struct store_change change = {.kind = STORE_EXPIRE, .until_ms = world->now_ms};
    store_model_apply(&world->model, &change);
}

static void step_compact(struct world *world)
{
    struct compaction_result result = {0};
    ck_assert_int_eq(engine_compact(world->engine, &result), STATUS_OK);
    world->compactions++;
    world->reclaimed_bytes += result.reclaimed_bytes;
}

static void check_world(struct world *world)
{
    struct store_model seen;
    char where[160];
    engine_lock(world->engine);
    engine_verify_all_locked(world->engine);
    engine_unlock(world->engine);
    store_model_read(world->engine, &seen, true);
    ck_assert_msg(store_model_matches(&world->model, &seen, world->now_ms, world->high_ms, where),
                  "%s", where);
}

static void run_world(uint64_t seed, uint64_t segment_size)
{
    struct world world;
    world_init(&world, seed, segment_size);
    int steps = (int)(STEPS * test_scale());
    for (int i = 0; i < steps; i++) {
        uint64_t what = below(&world, 100);
        if (what < 80) {
            step_write(&world);
        } else if (what < 88) {
            step_clock(&world);
        } else if (what < 96) {
            step_tick(&world);
        } else if (what < 98) {
            step_compact(&world);
        } else if (what < 99) {
            world_close(&world);
            world_open(&world);
        } else {
            ck_assert_int_eq(engine_sync(world.engine), STATUS_OK);
        }
        if (i % 16 == 0) {
            check_world(&world);
        }
    }
    check_world(&world);
    ck_assert_uint_gt(world.compactions, 0);
    ck_assert_uint_gt(world.reclaimed_bytes, 0);
    world_deinit(&world);
}

START_TEST(agrees_with_the_model)
{
    static const uint64_t sizes[] = {4096, 8192, 16384, 65536, 262144};
    uint64_t seed = test_seed("build/tests/model/engine_model_test");
    run_world(seed + (uint64_t)_i, sizes[_i]);
}
END_TEST

/* After compaction of a store at rest nothing dead is left: what is deleted can be had back. */
START_TEST(compaction_reclaims_all)
{
    uint64_t seed = test_seed("build/tests/model/engine_model_test");
    struct world world;
    world_init(&world, seed, 16384);
    for (int i = 0; i < 1500; i++) {
        step_write(&world);
    }
    world.now_ms += 100000;
    world.high_ms = world.now_ms;
    step_tick(&world);
    step_compact(&world);
    step_compact(&world);
    check_world(&world);
    struct engine_statistics statistics;
    engine_lock(world.engine);
    engine_statistics_locked(world.engine, &statistics);
    engine_unlock(world.engine);
    /* Sync marks of the runs themselves are all that may be dead. */
    ck_assert_uint_le(statistics.file_bytes - statistics.live_bytes, 1024);
    engine_lock(world.engine);
    ck_assert_int_eq(engine_clear_all_locked(world.engine), STATUS_OK);
    engine_unlock(world.engine);
    memset(&world.model, 0, sizeof(world.model));
    step_compact(&world);
    step_compact(&world);
    check_world(&world);
    engine_lock(world.engine);
    engine_statistics_locked(world.engine, &statistics);
    engine_unlock(world.engine);
    ck_assert_uint_eq(statistics.live_bytes, 0);
    ck_assert_uint_le(statistics.file_bytes, 1024);
    world_close(&world);
    world_open(&world);
    check_world(&world);
    world_deinit(&world);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("engine model");
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, agrees_with_the_model, 0, 5);
    tcase_add_test(tests, compaction_reclaims_all);
    return test_run("engine model", tests);
}
