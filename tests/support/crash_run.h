/*
 * crash_run.h - a store, its model and a simulated disk that crashes: one run of the crash tests.
 *
 * Random histories of commands (crash_steps.h) run against the engine on the simulated disk
 * (sim_disk.h) and against a model (store_model.h), with segments of a few KiB, so that rolls,
 * seals and compactions happen all the time. Then the power goes, or the process; also during
 * recovery. What is asked afterwards is what docs/durability.md promises: the store is in the state
 * after a prefix of whole commands that has at least all that was reported durable (after a power
 * cut) or written (after a kill), and it is so at every later look too.
 *
 * Each run has its own seed, printed when it fails: SCDB_TEST_SEED=<seed> makes it the first run.
 * SCDB_TEST_SCALE multiplies the number of runs, SCDB_TEST_TRACE=1 shows the commands and the
 * engine's log, SCDB_TEST_TRACE=2 also what each restart finds on the disk.
 *
 * One thread. What is found wrong fails the Check test that runs.
 */
#ifndef SCDB_TESTS_SUPPORT_CRASH_RUN_H
#define SCDB_TESTS_SUPPORT_CRASH_RUN_H

#include "engine/engine.h"
#include "support/sim_disk.h"
#include "support/store_model.h"
#include "support/test_random.h"

#include <check.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CRASH_RUN_SESSIONS       6
#define CRASH_RUN_STEPS_MAX      250 /* of a session */
#define CRASH_RUN_VALUE_SIZE_MAX 150000

/* What a run is doing when the disk crashes. */
enum crash_step {
    CRASH_STEP_PUT,
    CRASH_STEP_DELETE,
    CRASH_STEP_GROUP,
    CRASH_STEP_CLEAR,
    CRASH_STEP_SWAP,
    CRASH_STEP_WRITE,
    CRASH_STEP_SYNC,
    CRASH_STEP_TICK,
    CRASH_STEP_COMPACT,
    CRASH_STEP_CHECKPOINT,
    CRASH_STEP_CLOSE,
    CRASH_STEP_OPEN,
    CRASH_STEP_BETWEEN,
    CRASH_STEP_COUNT
};

struct crash_run {
    uint64_t seed;
    struct test_random random;
    struct sim_disk *disk;
    struct file_system *fs;
    struct engine *engine; /* NULL while closed */
    uint64_t segment_size;
    uint64_t max_keys;       /* 0 = no limit */
    unsigned key_count;      /* keys that are written, of each database */
    unsigned piece_shift;    /* of strings in pieces, so small that most values may be patched */
    size_t large_value_size; /* values are seldom larger than segments, and never than this */
    struct store_history history;
    size_t required; /* commands of the history that a restart has to bring back */

    int64_t now_ms;
    int64_t high_ms;  /* the clock was never beyond */
    int64_t floor_ms; /* and is not set back beyond this */

    bool crashes_in_compactions; /* the disk crashes there often */
    bool steady_clock; /* never set back: an expiry mark may fail to be written, unseen by us */
    bool may_fail;     /* calls of the engine may fail, and not only because of a crash */
    enum crash_step step;
    struct store_command in_flight;
    bool has_in_flight;
    bool is_alone; /* the command has one change, so it may let go of the lock */
};

extern const char *const crash_step_names[CRASH_STEP_COUNT];
extern bool crash_run_trace_on;

#define CRASH_TRACE(...)                                                                           \
    do {                                                                                           \
        if (crash_run_trace_on) {                                                                  \
            printf(__VA_ARGS__);                                                                   \
            (void)fflush(stdout);                                                                  \
        }                                                                                          \
    } while (0)

#define CRASH_CHECK(run, condition, ...)                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            char failure_text[sizeof(struct error) + 200];                                         \
            (void)snprintf(failure_text, sizeof(failure_text), __VA_ARGS__);                       \
            crash_run_fail(run, failure_text, #condition);                                         \
        }                                                                                          \
    } while (0)

/* Ends the Check test that runs, or calls crash_run_on_failure, when that is set. */
_Noreturn void crash_run_fail(const struct crash_run *run, const char *text, const char *condition);
extern void (*crash_run_on_failure)(const struct crash_run *run, const char *text);

/* Chances, from the run's seed. */
uint64_t crash_run_below(struct crash_run *run, uint64_t bound);
bool crash_run_one_in(struct crash_run *run, uint64_t n);

/* A new disk; the store is not open yet. And the end of it, with the store closed. */
void crash_run_begin(struct crash_run *run, uint64_t seed);
void crash_run_end(struct crash_run *run);

/* Opens the engine, or tells why not; looks at nothing. */
enum status crash_run_open(struct crash_run *run, bool repair, struct error *error) MUST_CHECK;

/* Opens the store, through crashes of the recovery too, and checks what it finds. */
void crash_run_open_and_settle(struct crash_run *run);

/* Closes the engine; when that goes well, all of the history is durable. */
void crash_run_close(struct crash_run *run);

/* Makes steps until the disk crashes or it is enough. */
void crash_run_live(struct crash_run *run, uint64_t steps);

/* Reads all keys and finds what the history became; the history is that from then on. */
void crash_run_settle(struct crash_run *run);

/* Ends a session by a crash, if there was none yet, or by a close; then restarts the disk. */
void crash_run_end_session(struct crash_run *run);

/* Compares all keys with the model, and has the engine verify itself. */
void crash_run_check(struct crash_run *run);

/* Takes over what the engine says is written and durable. */
void crash_run_note_positions(struct crash_run *run);
uint64_t crash_run_appended_position(struct crash_run *run);

/* Calls `one` with `runs` seeds in a row (times SCDB_TEST_SCALE). */
void crash_run_repeat(const char *name, void (*one)(uint64_t seed), unsigned runs);

/* How many crashes hit each step at each call, so far. */
void crash_run_print_crashes(void);

#endif
