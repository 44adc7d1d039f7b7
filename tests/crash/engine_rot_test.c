/*
 * engine_rot_test.c - the engine on a disk that changes bits behind its back (crash_run.h): nothing
 * wrong is served, nothing gets lost without a word, and what can't be read can be replaced.
 */
#include "base/check.h"
#include "support/crash_run.h"
#include "support/crash_steps.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define ROT_RUNS 60

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

static void rot(struct crash_run *run)
{
    struct names names = {.count = 0};
    CHECK(fs_list(run->fs, collect_name, &names) == STATUS_OK);
    if (names.count == 0) {
        return; /* all that the store ever held is gone */
    }
    const char *name = names.names[crash_run_below(run, names.count)];
    struct file *file;
    uint64_t size;
    CHECK(fs_open(run->fs, name, FILE_MODE_READ, &file) == STATUS_OK);
    CHECK(file_size(file, &size) == STATUS_OK);
    file_close(file);
    uint64_t offset = crash_run_below(run, size + 1);
    CRASH_TRACE("rot in %s at %" PRIu64 "\n", name, offset);
    enum status status =
        sim_disk_flip(run->disk, name, offset, (uint8_t)(1u << crash_run_below(run, 8)));
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
}

/* Takes what can't be read for what should be there. */
static void excuse_unreadable(struct crash_run *run, unsigned database, struct store_model *seen)
{
    for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
        struct store_key *found = &seen->keys[database][key];
        if (found->state == STORE_UNREADABLE) {
            CRASH_TRACE("unreadable: %u/%u\n", database, key);
            *found = run->history.now.keys[database][key];
            if (found->expiry_ms <= run->now_ms) {
                found->state = STORE_ABSENT; /* who can't read it can't know that it has expired */
            }
        }
    }
}

/* Nothing wrong is ever served, and nothing gets lost without a word. */
static void check_rotten(struct crash_run *run)
{
    struct store_model seen;
    store_model_read(run->engine, &seen, false);
    for (unsigned database = 0; database < STORE_MODEL_DATABASES; database++) {
        excuse_unreadable(run, database, &seen);
    }
    char where[200] = "";
    CRASH_CHECK(run,
                store_model_matches(&run->history.now, &seen, run->now_ms, run->high_ms, where),
                "%s", where);
}

/* What can't be read can be overwritten and deleted. */
static void overwrite_rotten(struct crash_run *run)
{
    engine_lock(run->engine);
    for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
        struct store_change change = {
            .kind = crash_run_one_in(run, 2) ? STORE_PUT : STORE_DELETE, .database = 0, .key = key};
        enum status status = crash_steps_change(run, &change);
        CRASH_CHECK(run,
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
    struct crash_run run;
    struct error error;
    struct compaction_result result;
    crash_run_begin(&run, seed);
    crash_run_open_and_settle(&run);
    crash_run_live(&run, 20 + crash_run_below(&run, CRASH_RUN_STEPS_MAX));
    if (crash_run_one_in(&run, 2)) {
        CRASH_CHECK(&run, engine_sync(run.engine) == STATUS_OK, "sync");
        rot(&run);
        check_rotten(&run);
        overwrite_rotten(&run);
        check_rotten(&run);
        enum status status = engine_compact(run.engine, &result);
        CRASH_TRACE("compact: %s\n", status_name(status));
        check_rotten(&run);
        run.may_fail = true;
        crash_run_close(&run);
    } else {
        crash_run_close(&run);
        rot(&run);
    }
    enum status status = crash_run_open(&run, false, &error);
    CRASH_TRACE("open: %s %s\n", status_name(status), error.text);
    if (status == STATUS_OK) {
        check_rotten(&run);
        run.may_fail = true;
        crash_run_close(&run);
    } else {
        CRASH_CHECK(&run, status == STATUS_CORRUPT || status == STATUS_NEWER_FORMAT, "open: %s",
                    status_name(status));
        CRASH_CHECK(&run, strstr(error.text, ".log") != NULL || strstr(error.text, ".pack") != NULL,
                    "the error names no file: %s", error.text);
    }
    sim_disk_crash_now(run.disk);
    sim_disk_restart(run.disk, SIM_KILL);
    crash_run_end(&run);
}

START_TEST(rotten_bytes)
{
    crash_run_repeat("engine_rot_test rotten_bytes", rot_run, ROT_RUNS);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("engine_rot");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, rotten_bytes);
    return test_run("engine_rot", tests);
}
