/*
 * batch_crash_test.c - a batch of libscdb is all or nothing, whatever limit, disk or crash stops
 * it.
 *
 * Random batches and single writes on a simulated disk that fills up, fails and crashes. The model
 * is a list of states, one after each write: what can be read must be the last of them, or, when a
 * write has failed, the one before or the one after it; after a crash, one that is no older than
 * what was promised.
 */
#include "base/buffer.h"
#include "base/check.h"
#include "base/log.h"
#include "engine/scdb_state.h"
#include "support/sim_disk.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_COUNT      24
#define STATE_COUNT    512
#define BATCH_SIZE_MAX 12
#define VALUE_SIZE_MAX 120000

/* The version of each key's value; 0: the key is absent. */
struct state {
    uint32_t versions[KEY_COUNT];
};

struct world {
    struct test_random random;
    struct sim_disk *disk;
    struct scdb *db;
    struct state states[STATE_COUNT]; /* the last one is what the store holds */
    size_t count;
    size_t acknowledged; /* the last state that a process's end can't undo */
    size_t durable;      /* nor a power cut */
    uint32_t next_version;
    bool stopped; /* a sync has failed, or a write */
    unsigned refused;
    unsigned failed;
    unsigned crashes;
};

/* --- values ---------------------------------------------------------------------------------- */

static size_t value_size(uint32_t version)
{
    struct test_random random;
    test_random_init(&random, version);
    uint64_t kind = test_random_below(&random, 12);
    size_t most = kind == 0 ? VALUE_SIZE_MAX : kind < 3 ? 9000 : 200;
    return (size_t)test_random_below(&random, most);
}

static struct scdb_bytes value_of(uint32_t version)
{
    static char bytes[VALUE_SIZE_MAX];
    struct test_random random;
    test_random_init(&random, (uint64_t)version << 32);
    size_t size = value_size(version);
    test_random_fill(&random, bytes, size);
    return scdb_bytes(bytes, size);
}

static struct scdb_bytes key_of(const unsigned *key)
{
    return scdb_bytes(key, sizeof(*key));
}

/* --- what the store holds -------------------------------------------------------------------- */

static bool is_version(const void *value, size_t size, uint32_t version)
{
    struct scdb_bytes wanted = value_of(version);
    return version != 0 && size == wanted.size && memcmp(value, wanted.data, size) == 0;
}

/* Does the store hold this state? *readable: false when a key could not be read. */
static bool holds(const struct world *world, const struct state *state, bool *readable)
{
    bool same = true;
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        void *value;
        size_t size;
        enum scdb_status status = scdb_get(world->db, key_of(&key), &value, &size);
        if (status == SCDB_OK) {
            same = same && is_version(value, size, state->versions[key]);
            scdb_free(value);
        } else if (status == SCDB_NOT_FOUND) {
            same = same && state->versions[key] == 0;
        } else {
            *readable = false;
            return false;
        }
    }
    return same;
}

static bool has_stopped(struct world *world)
{
    engine_lock(world->db->engine);
    struct engine_statistics statistics;
    engine_statistics_locked(world->db->engine, &statistics);
    engine_unlock(world->db->engine);
    return statistics.writes_stopped;
}

static struct state *last(struct world *world)
{
    return &world->states[world->count - 1];
}

static void expect_last(struct world *world)
{
    bool readable = true;
    bool same = holds(world, last(world), &readable);
    if (sim_disk_crashed(world->disk)) {
        return; /* reading writes what an undone batch has left */
    }
    world->stopped = world->stopped || has_stopped(world); /* reading waits for writes */
    if (world->stopped && !readable) {
        return; /* what could not be written is not shown */
    }
    ck_assert_msg(readable && same, "the store does not hold the last state");
    engine_lock(world->db->engine);
    engine_verify_all_locked(world->db->engine);
    engine_unlock(world->db->engine);
}

/* --- lives of a process ---------------------------------------------------------------------- */

static void open_store(struct world *world)
{
    struct engine_options options = {
        .segment_size = 32768,
        .sync_policy = SYNC_NO,
        .without_threads = true,
    };
    struct error error = {.text = ""};
    struct file_system *fs = sim_disk_mount(world->disk);
    enum status status = scdb_open_on(fs, &options, &world->db, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
    world->stopped = false;
}

/* The store was opened again: it must hold one of the states from `oldest` on. */
static void find_state(struct world *world, size_t oldest)
{
    for (size_t i = world->count; i > oldest; i--) {
        bool readable = true;
        if (holds(world, &world->states[i - 1], &readable)) {
            world->states[0] = world->states[i - 1];
            world->count = 1;
            world->acknowledged = 0;
            world->durable = 0;
            expect_last(world);
            return;
        }
        ck_assert_msg(readable, "a key can't be read");
    }
    ck_abort_msg("the store holds none of the states that it may");
}

static void forget_faults(struct world *world)
{
    for (int call = 0; call < SIM_CALL_COUNT; call++) {
        sim_disk_fail(world->disk, (enum sim_call)call, 0, 0, STATUS_IO);
    }
    sim_disk_set_capacity(world->disk, 0);
}

static void end_life(struct world *world)
{
    bool crashed = sim_disk_crashed(world->disk);
    /* After a failed sync the page cache may hold what the disk never will; that this is told apart
     * is for the engine's own tests. */
    bool cut = world->stopped || test_random_one_in(&world->random, 2);
    if (!crashed && !world->stopped && test_random_one_in(&world->random, 4)) {
        forget_faults(world);
        sim_disk_crash_after(world->disk, 0);
        ck_assert_int_eq(scdb_close(world->db), SCDB_OK);
        open_store(world);
        find_state(world, world->acknowledged);
        return;
    }
    world->crashes++;
    if (!crashed) {
        sim_disk_crash_now(world->disk);
    }
    enum scdb_status status = scdb_close(world->db);
    (void)status; /* the disk is gone */
    sim_disk_restart(world->disk, cut ? SIM_POWER_CUT : SIM_KILL);
    forget_faults(world);
    open_store(world);
    /* A process that dies leaves what it was told is written; but not when its syncs have failed.
     */
    find_state(world, cut || world->stopped ? world->durable : world->acknowledged);
}

/* --- writes ---------------------------------------------------------------------------------- */

/* What came of a write that would make `after` of the last state. */
static void note(struct world *world, const struct state *after, enum scdb_status status)
{
    bool readable = true;
    switch (status) {
    case SCDB_OK:
        world->states[world->count++] = *after;
        world->acknowledged = world->count - 1;
        return;
    case SCDB_KEY_LIMIT:
    case SCDB_INDEX_FULL:
        world->refused++;
        return;
    case SCDB_WRITES_STOPPED:
        if (world->stopped) {
            return;
        }
        world->stopped = has_stopped(world);
        ck_assert(world->stopped);
        break; /* it was this write that was stopped, when it was in memory perhaps */
    default:
        ck_assert(status == SCDB_IO || status == SCDB_DISK_FULL);
        world->failed++;
    }
    if (!sim_disk_crashed(world->disk)) {
        forget_faults(world);
        bool before = holds(world, last(world), &readable);
        if (before) {
            return;
        }
        ck_assert_msg(!readable || holds(world, after, &readable), "a half of a write is there");
    }
    world->states[world->count++] = *after;
}

static void do_single(struct world *world)
{
    unsigned key = (unsigned)test_random_below(&world->random, KEY_COUNT);
    struct state after = *last(world);
    enum scdb_status status;
    if (test_random_one_in(&world->random, 3)) {
        after.versions[key] = 0;
        status = scdb_delete(world->db, key_of(&key));
        if (status == SCDB_NOT_FOUND) {
            /* Of the write that stopped we may not know whether it was undone. */
            ck_assert(world->stopped || last(world)->versions[key] == 0);
            return;
        }
    } else {
        after.versions[key] = world->next_version++;
        status = scdb_set(world->db, key_of(&key), value_of(after.versions[key]), SCDB_NEVER);
    }
    note(world, &after, status);
}

static void do_batch(struct world *world)
{
    struct state after = *last(world);
    struct scdb_batch *batch;
    ck_assert_int_eq(scdb_batch_create(&batch), SCDB_OK);
    size_t count = 1 + (size_t)test_random_below(&world->random, BATCH_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        unsigned key = (unsigned)test_random_below(&world->random, KEY_COUNT);
        enum scdb_status status;
        if (test_random_one_in(&world->random, 3)) {
            after.versions[key] = 0;
            status = scdb_batch_delete(batch, key_of(&key));
        } else {
            after.versions[key] = world->next_version++;
            status = scdb_batch_set(batch, key_of(&key), value_of(after.versions[key]), SCDB_NEVER);
        }
        ck_assert_int_eq(status, SCDB_OK);
    }
    note(world, &after, scdb_batch_write(world->db, batch));
    scdb_batch_destroy(batch);
}

static void do_sync(struct world *world)
{
    enum scdb_status status = scdb_sync(world->db);
    if (status == SCDB_OK) {
        world->durable = world->count - 1;
        return;
    }
    ck_assert(status == SCDB_IO || status == SCDB_DISK_FULL || status == SCDB_WRITES_STOPPED);
    world->stopped = has_stopped(world);
}

/* --- what stops them ------------------------------------------------------------------------- */

static void change_limits(struct world *world)
{
    struct engine *engine = world->db->engine;
    engine_lock(engine);
    struct engine_statistics statistics;
    engine_statistics_locked(engine, &statistics);
    bool keys = test_random_one_in(&world->random, 3);
    bool memory = test_random_one_in(&world->random, 3);
    engine_set_max_keys_locked(engine, keys ? 1 + test_random_below(&world->random, KEY_COUNT) : 0);
    engine_set_index_memory_limit_locked(
        engine, memory ? statistics.index_bytes + test_random_below(&world->random, 64) : 0);
    engine_unlock(engine);
}

static void make_fault(struct world *world)
{
    static const enum sim_call calls[] = {SIM_WRITE, SIM_RESERVE, SIM_CREATE, SIM_SYNC};
    struct test_random *random = &world->random;
    enum status status = test_random_one_in(random, 2) ? STATUS_IO : STATUS_DISK_FULL;
    switch (test_random_below(random, 4)) {
    case 0:
        sim_disk_crash_after(world->disk, 1 + test_random_below(random, 30));
        break;
    case 1:
        sim_disk_set_capacity(world->disk,
                              sim_disk_used_bytes(world->disk) + test_random_below(random, 60000));
        break;
    default:
        sim_disk_fail(world->disk, calls[test_random_below(random, 4)],
                      1 + test_random_below(random, 4), 1 + test_random_below(random, 3), status);
    }
}

static void live(struct world *world)
{
    for (int i = 0; i < 60 && !sim_disk_crashed(world->disk); i++) {
        if (world->count + 1 >= STATE_COUNT) {
            return;
        }
        uint64_t choice = test_random_below(&world->random, 100);
        if (choice < 45) {
            do_batch(world);
        } else if (choice < 65) {
            do_single(world);
        } else if (choice < 72) {
            do_sync(world);
        } else if (choice < 80) {
            engine_tick(world->db->engine);
            world->stopped = has_stopped(world); /* it writes, too */
        } else if (choice < 88) {
            change_limits(world);
        } else if (choice < 94) {
            make_fault(world);
        } else {
            forget_faults(world);
            expect_last(world);
        }
    }
}

START_TEST(batches_are_whole)
{
    static struct world world;
    uint64_t seed = test_seed("batch_crash_test");
    log_set_level(LOG_NOTHING_LEVEL);
    unsigned rounds = (unsigned)(30 * test_scale());
    for (unsigned round = 0; round < rounds; round++) {
        world = (struct world){.count = 1,
                               .next_version = 1,
                               .refused = world.refused,
                               .failed = world.failed,
                               .crashes = world.crashes};
        test_random_init(&world.random, seed + round);
        world.disk = sim_disk_create(seed + round);
        open_store(&world);
        for (int i = 0; i < 8; i++) {
            live(&world);
            end_life(&world);
        }
        ck_assert_int_eq(scdb_close(world.db), SCDB_OK);
        sim_disk_destroy(world.disk);
    }
    printf("batch_crash_test: %u writes refused, %u failed, %u crashes\n", world.refused,
           world.failed, world.crashes);
    /* A test that meets nothing proves nothing. */
    ck_assert_uint_gt(world.refused, rounds);
    ck_assert_uint_gt(world.failed, rounds);
    ck_assert_uint_gt(world.crashes, rounds);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("batch_crash");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, batches_are_whole);
    return test_run("batch_crash", tests);
}
