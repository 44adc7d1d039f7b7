/* crash_run.c - see crash_run.h. */
#include "support/crash_run.h"

#include "base/check.h"
#include "base/log.h"
#include "support/crash_steps.h"
#include "support/store_dump.h"

#include <stdlib.h>
#include <string.h>

const char *const crash_step_names[CRASH_STEP_COUNT] = {
    "put",  "delete",  "group",      "clear", "swap", "write",  "sync",
    "tick", "compact", "checkpoint", "close", "open", "between"};

/* How many crashes hit each step at each call. */
static unsigned crash_counts[CRASH_STEP_COUNT][SIM_CALL_COUNT + 1];

bool crash_run_trace_on;
static bool dump_on;

void (*crash_run_on_failure)(const struct crash_run *run, const char *text);

_Noreturn void crash_run_fail(const struct crash_run *run, const char *text, const char *condition)
{
    if (crash_run_on_failure != NULL) {
        crash_run_on_failure(run, text);
    }
    ck_abort_msg("%s (%s; SCDB_TEST_SEED=%" PRIu64 ")", text, condition, run->seed);
    abort();
}

uint64_t crash_run_below(struct crash_run *run, uint64_t bound)
{
    return test_random_below(&run->random, bound);
}

bool crash_run_one_in(struct crash_run *run, uint64_t n)
{
    return test_random_one_in(&run->random, n);
}

/* --- opening and checking ----------------------------------------------------------------- */

static int64_t run_clock(void *context)
{
    return ((const struct crash_run *)context)->now_ms;
}

enum status crash_run_open(struct crash_run *run, bool repair, struct error *error)
{
    struct engine_options options = {
        .fs = run->fs,
        .database_count = STORE_MODEL_DATABASES,
        .segment_size = run->segment_size,
        .max_keys = run->max_keys,
        .sync_policy = (enum sync_policy)crash_run_below(run, SYNC_NO + 1),
        .without_threads = true,
        .unix_ms = run_clock,
        .unix_ms_context = run,
        .random_seed = run->seed | 1,
        .piece_shift = run->piece_shift,
        .repair = repair,
    };
    run->step = CRASH_STEP_OPEN;
    error->text[0] = '\0';
    enum status status = engine_open(&options, &run->engine, error);
    if (status == STATUS_OK && crash_run_one_in(run, 2)) {
        engine_set_compaction_percentage(run->engine, 10 + (unsigned)crash_run_below(run, 50));
    }
    return status;
}

void crash_run_close(struct crash_run *run)
{
    run->step = CRASH_STEP_CLOSE;
    struct engine *engine = run->engine;
    run->engine = NULL;
    enum status status = engine_close(engine);
    CRASH_TRACE("close: %s\n", status_name(status));
    if (status == STATUS_OK) {
        store_history_note_closed(&run->history);
    }
    CRASH_CHECK(run, status == STATUS_OK || run->may_fail || sim_disk_crashed(run->disk),
                "close: %s", status_name(status));
}

/* What the engine says is written and durable. */
void crash_run_note_positions(struct crash_run *run)
{
    struct engine_statistics statistics;
    engine_lock(run->engine);
    engine_statistics_locked(run->engine, &statistics);
    engine_unlock(run->engine);
    store_history_note(&run->history, statistics.written_position, statistics.durable_position);
}

uint64_t crash_run_appended_position(struct crash_run *run)
{
    struct engine_statistics statistics;
    engine_lock(run->engine);
    engine_statistics_locked(run->engine, &statistics);
    engine_unlock(run->engine);
    return statistics.appended_position;
}

void crash_run_check(struct crash_run *run)
{
    struct store_model seen;
    char where[200] = "";
    store_model_read(run->engine, &seen, crash_run_one_in(run, 4));
    CRASH_CHECK(run,
                store_model_matches(&run->history.now, &seen, run->now_ms, run->high_ms, where),
                "%s", where);
    engine_lock(run->engine);
    engine_verify_all_locked(run->engine);
    engine_unlock(run->engine);
}

static void count_crash(const struct crash_run *run)
{
    const char *name;
    crash_counts[run->step][sim_disk_crash_call(run->disk, &name)]++;
    CRASH_TRACE("crash in %s at %s of '%s'\n", crash_step_names[run->step],
                sim_call_name(sim_disk_crash_call(run->disk, &name)), name);
}

/* The machine or the process starts again. `required` falls to what is durable in a power cut. */
static void restart(struct crash_run *run)
{
    enum sim_crash kind = crash_run_one_in(run, 3) ? SIM_KILL : SIM_POWER_CUT;
    run->required = kind == SIM_POWER_CUT ? 0 : run->required;
    CRASH_TRACE("restart: %s\n", kind == SIM_KILL ? "kill" : "power cut");
    sim_disk_restart(run->disk, kind);
    if (dump_on) {
        store_dump(run->fs);
    }
    if (!run->steady_clock && crash_run_one_in(run, 6)) {
        int64_t back_ms = (int64_t)crash_run_below(run, 120000);
        run->now_ms = run->now_ms - back_ms > run->floor_ms ? run->now_ms - back_ms : run->floor_ms;
        CRASH_TRACE("clock set back to %" PRId64 "\n", run->now_ms);
    }
}

void crash_run_settle(struct crash_run *run)
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
    CRASH_CHECK(run, found, "no prefix of at least %zu of %zu commands matches; after all: %s",
                run->required, run->history.count, where);
    run->has_in_flight = false;
    if (ambiguous) {
        run->floor_ms = run->now_ms;
    }
    crash_run_check(run);
}

/* Opens the store, through crashes of the recovery too, and checks what it finds. */
void crash_run_open_and_settle(struct crash_run *run)
{
    for (;;) {
        struct error error;
        if (crash_run_one_in(run, 3)) {
            sim_disk_crash_after(run->disk, 1 + crash_run_below(run, 25));
        }
        enum status status = crash_run_open(run, false, &error);
        bool crashed = sim_disk_crashed(run->disk);
        CRASH_TRACE("open: %s %s\n", status_name(status), error.text);
        if (status == STATUS_OK && !crashed) {
            sim_disk_crash_after(run->disk, 0);
            crash_run_settle(run);
            return;
        }
        bool excused = run->may_fail && (status == STATUS_IO || status == STATUS_DISK_FULL ||
                                         status == STATUS_NO_MEMORY);
        CRASH_CHECK(run, crashed || excused, "open: %s: %s", status_name(status), error.text);
        if (status == STATUS_OK) {
            /* What it holds was not looked at: its close says nothing of the history. */
            status = engine_close(run->engine);
            CRASH_TRACE("closed unseen: %s\n", status_name(status));
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

/* --- runs --------------------------------------------------------------------------------- */

void crash_run_begin(struct crash_run *run, uint64_t seed)
{
    memset(run, 0, sizeof(*run));
    run->seed = seed;
    test_random_init(&run->random, seed);
    run->disk = sim_disk_create(test_random_next(&run->random));
    run->fs = sim_disk_mount(run->disk);
    run->segment_size = (uint64_t)4096 << crash_run_below(run, 4);
    run->max_keys = crash_run_one_in(run, 3) ? 10 + crash_run_below(run, 60) : 0;
    run->key_count = STORE_MODEL_KEYS;
    run->large_value_size = CRASH_RUN_VALUE_SIZE_MAX;
    run->piece_shift = 6 + (unsigned)crash_run_below(run, 4);
    run->now_ms = 1700000000000;
    run->high_ms = run->now_ms;
    run->floor_ms = run->now_ms;
    CRASH_TRACE("run %" PRIu64 ": segments of %" PRIu64 " bytes\n", seed, run->segment_size);
}

void crash_run_end(struct crash_run *run)
{
    fs_close(run->fs);
    sim_disk_destroy(run->disk);
    store_history_deinit(&run->history);
}

/* Steps until the disk crashes or it is enough. */
void crash_run_live(struct crash_run *run, uint64_t steps)
{
    for (uint64_t i = 0; i < steps && !sim_disk_crashed(run->disk); i++) {
        if (crash_run_one_in(run, 4)) {
            run->now_ms += (int64_t)crash_run_below(run, 5000);
            run->high_ms = run->high_ms > run->now_ms ? run->high_ms : run->now_ms;
        }
        crash_steps_make(run);
        if (crash_run_one_in(run, 25) && !sim_disk_crashed(run->disk)) {
            crash_run_check(run);
        }
    }
}

/* Ends a session by a crash, if there was none yet, or a close, and restarts. */
void crash_run_end_session(struct crash_run *run)
{
    if (!sim_disk_crashed(run->disk)) {
        run->step = CRASH_STEP_BETWEEN;
        if (crash_run_one_in(run, 3)) {
            sim_disk_crash_after(run->disk,
                                 crash_run_one_in(run, 2) ? 0 : 1 + crash_run_below(run, 10));
        } else {
            sim_disk_crash_now(run->disk);
        }
    }
    bool crashed = sim_disk_crashed(run->disk);
    if (crashed) {
        count_crash(run);
    }
    crash_run_close(run);
    if (!crashed && sim_disk_crashed(run->disk)) {
        count_crash(run);
    }
    sim_disk_crash_after(run->disk, 0);
    run->required = run->history.written;
    restart(run);
}

/* --- many runs --- */

void crash_run_repeat(const char *name, void (*one)(uint64_t seed), unsigned runs)
{
    uint64_t seed = test_seed(name);
    runs = (unsigned)(runs * test_scale());
    const char *trace = getenv("SCDB_TEST_TRACE");
    crash_run_trace_on = trace != NULL;
    dump_on = crash_run_trace_on && strcmp(trace, "2") == 0;
    log_set_level(crash_run_trace_on ? LOG_DEBUG_LEVEL : LOG_NOTHING_LEVEL);
    for (unsigned i = 0; i < runs || i == 0; i++) {
        one(seed + i);
    }
}

void crash_run_print_crashes(void)
{
    printf("crashes hit:");
    for (int step = 0; step < CRASH_STEP_COUNT; step++) {
        unsigned sum = 0;
        for (int call = 0; call <= SIM_CALL_COUNT; call++) {
            sum += crash_counts[step][call];
        }
        printf("%s%s %u", step == 0 ? " " : "; ", crash_step_names[step], sum);
        for (int call = 0; call < SIM_CALL_COUNT; call++) {
            if (crash_counts[step][call] > 0) {
                printf(" %s=%u", sim_call_name((enum sim_call)call), crash_counts[step][call]);
            }
        }
    }
    printf("\n");
}
