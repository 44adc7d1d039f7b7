/* crash_steps.c - see crash_steps.h. */
#include "support/crash_steps.h"

#include "base/check.h"
#include "engine/record.h"
#include "engine/staged.h"

#include <stdlib.h>
#include <string.h>

/* --- commands ----------------------------------------------------------------------------- */

static size_t random_value_size(struct crash_run *run)
{
    uint64_t choice = crash_run_below(run, 1000);
    if (choice < 600) {
        return (size_t)crash_run_below(run, 100);
    }
    if (choice < 900) {
        return (size_t)crash_run_below(run, 1500);
    }
    if (choice < 990) {
        return (size_t)crash_run_below(run, 3 * run->segment_size / 2);
    }
    return run->large_value_size <= 60000
               ? (size_t)crash_run_below(run, run->large_value_size)
               : 60000 + (size_t)crash_run_below(run, run->large_value_size - 60000);
}

static void expect_ok(struct crash_run *run, enum status status)
{
    CRASH_TRACE("%s: %s\n", crash_step_names[run->step], status_name(status));
    CRASH_CHECK(run, status == STATUS_OK || run->may_fail || sim_disk_crashed(run->disk), "%s: %s",
                crash_step_names[run->step], status_name(status));
}

static struct staged *stage(struct crash_run *run, const struct staged_plan *plan)
{
    struct staged *staged = NULL;
    enum status status = staged_write(run->engine, plan, &staged);
    CRASH_TRACE("  staged %zu bytes: %s\n", plan->values[0].value.size, status_name(status));
    return staged;
}

/* What others do while a value waits for its put. */
static void do_beside(struct crash_run *run, const struct staged_plan *plan)
{
    struct compaction_result result;
    struct staged *other;
    bool is_alone = run->step == CRASH_STEP_PUT; /* no compaction is under way */
    switch (crash_run_below(run, 8)) {
    case 0:
        expect_ok(run, is_alone ? engine_compact(run->engine, &result) : STATUS_OK);
        break;
    case 1:
        if (is_alone) {
            engine_checkpoint(run->engine);
        }
        break;
    case 2:
        expect_ok(run, engine_sync(run->engine));
        break;
    case 3:
        other = stage(run, plan);
        if (other != NULL) {
            staged_drop(run->engine, other);
        }
        break;
    default:
        break;
    }
}

/* The put becomes a batch of one, which now and then is taken to have something in front. */
static void make_batch(struct crash_run *run, struct staged_plan *plan)
{
    struct staged_value *only = &plan->values[0];
    only->before = crash_run_one_in(run, 2) ? 0 : 8 * crash_run_below(run, 100);
    plan->batch_size = only->before + crash_run_below(run, 5000) +
                       record_size(only->key_size, only->value.size, only->has_expiry, false);
}

/* A put whose value is written ahead of it, without the lock; now and then it is another value that
 * is put then. The lock is released meanwhile. */
static enum status put_staged(struct crash_run *run, struct engine_keyspace *keyspace,
                              struct slice key, const struct engine_value *value)
{
    struct engine *engine = run->engine;
    struct staged_plan plan = {.values = {{.value = value->parts[0],
                                           .key_size = key.size,
                                           .has_expiry = value->expiry_ms != EXPIRY_NONE}},
                               .count = 1};
    if (crash_run_one_in(run, 4)) {
        make_batch(run, &plan);
    }
    engine_unlock(engine);
    struct staged *staged = stage(run, &plan);
    do_beside(run, &plan);
    engine_lock(engine);
    if (staged != NULL && !crash_run_one_in(run, 4)) {
        staged_offer_locked(engine, staged);
    }
    enum status status =
        plan.batch_size > 0 ? engine_reserve_locked(engine, plan.batch_size) : STATUS_OK;
    if (status == STATUS_OK) {
        status = engine_put_locked(engine, keyspace, key, value);
    }
    staged_offer_locked(engine, NULL);
    engine_unlock(engine);
    if (staged != NULL) {
        staged_drop(engine, staged);
    }
    engine_lock(engine);
    return status;
}

/* Sets a key to a random value in random parts, now and then with the old value as the first. */
static enum status put(struct crash_run *run, struct store_change *change)
{
    size_t size = random_value_size(run);
    char *data = malloc(size + 1); /* not static: a run may go on in the midst of another's put */
    CHECK(data != NULL);
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
    if (crash_run_one_in(run, 8) &&
        engine_find_locked(run->engine, keyspace, key, &old) == STATUS_OK && old.size < 5000 &&
        engine_part_locked(run->engine, &old, 0, SIZE_MAX, &parts[0]) == STATUS_OK) {
        count++;
    }
    size_t cut = size == 0 || crash_run_one_in(run, 2) ? size : (size_t)crash_run_below(run, size);
    parts[count++] = slice_make(data, cut);
    parts[count++] = slice_make(data + cut, size - cut);

    struct engine_value value = {
        .parts = parts,
        .part_count = count,
        .expiry_ms = crash_run_one_in(run, 4)
                         ? run->now_ms + 1 + (int64_t)crash_run_below(run, 60000)
                         : EXPIRY_NONE,
        .type = (uint8_t)crash_run_below(run, 3),
        .encoding = (uint8_t)crash_run_below(run, 256),
    };
    size_t all = 0;
    char *together = malloc(5000 + size);
    CHECK(together != NULL);
    for (size_t i = 0; i < count; i++) {
        memcpy(together + all, parts[i].data, parts[i].size);
        all += parts[i].size;
    }
    struct slice whole = slice_make(together, all);
    change->value = store_model_value(whole, value.expiry_ms, value.type, value.encoding);
    enum status status;
    if (run->is_alone && crash_run_one_in(run, 8)) {
        value.parts = &whole;
        value.part_count = 1;
        status = put_staged(run, keyspace, key, &value);
    } else {
        status = engine_put_locked(run->engine, keyspace, key, &value);
    }
    free(together);
    CRASH_TRACE("  put %u/%u %zu bytes, expiry %" PRId64 ": %s\n", change->database, change->key,
                all, value.expiry_ms, status_name(status));
    free(data);
    return status;
}

/* A change of a part of a value, up to a gap behind its end; or of its expiry alone. */
struct random_patch {
    struct engine_patch patch;
    struct slice part;
    char data[1000];
};

static void choose_patch(struct crash_run *run, const struct entry *old, struct random_patch *out)
{
    size_t size = old != NULL ? (size_t)old->size : 0;
    size_t length = 1 + (size_t)crash_run_below(run, crash_run_one_in(run, 3) ? 1000 : 100);
    test_random_fill(&run->random, out->data, length);
    if (crash_run_one_in(run, 8)) {
        memset(out->data, 0, length);
    }
    out->part = slice_make(out->data, length);
    out->patch = (struct engine_patch){
        .old = old,
        .offset = crash_run_below(run, size + (crash_run_one_in(run, 4) ? 1500 : 1)),
        .parts = &out->part,
        .part_count = 1,
        .expiry_ms = old != NULL ? old->expiry_ms : EXPIRY_NONE,
        .type = old != NULL ? old->type : 0,
        .encoding = old != NULL ? old->encoding : 7,
    };
    if (crash_run_one_in(run, 4)) {
        out->patch.offset = size;
    }
    if (crash_run_one_in(run, 4)) {
        out->patch.expiry_ms = run->now_ms + 1 + (int64_t)crash_run_below(run, 60000);
        out->patch.part_count = size > 0 && crash_run_one_in(run, 2) ? 0 : 1;
    }
}

static struct store_key patched_value(struct slice old, const struct engine_patch *patch)
{
    struct slice part = patch->part_count > 0 ? patch->parts[0] : slice_make(NULL, 0);
    size_t end = part.size > 0 ? (size_t)patch->offset + part.size : 0;
    size_t size = end > old.size ? end : old.size;
    char *bytes = calloc(1, size + 1);
    CHECK(bytes != NULL);
    if (old.size > 0) {
        memcpy(bytes, old.data, old.size);
    }
    if (part.size > 0) {
        memcpy(bytes + patch->offset, part.data, part.size);
    }
    struct store_key value =
        store_model_value(slice_make(bytes, size), patch->expiry_ms, patch->type, patch->encoding);
    free(bytes);
    return value;
}

/* Sets the key to a copy of another that lies in pieces, or of itself; false: what was chosen does
 * not. */
static bool try_copy(struct crash_run *run, struct store_change *change, enum status *status)
{
    struct engine *engine = run->engine;
    unsigned database = (unsigned)crash_run_below(run, STORE_MODEL_DATABASES);
    char name[32];
    struct slice key = store_model_key_name((unsigned)crash_run_below(run, run->key_count), name);
    struct entry from;
    struct slice bytes;
    if (engine_find_locked(engine, engine_database_locked(engine, database), key, &from) !=
            STATUS_OK ||
        entry_is_whole(&from) ||
        engine_part_locked(engine, &from, 0, SIZE_MAX, &bytes) != STATUS_OK) {
        return false;
    }
    struct engine_patch copy = {
        .old = &from, .expiry_ms = from.expiry_ms, .type = from.type, .encoding = 9};
    if (crash_run_one_in(run, 4)) {
        copy.expiry_ms = run->now_ms + 1 + (int64_t)crash_run_below(run, 60000);
    }
    change->value = store_model_value(bytes, copy.expiry_ms, copy.type, copy.encoding);
    *status = engine_copy_locked(engine, engine_database_locked(engine, change->database),
                                 store_model_key_name(change->key, name), &copy);
    CRASH_TRACE("  copy to %u/%u %zu bytes: %s\n", change->database, change->key, bytes.size,
                status_name(*status));
    return true;
}

/* Patches a key where that may be, copies another to it, or sets it. */
static enum status put_or_patch(struct crash_run *run, struct store_change *change)
{
    enum status copied;
    if (crash_run_one_in(run, 12) && try_copy(run, change, &copied)) {
        return copied;
    }
    struct engine *engine = run->engine;
    struct engine_keyspace *keyspace = engine_database_locked(engine, change->database);
    char name[32];
    struct slice key = store_model_key_name(change->key, name);
    struct entry old;
    struct slice bytes = slice_make(NULL, 0);
    struct random_patch random;
    if (!crash_run_one_in(run, 2)) {
        return put(run, change);
    }
    enum status status = engine_find_locked(engine, keyspace, key, &old);
    bool is_found = status == STATUS_OK;
    if (is_found) {
        status = engine_part_locked(engine, &old, 0, SIZE_MAX, &bytes);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return put(run, change);
    }
    choose_patch(run, is_found ? &old : NULL, &random);
    change->value = patched_value(bytes, &random.patch);
    if (!engine_may_patch_locked(engine, random.patch.old, change->value.size)) {
        return put(run, change);
    }
    status = engine_patch_locked(engine, keyspace, key, &random.patch);
    CRASH_TRACE("  patch %u/%u %zu bytes at %" PRIu64 " of %zu, expiry %" PRId64 ": %s\n",
                change->database, change->key, random.part.size * random.patch.part_count,
                random.patch.offset, bytes.size, random.patch.expiry_ms, status_name(status));
    return status;
}

enum status crash_steps_change(struct crash_run *run, struct store_change *change)
{
    struct engine *engine = run->engine;
    char name[32];
    enum status status = STATUS_OK;
    switch (change->kind) {
    case STORE_PUT:
        return put_or_patch(run, change);
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
    CRASH_TRACE("  kind %d of %u/%u: %s\n", change->kind, change->database, change->key,
                status_name(status));
    return status;
}

static struct store_change random_change(struct crash_run *run, enum store_change_kind kind)
{
    struct store_change change = {
        .kind = kind,
        .database = (unsigned)crash_run_below(run, STORE_MODEL_DATABASES),
        .key = (unsigned)crash_run_below(run, run->key_count),
    };
    change.other = (change.database + 1) % STORE_MODEL_DATABASES;
    return change;
}

/* Carries out a command of `count` changes, as a group when there are several. */
static void command(struct crash_run *run, const enum store_change_kind *kinds, size_t count)
{
    struct store_command done = {.count = 0};
    engine_lock(run->engine);
    engine_rest_begin_locked(run->engine);
    if (count > 1) {
        engine_group_begin_locked(run->engine);
    }
    run->in_flight.count = 0;
    run->has_in_flight = true;
    run->is_alone = count == 1;
    for (size_t i = 0; i < count; i++) {
        run->in_flight.changes[run->in_flight.count] = random_change(run, kinds[i]);
        struct store_change *tried = &run->in_flight.changes[run->in_flight.count++];
        enum status status = crash_steps_change(run, tried);
        struct store_change change = *tried;
        if (status == STATUS_OK) {
            done.changes[done.count++] = change;
        }
        bool expected = (status == STATUS_NOT_FOUND && change.kind == STORE_DELETE) ||
                        (status == STATUS_KEY_LIMIT && run->max_keys > 0);
        CRASH_CHECK(run,
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

static void step_group(struct crash_run *run)
{
    enum store_change_kind kinds[STORE_CHANGES_MAX];
    size_t count = 2 + (size_t)crash_run_below(run, STORE_CHANGES_MAX - 2);
    for (size_t i = 0; i < count; i++) {
        kinds[i] = crash_run_one_in(run, 4) ? STORE_DELETE : STORE_PUT;
        kinds[i] = crash_run_one_in(run, 30) ? STORE_SWAP : kinds[i];
        kinds[i] = crash_run_one_in(run, 60) ? STORE_CLEAR : kinds[i];
    }
    command(run, kinds, count);
}

static void step_tick(struct crash_run *run)
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
        expire.position = crash_run_appended_position(run);
        store_history_add(&run->history, &expire);
    }
}

static enum crash_step random_step(struct crash_run *run)
{
    static const struct {
        enum crash_step step;
        unsigned weight;
    } weights[] = {
        {CRASH_STEP_PUT, 45},       {CRASH_STEP_DELETE, 14}, {CRASH_STEP_GROUP, 10},
        {CRASH_STEP_CLEAR, 1},      {CRASH_STEP_SWAP, 2},    {CRASH_STEP_WRITE, 8},
        {CRASH_STEP_SYNC, 6},       {CRASH_STEP_TICK, 10},   {CRASH_STEP_COMPACT, 2},
        {CRASH_STEP_CHECKPOINT, 2},
    };
    uint64_t choice = crash_run_below(run, 100);
    size_t i = 0;
    while (choice >= weights[i].weight) {
        choice -= weights[i++].weight;
    }
    return weights[i].step;
}

static void note_positions_unless_crashed(struct crash_run *run)
{
    if (!sim_disk_crashed(run->disk)) {
        crash_run_note_positions(run);
    }
}

static void carry_out_step(struct crash_run *run, enum crash_step step);

/* Others go on while a compaction reads a victim or writes a copy, or a checkpoint its tables (they
 * hold no lock then). */
static void interfere(void *context, enum sim_call call, const char *name)
{
    struct crash_run *run = context;
    bool unlocked =
        call == SIM_READ || strstr(name, ".pack") != NULL || strstr(name, ".index") != NULL;
    if (!unlocked || sim_disk_crashed(run->disk) || !crash_run_one_in(run, 3)) {
        return;
    }
    for (uint64_t i = 1 + crash_run_below(run, 4); i > 0 && !sim_disk_crashed(run->disk); i--) {
        enum crash_step step = random_step(run);
        if (step != CRASH_STEP_COMPACT && step != CRASH_STEP_CHECKPOINT) {
            CRASH_TRACE("  meanwhile:\n");
            carry_out_step(run, step);
            note_positions_unless_crashed(run);
        }
    }
}

static enum status compact(struct crash_run *run)
{
    struct compaction_result result;
    if (run->crashes_in_compactions && crash_run_one_in(run, 4)) {
        sim_disk_crash_after(run->disk, 1 + crash_run_below(run, 40));
    }
    sim_disk_set_hook(run->disk, interfere, run);
    enum status status = engine_compact(run->engine, &result);
    sim_disk_set_hook(run->disk, NULL, NULL);
    return status;
}

static void checkpoint(struct crash_run *run)
{
    sim_disk_set_hook(run->disk, interfere, run);
    engine_checkpoint(run->engine);
    sim_disk_set_hook(run->disk, NULL, NULL);
}

static void carry_out_step(struct crash_run *run, enum crash_step step)
{
    static const enum store_change_kind kinds[] = {
        [CRASH_STEP_PUT] = STORE_PUT,
        [CRASH_STEP_DELETE] = STORE_DELETE,
        [CRASH_STEP_SWAP] = STORE_SWAP,
    };
    enum store_change_kind clear = crash_run_one_in(run, 3) ? STORE_CLEAR_ALL : STORE_CLEAR;
    switch (step) {
    case CRASH_STEP_PUT:
    case CRASH_STEP_DELETE:
    case CRASH_STEP_SWAP:
        command(run, &kinds[step], 1);
        break;
    case CRASH_STEP_CLEAR:
        command(run, &clear, 1);
        break;
    case CRASH_STEP_GROUP:
        step_group(run);
        break;
    case CRASH_STEP_TICK:
        CRASH_TRACE("tick at %" PRId64 "\n", run->now_ms);
        step_tick(run);
        break;
    case CRASH_STEP_SYNC:
        expect_ok(run, engine_sync(run->engine));
        break;
    case CRASH_STEP_COMPACT:
        expect_ok(run, compact(run));
        break;
    case CRASH_STEP_CHECKPOINT:
        checkpoint(run);
        break;
    default:
        expect_ok(run, engine_write(run->engine, crash_run_appended_position(run)));
        break;
    }
}

void crash_steps_make(struct crash_run *run)
{
    run->step = random_step(run);
    carry_out_step(run, run->step);
    note_positions_unless_crashed(run);
}
