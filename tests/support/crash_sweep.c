/* crash_sweep.c - see crash_sweep.h. */
#include "support/crash_sweep.h"

#include "base/check.h"
#include "engine/checkpoint.h"
#include "engine/engine_state.h"
#include "engine/manifest.h"
#include "support/check_verdict.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS       4
#define STEPS_MAX      90 /* of a session */
#define LATER_STEPS    12 /* of a store that lives on after a crash */
#define DEPTH_MAX      3
#define NESTED_ONE_IN  100
#define LIVES_ONE_IN   12
#define CHECKED_ONE_IN 10
#define FULL_ONE_IN    4
#define KEY_COUNT      10
#define LARGE_VALUE    6000
#define THROUGH_ONE_IN 8 /* histories that have values which are written past the tail */

/* How the crash goes about it. */
enum manner {
    MANNER_KILL,
    MANNER_LOSE_ALL,
    MANNER_LOSE_NAMES,
    MANNER_LOSE_BYTES,
    MANNER_LOSE_ONE_NAME,
    MANNER_LOSE_ONE_SECTOR,
    MANNER_KEEP_ONE_NAME,
    MANNER_KEEP_ONE_SECTOR,
    MANNER_LOSE_SOME,
    MANNER_COUNT
};

static const struct {
    enum sim_loss bytes;
    enum sim_loss names;
} losses[MANNER_COUNT] = {
    [MANNER_LOSE_ALL] = {SIM_LOSS_ALL, SIM_LOSS_ALL},
    [MANNER_LOSE_NAMES] = {SIM_LOSS_NONE, SIM_LOSS_ALL},
    [MANNER_LOSE_BYTES] = {SIM_LOSS_ALL, SIM_LOSS_NONE},
    [MANNER_LOSE_ONE_NAME] = {SIM_LOSS_NONE, SIM_LOSS_ONE},
    [MANNER_LOSE_ONE_SECTOR] = {SIM_LOSS_ONE, SIM_LOSS_NONE},
    [MANNER_KEEP_ONE_NAME] = {SIM_LOSS_NONE, SIM_LOSS_ALL_BUT_ONE},
    [MANNER_KEEP_ONE_SECTOR] = {SIM_LOSS_ALL_BUT_ONE, SIM_LOSS_NONE},
    [MANNER_LOSE_SOME] = {SIM_LOSS_RANDOM, SIM_LOSS_RANDOM},
};

/* Whose steps are looked at, and what is known of the store behind them. */
struct sweep {
    struct crash_run *run; /* its disk is copied */
    unsigned depth;        /* crashes that have happened already */
    bool power_was_cut;    /* by one of these */
    const struct store_history *history;
    const struct store_command *in_flight; /* NULL = none */
    size_t written;                        /* commands that survive if only processes die */
    struct crash_phase_state phase;
    struct crash_sweep_counts *counts;
    uint64_t most;
};

uint64_t crash_sweep_points(const struct crash_sweep_counts *counts)
{
    uint64_t sum = 0;
    for (int phase = 0; phase < CRASH_PHASE_COUNT; phase++) {
        sum += atomic_load_explicit(&counts->points[phase], memory_order_relaxed);
    }
    return sum;
}

bool crash_sweep_is_unmet(const struct crash_sweep_counts *counts, enum crash_phase phase)
{
    return crash_phase_is_needed(phase) && atomic_load(&counts->points[phase]) == 0;
}

/* --- what must be there -------------------------------------------------------------------- */

/* Commands that a power cut has to leave. While the store runs, what it reports counts at once. */
static size_t count_durable(const struct sweep *sweep)
{
    const struct engine *engine = sweep->depth == 0 ? sweep->run->engine : NULL;
    if (engine == NULL) {
        return 0; /* what was durable before is the history's base */
    }
    uint64_t durable = atomic_load(&engine->sync.durable_position);
    size_t count = 0;
    while (count < sweep->history->count && sweep->history->commands[count].position <= durable) {
        count++;
    }
    return count;
}

static size_t count_required(const struct sweep *sweep, enum manner manner)
{
    size_t durable = count_durable(sweep);
    bool is_kill = manner == MANNER_KILL && !sweep->power_was_cut;
    return is_kill && sweep->written > durable ? sweep->written : durable;
}

/* --- one crash ----------------------------------------------------------------------------- */

static void sweep_recovery(void *context, const struct sim_step *step);

static void begin_copy(const struct sweep *sweep, struct crash_run *copy)
{
    struct crash_run *run = sweep->run;
    *copy = (struct crash_run){
        .seed = run->seed,
        .segment_size = run->segment_size,
        .max_keys = run->max_keys,
        .key_count = run->key_count,
        .large_value_size = run->large_value_size,
        .now_ms = run->now_ms,
        .high_ms = run->high_ms,
        .floor_ms = run->floor_ms,
    };
    test_random_init(&copy->random, test_random_next(&run->random));
    copy->disk = sim_disk_clone(run->disk, test_random_next(&copy->random));
    sim_disk_set_capacity(copy->disk, 0); /* that of a recovery on a full disk */
    copy->fs = sim_disk_mount(copy->disk);
}

static void crash(const struct crash_run *copy, enum manner manner, const struct sim_step *step)
{
    if (manner != MANNER_KILL) {
        sim_disk_restart_losing(copy->disk, losses[manner].bytes, losses[manner].names);
        return;
    }
    if (step->call == SIM_WRITE) {
        sim_disk_write_a_part(copy->disk, step);
    }
    sim_disk_restart(copy->disk, SIM_KILL);
}

/* Compares what is there with what may be; it is the copy's history from then on. */
static void look(const struct sweep *sweep, struct crash_run *copy, size_t required)
{
    struct store_model seen;
    char where[200] = "";
    bool ambiguous;
    store_model_read(copy->engine, &seen, crash_run_one_in(copy, 4));
    struct store_sighting sighting = {.seen = &seen,
                                      .now_ms = copy->now_ms,
                                      .high_ms = copy->high_ms,
                                      .required = required,
                                      .last = sweep->in_flight};
    bool found =
        store_history_find(sweep->history, &sighting, &copy->history.base, &ambiguous, where);
    CRASH_CHECK(copy, found, "no prefix of at least %zu of %zu commands matches; after all: %s",
                required, sweep->history->count, where);
    copy->history.now = copy->history.base;
    copy->floor_ms = ambiguous ? copy->now_ms : copy->floor_ms;
    engine_lock(copy->engine);
    engine_verify_all_locked(copy->engine);
    engine_unlock(copy->engine);
}

/* The store goes on, crashes again, and is what it has to be then, too. */
static void live_on(struct sweep *sweep, struct crash_run *copy)
{
    atomic_fetch_add_explicit(&sweep->counts->later_lives, 1, memory_order_relaxed);
    copy->crashes_in_compactions = crash_run_one_in(copy, 2);
    crash_run_live(copy, crash_run_below(copy, LATER_STEPS));
    if (!sim_disk_crashed(copy->disk) && crash_run_one_in(copy, 2)) {
        struct compaction_result result;
        copy->step = CRASH_STEP_COMPACT;
        sim_disk_crash_after(copy->disk, 0);
        enum status status = engine_compact(copy->engine, &result);
        CRASH_CHECK(copy, status == STATUS_OK, "compact: %s", status_name(status));
        crash_run_check(copy);
    }
    crash_run_end_session(copy);
    crash_run_open_and_settle(copy);
}

static void end_copy(struct crash_run *copy)
{
    sim_disk_crash_now(copy->disk);
    if (copy->engine != NULL) {
        enum status status = engine_close(copy->engine);
        (void)status; /* of a disk that is gone */
    }
    crash_run_end(copy);
}

/* Rule 13 of docs/durability.md. A store without its checkpoint opens all the same, and is whole:
 * it reads everything instead. So nobody else would miss it. */
static void check_checkpoint(struct crash_run *copy)
{
    struct manifest manifest;
    struct error error;
    char name[FILE_NAME_SIZE_MAX];
    if (manifest_read(copy->fs, &manifest, &error) != STATUS_OK) {
        return; /* a new store; what is wrong else is found when it is opened */
    }
    if (manifest.checkpoint_file != 0) {
        struct file *file;
        checkpoint_file_name(manifest.checkpoint_file, name);
        enum status status = fs_open(copy->fs, name, FILE_MODE_READ, &file);
        CRASH_CHECK(copy, status == STATUS_OK, "the checkpoint in force, %s: %s", name,
                    status_words(status));
        file_close(file);
    }
    manifest_deinit(&manifest);
}

/* To scdb-check, too, what a crash leaves is no damage. A store that is being made, and has no
 * manifest yet, is none to it. */
static void check_soundness(struct crash_run *copy)
{
    struct file *manifest;
    if (!crash_run_one_in(copy, CHECKED_ONE_IN) ||
        fs_open(copy->fs, MANIFEST_NAME, FILE_MODE_READ, &manifest) != STATUS_OK) {
        return;
    }
    file_close(manifest);
    char *said;
    struct check_verdict found = check_verdict(copy->fs, &said);
    CRASH_CHECK(copy, found.verified + found.read == 0, "scdb-check: %s",
                strstr(said, "damaged: "));
    free(said);
}

/* The next start finds the store, on a disk that may be full: then it opens without any room, or is
 * refused and opens when there is some. */
static void open_copy(const struct sweep *sweep, struct crash_run *copy)
{
    struct error error;
    bool is_full = crash_run_one_in(copy, FULL_ONE_IN);
    if (is_full) {
        sim_disk_set_capacity(copy->disk, sim_disk_used_bytes(copy->disk) + 1);
    }
    enum status status = crash_run_open(copy, false, &error);
    sim_disk_set_capacity(copy->disk, 0);
    if (is_full && status == STATUS_OK) {
        atomic_fetch_add_explicit(&sweep->counts->full_opened, 1, memory_order_relaxed);
    } else if (is_full && status == STATUS_DISK_FULL) {
        CRASH_TRACE("open: %s\n", error.text);
        atomic_fetch_add_explicit(&sweep->counts->full_refused, 1, memory_order_relaxed);
        status = crash_run_open(copy, false, &error);
    }
    CRASH_CHECK(copy, status == STATUS_OK, "open: %s: %s", status_name(status), error.text);
}

static void crash_here(struct sweep *sweep, enum manner manner, const struct sim_step *step)
{
    struct crash_run copy;
    begin_copy(sweep, &copy);
    crash(&copy, manner, step);
    size_t required = count_required(sweep, manner);
    struct sweep inner = {.run = &copy,
                          .depth = sweep->depth + 1,
                          .power_was_cut = sweep->power_was_cut || manner != MANNER_KILL,
                          .history = sweep->history,
                          .in_flight = sweep->in_flight,
                          .written = required,
                          .counts = sweep->counts,
                          .most = sweep->most};
    if (inner.depth < DEPTH_MAX && crash_run_one_in(&copy, NESTED_ONE_IN)) {
        sim_disk_set_witness(copy.disk, sweep_recovery, &inner);
    }
    CRASH_TRACE("--- copy, manner %d\n", (int)manner);
    check_checkpoint(&copy);
    check_soundness(&copy);
    open_copy(sweep, &copy);
    sim_disk_set_witness(copy.disk, NULL, NULL);
    look(sweep, &copy, required);
    if (crash_run_one_in(&copy, LIVES_ONE_IN)) {
        live_on(sweep, &copy);
    }
    end_copy(&copy);
    CRASH_TRACE("--- end of the copy\n");
}

/* --- every step ---------------------------------------------------------------------------- */

/* The manners that differ from others here. */
static bool is_worth_it(const struct sweep *sweep, enum manner manner)
{
    struct sim_disk *disk = sweep->run->disk;
    switch (manner) {
    case MANNER_KILL:
        return true;
    case MANNER_LOSE_ALL:
        return !sim_disk_is_durable(disk);
    case MANNER_LOSE_NAMES:
    case MANNER_LOSE_BYTES:
    case MANNER_LOSE_ONE_NAME:
    case MANNER_KEEP_ONE_NAME:
        return !sim_disk_names_are_durable(disk);
    default:
        return !sim_disk_is_durable(disk);
    }
}

static bool is_wanted(const struct sweep *sweep, enum crash_phase phase)
{
    return crash_sweep_points(sweep->counts) < sweep->most ||
           crash_sweep_is_unmet(sweep->counts, phase);
}

static void crash_at(struct sweep *sweep, enum crash_phase phase, const struct sim_step *step)
{
    atomic_fetch_add_explicit(&sweep->counts->steps, 1, memory_order_relaxed);
    for (enum manner manner = 0; manner < MANNER_COUNT; manner++) {
        if (is_worth_it(sweep, manner) && is_wanted(sweep, phase)) {
            crash_here(sweep, manner, step);
            atomic_fetch_add_explicit(&sweep->counts->points[phase], 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&sweep->counts->kills, manner == MANNER_KILL ? 1 : 0,
                                      memory_order_relaxed);
        }
    }
}

static void sweep_recovery(void *context, const struct sim_step *step)
{
    struct sweep *sweep = context;
    crash_at(sweep, sweep->depth > 1 ? CRASH_PHASE_RECOVERY_AGAIN : CRASH_PHASE_RECOVERY, step);
}

static void sweep_life(void *context, const struct sim_step *step)
{
    struct sweep *sweep = context;
    struct crash_run *run = sweep->run;
    bool is_open = run->step == CRASH_STEP_OPEN;
    sweep->in_flight = run->has_in_flight ? &run->in_flight : NULL;
    sweep->written = is_open ? run->required : run->history.written;
    CRASH_TRACE("step: %s of '%s' in %s\n", sim_call_name(step->call), step->name,
                crash_step_names[run->step]);
    crash_at(sweep, crash_phase_of(&sweep->phase, run->step, step), step);
}

/* --- a history ----------------------------------------------------------------------------- */

/* Small, so that a recovery is cheap and compactions come often. */
static void make_small(struct crash_run *run)
{
    run->segment_size = crash_run_one_in(run, 4) ? 8192 : 4096;
    run->max_keys = crash_run_one_in(run, 4) ? 10 + crash_run_below(run, 20) : 0;
    run->key_count = 2 + (unsigned)crash_run_below(run, KEY_COUNT);
    run->large_value_size =
        crash_run_one_in(run, THROUGH_ONE_IN) ? CRASH_RUN_VALUE_SIZE_MAX / 2 : LARGE_VALUE;
}

/* Undisturbed, unlike those among the steps. */
static void compact(struct crash_run *run)
{
    if (!sim_disk_crashed(run->disk) && crash_run_one_in(run, 2)) {
        struct compaction_result result;
        run->step = CRASH_STEP_COMPACT;
        enum status status = engine_compact(run->engine, &result);
        CRASH_CHECK(run, status == STATUS_OK || sim_disk_crashed(run->disk), "compact: %s",
                    status_name(status));
    }
}

void crash_sweep_history(uint64_t seed, struct crash_sweep_counts *counts, uint64_t most)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    make_small(&run);
    struct sweep sweep = {.run = &run, .history = &run.history, .counts = counts, .most = most};
    sim_disk_set_witness(run.disk, sweep_life, &sweep);
    for (int session = 0; session < SESSIONS; session++) {
        crash_run_open_and_settle(&run);
        crash_run_live(&run, 1 + crash_run_below(&run, STEPS_MAX));
        compact(&run);
        crash_run_end_session(&run);
    }
    sim_disk_set_witness(run.disk, NULL, NULL);
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
    atomic_fetch_add(&counts->histories, 1);
}
