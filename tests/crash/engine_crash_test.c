/*
 * engine_crash_test.c - the engine on a disk that crashes, fails, fills up and rots.
 *
 * Random histories of commands run against the engine on the simulated disk (sim_disk.h) and
 * against a model (store_model.h), with segments of a few KiB, so that rolls, seals and compactions
 * happen all the time. Then the power goes, or the process; also during recovery. What is asked
 * afterwards is what docs/durability.md promises: the store is in the state after a prefix of whole
 * commands that has at least all that was reported durable (after a power cut) or written (after a
 * kill), and it is so at every later look too.
 *
 * Each run has its own seed, printed when it fails: SCDB_TEST_SEED=<seed> makes it the first run.
 * SCDB_TEST_SCALE multiplies the number of runs, SCDB_TEST_TRACE=1 shows the commands and the
 * engine's log, SCDB_TEST_TRACE=2 also what each restart finds on the disk.
 */
#include "engine/engine.h"

#include "base/check.h"
#include "base/log.h"
#include "support/sim_disk.h"
#include "support/store_dump.h"
#include "support/store_model.h"
#include "support/test_random.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS          6
#define SESSION_STEPS_MAX 250
#define VALUE_SIZE_MAX    150000
#define CRASH_RUNS        120
#define FAULT_RUNS        60
#define FULL_RUNS         60
#define ROT_RUNS          60

enum step {
    STEP_PUT,
    STEP_DELETE,
    STEP_GROUP,
    STEP_CLEAR,
    STEP_SWAP,
    STEP_WRITE,
    STEP_SYNC,
    STEP_TICK,
    STEP_COMPACT,
    STEP_CLOSE,
    STEP_OPEN,
    STEP_BETWEEN,
    STEP_COUNT
};

static const char *const step_names[STEP_COUNT] = {"put",     "delete", "group", "clear",
                                                   "swap",    "write",  "sync",  "tick",
                                                   "compact", "close",  "open",  "between"};

/* How many crashes hit each step at each call. */
static unsigned crash_counts[STEP_COUNT][SIM_CALL_COUNT + 1];

struct run {
    uint64_t seed;
    struct test_random random;
    struct sim_disk *disk;
    struct file_system *fs;
    struct engine *engine; /* NULL while closed */
    uint64_t segment_size;
    uint64_t max_keys; /* 0 = no limit */
    struct store_history history;
    size_t required; /* commands of the history that a restart has to bring back */

    int64_t now_ms;
    int64_t high_ms;  /* the clock was never beyond */
    int64_t floor_ms; /* and is not set back beyond this */

    bool steady_clock; /* never set back: an expiry mark may fail to be written, unseen by us */
    bool may_fail;     /* calls of the engine may fail, and not only because of a crash */
    enum step step;
    struct store_command in_flight;
    bool has_in_flight;
};

static bool trace_on;
static bool dump_on;

#define TRACE(...)                                                                                 \
    do {                                                                                           \
        if (trace_on) {                                                                            \
            printf(__VA_ARGS__);                                                                   \
            (void)fflush(stdout);                                                                  \
        }                                                                                          \
    } while (0)

#define RUN_CHECK(run, condition, ...)                                                             \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            char text[sizeof(struct error) + 200];                                                 \
            (void)snprintf(text, sizeof(text), __VA_ARGS__);                                       \
            ck_abort_msg("%s (%s; SCDB_TEST_SEED=%" PRIu64 ")", text, #condition, (run)->seed);    \
        }                                                                                          \
    } while (0)

static uint64_t below(struct run *run, uint64_t bound)
{
    return test_random_below(&run->random, bound);
}

static bool one_in(struct run *run, uint64_t n)
{
    return test_random_one_in(&run->random, n);
}

/* --- opening and checking ----------------------------------------------------------------- */

static int64_t run_clock(void *context)
{
    return ((const struct run *)context)->now_ms;
}

static enum status open_engine(struct run *run, bool repair, struct error *error)
{
    struct engine_options options = {
        .fs = run->fs,
        .database_count = STORE_MODEL_DATABASES,
        .segment_size = run->segment_size,
        .max_keys = run->max_keys,
        .sync_policy = one_in(run, 2) ? SYNC_EVERYSEC : SYNC_NO,
        .without_threads = true,
        .unix_ms = run_clock,
        .unix_ms_context = run,
        .random_seed = run->seed | 1,
        .repair = repair,
    };
    run->step = STEP_OPEN;
    error->text[0] = '\0';
    return engine_open(&options, &run->engine, error);
}

static void close_engine(struct run *run)
{
    run->step = STEP_CLOSE;
    struct engine *engine = run->engine;
    run->engine = NULL;
    enum status status = engine_close(engine);
    TRACE("close: %s\n", status_name(status));
    if (status == STATUS_OK) {
        store_history_note_closed(&run->history);
    }
    RUN_CHECK(run, status == STATUS_OK || run->may_fail || sim_disk_crashed(run->disk), "close: %s",
              status_name(status));
}

/* What the engine says is written and durable. */
static void note_positions(struct run *run)
{
    struct engine_statistics statistics;
    engine_lock(run->engine);
    engine_statistics_locked(run->engine, &statistics);
    engine_unlock(run->engine);
    store_history_note(&run->history, statistics.written_position, statistics.durable_position);
}

static uint64_t appended_position(struct run *run)
{
    struct engine_statistics statistics;
    engine_lock(run->engine);
    engine_statistics_locked(run->engine, &statistics);
    engine_unlock(run->engine);
    return statistics.appended_position;
}

static void check_now(struct run *run)
{
    struct store_model seen;
    char where[200] = "";
    store_model_read(run->engine, &seen, one_in(run, 4));
    RUN_CHECK(run, store_model_matches(&run->history.now, &seen, run->now_ms, run->high_ms, where),
              "%s", where);
    engine_lock(run->engine);
    engine_verify_all_locked(run->engine);
    engine_unlock(run->engine);
}

static void count_crash(const struct run *run)
{
    const char *name;
    crash_counts[run->step][sim_disk_crash_call(run->disk, &name)]++;
    TRACE("crash in %s at %s of '%s'\n", step_names[run->step],
          sim_call_name(sim_disk_crash_call(run->disk, &name)), name);
}

/* The machine or the process starts again. `required` falls to what is durable in a power cut. */
static void restart(struct run *run)
{
    enum sim_crash kind = one_in(run, 3) ? SIM_KILL : SIM_POWER_CUT;
    run->required = kind == SIM_POWER_CUT ? 0 : run->required;
    TRACE("restart: %s\n", kind == SIM_KILL ? "kill" : "power cut");
    sim_disk_restart(run->disk, kind);
    if (dump_on) {
        store_dump(run->fs);
    }
    if (!run->steady_clock && one_in(run, 6)) {
        int64_t back_ms = (int64_t)below(run, 120000);
        run->now_ms = run->now_ms - back_ms > run->floor_ms ? run->now_ms - back_ms : run->floor_ms;
        TRACE("clock set back to %" PRId64 "\n", run->now_ms);
    }
}

static void settle(struct run *run)
{
    struct store_model seen;
    char where[200] = "";
    bool ambiguous;
    store_model_read(run->engine, &seen, true);
    struct store_sighting sighting = {
        .seen = &seen,
        .now_ms = run->now_ms,
        .high_ms = run->high_ms,
        .required = run->required,
        .last = run->has_in_flight ? &run->in_flight : NULL,
    };
    bool found = store_history_settle(&run->history, &sighting, &ambiguous, where);
    RUN_CHECK(run, found, "no prefix of at least %zu of %zu commands matches; after all: %s",
              run->required, run->history.count, where);
    run->has_in_flight = false;
    if (ambiguous) {
        run->floor_ms = run->now_ms;
    }
    check_now(run);
}

/* Opens the store, through crashes of the recovery too, and checks what it finds. */
static void open_and_settle(struct run *run)
{
    for (;;) {
        struct error error;
        if (one_in(run, 3)) {
            sim_disk_crash_after(run->disk, 1 + below(run, 25));
        }
        enum status status = open_engine(run, false, &error);
        bool crashed = sim_disk_crashed(run->disk);
        TRACE("open: %s %s\n", status_name(status), error.text);
        if (status == STATUS_OK && !crashed) {
            sim_disk_crash_after(run->disk, 0);
            settle(run);
            return;
        }
        bool excused = run->may_fail && (status == STATUS_IO || status == STATUS_DISK_FULL);
        RUN_CHECK(run, crashed || excused, "open: %s: %s", status_name(status), error.text);
        if (status == STATUS_OK) {
            /* What it holds was not looked at: its close says nothing of the history. */
            status = engine_close(run->engine);
            TRACE("closed unseen: %s\n", status_name(status));
            run->engine = NULL;
        }
        if (crashed) {
            count_crash(run);
            restart(run);
        } else {
            sim_disk_set_capacity(run->disk, 0);
            sim_disk_crash_now(run->disk);
            run->required = 0;
            sim_disk_restart(run->disk, SIM_POWER_CUT); /* faults are gone with it */
        }
    }
}

/* --- commands ----------------------------------------------------------------------------- */

static size_t random_value_size(struct run *run)
{
    uint64_t choice = below(run, 1000);
    if (choice < 600) {
        return (size_t)below(run, 100);
    }
    if (choice < 900) {
        return (size_t)below(run, 1500);
    }
    if (choice < 990) {
        return (size_t)below(run, 3 * run->segment_size / 2);
    }
    return 60000 + (size_t)below(run, VALUE_SIZE_MAX - 60000);
}

/* Sets a key to a random value in random parts, now and then with the old value as the first. */
static enum status put(struct run *run, struct store_change *change)
{
    static char data[VALUE_SIZE_MAX];
    size_t size = random_value_size(run);
    test_random_fill(&run->random, data, size < 64 ? size : 64);
    for (size_t i = 64; i < size; i++) {
        data[i] = (char)(data[i - 64] + (char)(i / 61));
    }
    struct engine_keyspace *keyspace = engine_database_locked(run->engine, change->database);
    char name[32];
    struct slice key = store_model_key_name(change->key, name);
    struct slice parts[3];
    size_t count = 0;
    struct entry old;
    if (one_in(run, 8) && engine_find_locked(run->engine, keyspace, key, &old) == STATUS_OK &&
        old.value.size < 5000 &&
        engine_verify_locked(run->engine, &old, 0, SIZE_MAX) == STATUS_OK) {
        parts[count++] = old.value;
    }
    size_t cut = size == 0 || one_in(run, 2) ? size : (size_t)below(run, size);
    parts[count++] = slice_make(data, cut);
    parts[count++] = slice_make(data + cut, size - cut);

    struct engine_value value = {
        .parts = parts,
        .part_count = count,
        .expiry_ms = one_in(run, 4) ? run->now_ms + 1 + (int64_t)below(run, 60000) : EXPIRY_NONE,
        .type = (uint8_t)below(run, 3),
        .encoding = (uint8_t)below(run, 256),
    };
    size_t all = 0;
    char *together = malloc(5000 + VALUE_SIZE_MAX);
    CHECK(together != NULL);
    for (size_t i = 0; i < count; i++) {
        memcpy(together + all, parts[i].data, parts[i].size);
        all += parts[i].size;
    }
    change->value =
        store_model_value(slice_make(together, all), value.expiry_ms, value.type, value.encoding);
    free(together);
    enum status status = engine_put_locked(run->engine, keyspace, key, &value);
    TRACE("  put %u/%u %zu bytes, expiry %" PRId64 ": %s\n", change->database, change->key, all,
          value.expiry_ms, status_name(status));
    return status;
}

static enum status carry_out(struct run *run, struct store_change *change)
{
    struct engine *engine = run->engine;
    char name[32];
    enum status status = STATUS_OK;
    switch (change->kind) {
    case STORE_PUT:
        return put(run, change);
    case STORE_DELETE:
        status = engine_delete_locked(engine, engine_database_locked(engine, change->database),
                                      store_model_key_name(change->key, name));
        break;
    case STORE_CLEAR:
        status = engine_clear_locked(engine, change->database);
        break;
    case STORE_CLEAR_ALL:
        status = engine_clear_all_locked(engine);
        break;
    case STORE_SWAP:
        status = engine_swap_locked(engine, change->database, change->other);
        break;
    case STORE_EXPIRE:
        break;
    }
    TRACE("  kind %d of %u/%u: %s\n", change->kind, change->database, change->key,
          status_name(status));
    return status;
}

static struct store_change random_change(struct run *run, enum store_change_kind kind)
{
    struct store_change change = {
        .kind = kind,
        .database = (unsigned)below(run, STORE_MODEL_DATABASES),
        .key = (unsigned)below(run, STORE_MODEL_KEYS),
    };
    change.other = (change.database + 1) % STORE_MODEL_DATABASES;
    return change;
}

/* Carries out a command of `count` changes, as a group when there are several. */
static void command(struct run *run, const enum store_change_kind *kinds, size_t count)
{
    struct store_command done = {.count = 0};
    engine_lock(run->engine);
    engine_rest_begin_locked(run->engine);
    if (count > 1) {
        engine_group_begin_locked(run->engine);
    }
    run->in_flight.count = 0;
    run->has_in_flight = true;
    for (size_t i = 0; i < count; i++) {
        struct store_change change = random_change(run, kinds[i]);
        enum status status = carry_out(run, &change);
        run->in_flight.changes[run->in_flight.count++] = change;
        if (status == STATUS_OK) {
            done.changes[done.count++] = change;
        }
        bool expected = (status == STATUS_NOT_FOUND && change.kind == STORE_DELETE) ||
                        (status == STATUS_KEY_LIMIT && run->max_keys > 0);
        RUN_CHECK(run,
                  status == STATUS_OK || expected || run->may_fail || sim_disk_crashed(run->disk),
                  "a change of kind %d: %s", change.kind, status_name(status));
    }
    if (count > 1) {
        engine_group_end_locked(run->engine);
    }
    done.position = engine_rest_end_locked(run->engine);
    engine_unlock(run->engine);
    if (!sim_disk_crashed(run->disk)) {
        run->has_in_flight = false;
        if (done.count > 0) {
            store_history_add(&run->history, &done);
        }
    }
}

static void step_group(struct run *run)
{
    enum store_change_kind kinds[STORE_CHANGES_MAX];
    size_t count = 2 + (size_t)below(run, STORE_CHANGES_MAX - 2);
    for (size_t i = 0; i < count; i++) {
        kinds[i] = one_in(run, 4) ? STORE_DELETE : STORE_PUT;
        kinds[i] = one_in(run, 30) ? STORE_SWAP : kinds[i];
        kinds[i] = one_in(run, 60) ? STORE_CLEAR : kinds[i];
    }
    command(run, kinds, count);
}

static void step_tick(struct run *run)
{
    struct store_command expire = {
        .changes = {{.kind = STORE_EXPIRE, .until_ms = run->now_ms}},
        .count = 1,
    };
    run->in_flight = expire;
    run->has_in_flight = true;
    engine_tick(run->engine);
    if (!sim_disk_crashed(run->disk)) {
        run->has_in_flight = false;
        expire.position = appended_position(run);
        store_history_add(&run->history, &expire);
    }
}

static void expect_ok(struct run *run, enum status status)
{
    TRACE("%s: %s\n", step_names[run->step], status_name(status));
    RUN_CHECK(run, status == STATUS_OK || run->may_fail || sim_disk_crashed(run->disk), "%s: %s",
              step_names[run->step], status_name(status));
}

static enum step random_step(struct run *run)
{
    static const struct {
        enum step step;
        unsigned weight;
    } weights[] = {
        {STEP_PUT, 45},  {STEP_DELETE, 14}, {STEP_GROUP, 10}, {STEP_CLEAR, 1},   {STEP_SWAP, 2},
        {STEP_WRITE, 8}, {STEP_SYNC, 6},    {STEP_TICK, 12},  {STEP_COMPACT, 2},
    };
    uint64_t choice = below(run, 100);
    size_t i = 0;
    while (choice >= weights[i].weight) {
        choice -= weights[i++].weight;
    }
    return weights[i].step;
}

static void note_positions_unless_crashed(struct run *run)
{
    if (!sim_disk_crashed(run->disk)) {
        note_positions(run);
    }
}

static void carry_out_step(struct run *run, enum step step);

/* Others go on while a compaction reads a victim or writes a copy (it holds no lock then). */
static void interfere(void *context, enum sim_call call, const char *name)
{
    struct run *run = context;
    bool of_compaction = call == SIM_READ || strstr(name, ".pack") != NULL;
    if (!of_compaction || sim_disk_crashed(run->disk) || !one_in(run, 3)) {
        return;
    }
    for (uint64_t i = 1 + below(run, 4); i > 0 && !sim_disk_crashed(run->disk); i--) {
        enum step step = random_step(run);
        if (step != STEP_COMPACT) {
            TRACE("  meanwhile:\n");
            carry_out_step(run, step);
            note_positions_unless_crashed(run);
        }
    }
}

static enum status compact(struct run *run)
{
    struct compaction_result result;
    sim_disk_set_hook(run->disk, interfere, run);
    enum status status = engine_compact(run->engine, &result);
    sim_disk_set_hook(run->disk, NULL, NULL);
    return status;
}

static void carry_out_step(struct run *run, enum step step)
{
    static const enum store_change_kind kinds[] = {
        [STEP_PUT] = STORE_PUT,
        [STEP_DELETE] = STORE_DELETE,
        [STEP_SWAP] = STORE_SWAP,
    };
    enum store_change_kind clear = one_in(run, 3) ? STORE_CLEAR_ALL : STORE_CLEAR;
    switch (step) {
    case STEP_PUT:
    case STEP_DELETE:
    case STEP_SWAP:
        command(run, &kinds[step], 1);
        break;
    case STEP_CLEAR:
        command(run, &clear, 1);
        break;
    case STEP_GROUP:
        step_group(run);
        break;
    case STEP_TICK:
        TRACE("tick at %" PRId64 "\n", run->now_ms);
        step_tick(run);
        break;
    case STEP_SYNC:
        expect_ok(run, engine_sync(run->engine));
        break;
    case STEP_COMPACT:
        expect_ok(run, compact(run));
        break;
    default:
        expect_ok(run, engine_write(run->engine, appended_position(run)));
        break;
    }
}

static void make_step(struct run *run)
{
    run->step = random_step(run);
    carry_out_step(run, run->step);
    note_positions_unless_crashed(run);
}

/* --- runs --------------------------------------------------------------------------------- */

static void begin_run(struct run *run, uint64_t seed)
{
    memset(run, 0, sizeof(*run));
    run->seed = seed;
    test_random_init(&run->random, seed);
    run->disk = sim_disk_create(test_random_next(&run->random));
    run->fs = sim_disk_mount(run->disk);
    run->segment_size = (uint64_t)4096 << below(run, 4);
    run->max_keys = one_in(run, 3) ? 10 + below(run, 60) : 0;
    run->now_ms = 1700000000000;
    run->high_ms = run->now_ms;
    run->floor_ms = run->now_ms;
    TRACE("run %" PRIu64 ": segments of %" PRIu64 " bytes\n", seed, run->segment_size);
}

static void end_run(struct run *run)
{
    fs_close(run->fs);
    sim_disk_destroy(run->disk);
    store_history_deinit(&run->history);
}

/* Steps until the disk crashes or it is enough. */
static void live(struct run *run, uint64_t steps)
{
    for (uint64_t i = 0; i < steps && !sim_disk_crashed(run->disk); i++) {
        if (one_in(run, 4)) {
            run->now_ms += (int64_t)below(run, 5000);
            run->high_ms = run->high_ms > run->now_ms ? run->high_ms : run->now_ms;
        }
        make_step(run);
        if (one_in(run, 25) && !sim_disk_crashed(run->disk)) {
            check_now(run);
        }
    }
}

/* Ends a session by a crash, if there was none yet, or a close, and restarts. */
static void end_session(struct run *run)
{
    if (!sim_disk_crashed(run->disk)) {
        run->step = STEP_BETWEEN;
        if (one_in(run, 3)) {
            sim_disk_crash_after(run->disk, one_in(run, 2) ? 0 : 1 + below(run, 10));
        } else {
            sim_disk_crash_now(run->disk);
        }
    }
    bool crashed = sim_disk_crashed(run->disk);
    if (crashed) {
        count_crash(run);
    }
    close_engine(run);
    if (!crashed && sim_disk_crashed(run->disk)) {
        count_crash(run);
    }
    sim_disk_crash_after(run->disk, 0);
    run->required = run->history.written;
    restart(run);
}

static void crash_run(uint64_t seed)
{
    struct run run;
    begin_run(&run, seed);
    for (int session = 0; session < SESSIONS; session++) {
        open_and_settle(&run);
        if (!one_in(&run, 4)) {
            sim_disk_crash_after(run.disk, 1 + below(&run, one_in(&run, 2) ? 30 : 300));
        }
        live(&run, 1 + below(&run, SESSION_STEPS_MAX));
        end_session(&run);
    }
    open_and_settle(&run);
    close_engine(&run);
    end_run(&run);
}

/* Calls that fail without a crash: what the engine says must stay true. */
static void fault_run(uint64_t seed)
{
    struct run run;
    begin_run(&run, seed);
    run.steady_clock = true;
    for (int session = 0; session < SESSIONS; session++) {
        run.may_fail = true;
        enum sim_call call = (enum sim_call)below(&run, SIM_CALL_COUNT);
        call = one_in(&run, 3) ? SIM_SYNC : call;
        enum status status = one_in(&run, 4) ? STATUS_DISK_FULL : STATUS_IO;
        sim_disk_fail(run.disk, call, 1 + below(&run, 30), one_in(&run, 2) ? 1 : below(&run, 20),
                      status);
        TRACE("%s will fail: %s\n", sim_call_name(call), status_name(status));
        open_and_settle(&run);
        live(&run, 1 + below(&run, SESSION_STEPS_MAX));
        end_session(&run);
        run.may_fail = false;
    }
    open_and_settle(&run);
    close_engine(&run);
    end_run(&run);
}

/* A disk that fills up, and has room again. */
static void full_run(uint64_t seed)
{
    struct run run;
    begin_run(&run, seed);
    run.steady_clock = true;
    sim_disk_ignore_reservations(run.disk, one_in(&run, 4));
    for (int session = 0; session < SESSIONS; session++) {
        open_and_settle(&run);
        run.may_fail = true;
        sim_disk_set_capacity(run.disk, sim_disk_used_bytes(run.disk) + below(&run, 60000));
        live(&run, 1 + below(&run, SESSION_STEPS_MAX));
        if (one_in(&run, 2)) {
            sim_disk_set_capacity(run.disk, 0);
            engine_tick(run.engine);
            run.may_fail = false;
            live(&run, 30);
        }
        end_session(&run);
        sim_disk_set_capacity(run.disk, 0);
        run.may_fail = false;
    }
    open_and_settle(&run);
    close_engine(&run);
    end_run(&run);
}

/* --- rot ---------------------------------------------------------------------------------- */

struct names {
    char names[64][FILE_NAME_SIZE_MAX];
    size_t count;
};

static void collect_name(void *context, const char *name)
{
    struct names *names = context;
    if (names->count < 64 && (strstr(name, ".log") != NULL || strstr(name, ".pack") != NULL) &&
        strstr(name, ".cut") == NULL) {
        (void)snprintf(names->names[names->count++], FILE_NAME_SIZE_MAX, "%s", name);
    }
}

static void rot(struct run *run)
{
    struct names names = {.count = 0};
    CHECK(fs_list(run->fs, collect_name, &names) == STATUS_OK);
    if (names.count == 0) {
        return; /* all that the store ever held is gone */
    }
    const char *name = names.names[below(run, names.count)];
    struct file *file;
    uint64_t size;
    CHECK(fs_open(run->fs, name, FILE_MODE_READ, &file) == STATUS_OK);
    CHECK(file_size(file, &size) == STATUS_OK);
    file_close(file);
    uint64_t offset = below(run, size + 1);
    TRACE("rot in %s at %" PRIu64 "\n", name, offset);
    enum status status = sim_disk_flip(run->disk, name, offset, (uint8_t)(1u << below(run, 8)));
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
}

/* Takes what can't be read for what should be there. */
static void excuse_unreadable(struct run *run, unsigned database, struct store_model *seen)
{
    for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
        struct store_key *found = &seen->keys[database][key];
        if (found->state == STORE_UNREADABLE) {
            TRACE("unreadable: %u/%u\n", database, key);
            *found = run->history.now.keys[database][key];
            if (found->expiry_ms <= run->now_ms) {
                found->state = STORE_ABSENT; /* who can't read it can't know that it has expired */
            }
        }
    }
}

/* Nothing wrong is ever served, and nothing gets lost without a word. */
static void check_rotten(struct run *run)
{
    struct store_model seen;
    store_model_read(run->engine, &seen, false);
    for (unsigned database = 0; database < STORE_MODEL_DATABASES; database++) {
        excuse_unreadable(run, database, &seen);
    }
    char where[200] = "";
    RUN_CHECK(run, store_model_matches(&run->history.now, &seen, run->now_ms, run->high_ms, where),
              "%s", where);
}

/* What can't be read can be overwritten and deleted. */
static void overwrite_rotten(struct run *run)
{
    engine_lock(run->engine);
    for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
        struct store_change change = {
            .kind = one_in(run, 2) ? STORE_PUT : STORE_DELETE, .database = 0, .key = key};
        enum status status = carry_out(run, &change);
        RUN_CHECK(run,
                  status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_KEY_LIMIT,
                  "overwrite: %s", status_name(status));
        struct store_command done = {.changes = {change}, .count = 1};
        if (status == STATUS_OK) {
            store_history_add(&run->history, &done);
        }
    }
    engine_unlock(run->engine);
}

static void rot_run(uint64_t seed)
{
    struct run run;
    struct error error;
    struct compaction_result result;
    begin_run(&run, seed);
    open_and_settle(&run);
    live(&run, 20 + below(&run, SESSION_STEPS_MAX));
    if (one_in(&run, 2)) {
        RUN_CHECK(&run, engine_sync(run.engine) == STATUS_OK, "sync");
        rot(&run);
        check_rotten(&run);
        overwrite_rotten(&run);
        check_rotten(&run);
        enum status status = engine_compact(run.engine, &result);
        TRACE("compact: %s\n", status_name(status));
        check_rotten(&run);
        run.may_fail = true;
        close_engine(&run);
    } else {
        close_engine(&run);
        rot(&run);
    }
    enum status status = open_engine(&run, false, &error);
    TRACE("open: %s %s\n", status_name(status), error.text);
    if (status == STATUS_OK) {
        check_rotten(&run);
        run.may_fail = true;
        close_engine(&run);
    } else {
        RUN_CHECK(&run, status == STATUS_CORRUPT || status == STATUS_NEWER_FORMAT, "open: %s",
                  status_name(status));
        RUN_CHECK(&run, strstr(error.text, ".log") != NULL || strstr(error.text, ".pack") != NULL,
                  "the error names no file: %s", error.text);
    }
    sim_disk_crash_now(run.disk);
    sim_disk_restart(run.disk, SIM_KILL);
    end_run(&run);
}

/* --- the tests ---------------------------------------------------------------------------- */

static void repeat(const char *name, void (*one)(uint64_t seed), unsigned runs)
{
    uint64_t seed = test_seed(name);
    runs = (unsigned)(runs * test_scale());
    const char *trace = getenv("SCDB_TEST_TRACE");
    trace_on = trace != NULL;
    dump_on = trace_on && strcmp(trace, "2") == 0;
    log_set_level(trace_on ? LOG_DEBUG_LEVEL : LOG_NOTHING_LEVEL);
    for (unsigned i = 0; i < runs || i == 0; i++) {
        one(seed + i);
    }
}

static void print_crashes(void)
{
    printf("crashes hit:");
    for (int step = 0; step < STEP_COUNT; step++) {
        unsigned sum = 0;
        for (int call = 0; call <= SIM_CALL_COUNT; call++) {
            sum += crash_counts[step][call];
        }
        printf("%s%s %u", step == 0 ? " " : "; ", step_names[step], sum);
        for (int call = 0; call < SIM_CALL_COUNT; call++) {
            if (crash_counts[step][call] > 0) {
                printf(" %s=%u", sim_call_name((enum sim_call)call), crash_counts[step][call]);
            }
        }
    }
    printf("\n");
}

START_TEST(crashes)
{
    repeat("engine_crash_test crashes", crash_run, CRASH_RUNS);
    print_crashes();
}
END_TEST

START_TEST(failing_calls)
{
    repeat("engine_crash_test failing_calls", fault_run, FAULT_RUNS);
}
END_TEST

START_TEST(full_disks)
{
    repeat("engine_crash_test full_disks", full_run, FULL_RUNS);
}
END_TEST

START_TEST(rotten_bytes)
{
    repeat("engine_crash_test rotten_bytes", rot_run, ROT_RUNS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_crash");
    TCase *tests = tcase_create("engine_crash");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, crashes);
    tcase_add_test(tests, failing_calls);
    tcase_add_test(tests, full_disks);
    tcase_add_test(tests, rotten_bytes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
