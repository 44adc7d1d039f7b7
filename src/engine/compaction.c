/*
 * compaction.c - see compaction.h.
 *
 * A run closes the active segment and makes the log durable; what lies below that point is what it
 * looks at. It takes the closed segments that hold anything dead, the oldest first, and copies
 * what must stay of them into packed segments. Whenever a packed segment is full, and at the end,
 * it settles:
 *
 *   1. the packed segment is sealed: written, synced, its name synced;
 *   2. the log is synced: what was found dead was so because of records up to here, and a crash
 *      must not lose those and keep the deletion;
 *   3. ONE manifest lists the packed segment and no longer the victims copied wholly;
 *   4. the moves are published, each if its slot still points at the old record;
 *   5. the victims' files are removed.
 *
 * A crash between any two leaves a store that is whole: before 3 the packed file is not listed,
 * after it the victims are not, and a victim copied in part stands beside its copies, which have
 * the same sequence numbers.
 *
 * Tombstones. A packed segment says in its header up to which sequence number J it was judged: it
 * holds nothing that was dead at J. So a tombstone with sequence number s hides nothing in a
 * segment judged at s or later, nor in one whose records are all newer, nor in one with nothing
 * dead at all; when that holds for every other segment, it goes. With the oldest first this is
 * nearly always so; what is kept in vain goes in the next pass.
 */
#include "engine/compaction.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/compaction_copy.h"
#include "engine/compaction_output.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "engine/map_facts.h"
#include "engine/mutant.h"

#include <stdlib.h>

#define PASSES_MAX 3

struct run {
    struct engine *engine;
    struct segment **victims; /* owned, in the order of their first records; each referenced until
                                 its file is removed, then NULL */
    size_t victim_count;
    size_t finished; /* victims before this one are copied, or given up as damaged */
    size_t settled;  /* victims before this one are dealt with for good */
    uint64_t judged_sequence;
    struct compaction_output output;
    uint64_t kept_bytes; /* of what was copied though no slot points at it */
    struct compaction_result *result;
};

/* --- choosing ----------------------------------------------------------------------------- */

/* The end of the log becomes the end of a closed, durable, sealed segment. */
static enum status close_log(struct engine *engine, uint64_t *judged_sequence)
{
    mutex_lock(&engine->lock);
    enum status status = STATUS_OK;
    const struct segment *active = engine->appender.active;
    if (active->end > 0 && segment_dead_bytes(active) > 0) {
        status = appender_roll_locked(engine);
    }
    *judged_sequence = engine->appender.next_sequence - 1;
    mutex_unlock(&engine->lock);
    if (status == STATUS_OK) {
        status = engine_sync(engine);
    }
    if (status == STATUS_OK) {
        log_files_seal(engine);
    }
    return status;
}

static int compare_age(const void *a, const void *b)
{
    const struct segment *const *left = a;
    const struct segment *const *right = b;
    return (*left)->first_sequence < (*right)->first_sequence   ? -1
           : (*left)->first_sequence > (*right)->first_sequence ? 1
                                                                : 0;
}

static enum status collect_victims_locked(struct run *run)
{
    struct engine *engine = run->engine;
    run->victims = calloc(engine->segments.segment_count, sizeof(struct segment *));
    if (run->victims == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        if (segment->sealed && !segment->damaged && segment_dead_bytes(segment) > 0) {
            segment_reference(segment);
            run->victims[run->victim_count++] = segment;
        }
    }
    return STATUS_OK;
}

static enum status choose_victims(struct run *run)
{
    mutex_lock(&run->engine->lock);
    enum status status = collect_victims_locked(run);
    mutex_unlock(&run->engine->lock);
    if (status == STATUS_OK && run->victim_count > 1) {
        qsort(run->victims, run->victim_count, sizeof(struct segment *), compare_age);
    }
    return status;
}

static bool is_finished(const struct run *run, const struct segment *segment)
{
    for (size_t i = 0; i < run->finished; i++) {
        if (run->victims[i] == segment) {
            return !segment->damaged;
        }
    }
    return false;
}

/* Rule 8: the greatest sequence number that a tombstone in `victim` may have to be let go (see the
 * top). */
static uint64_t guard_limit_for(const struct run *run, const struct segment *victim)
{
    struct engine *engine = run->engine;
    uint64_t limit = UINT64_MAX;
    size_t handle = 0;
    mutex_lock(&engine->lock);
    const struct segment *segment;
    while (!MUTANT(TOMBSTONES_GO) &&
           (segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        bool may_hold_dead = segment_dead_bytes(segment) > 0 || segment->damaged;
        if (segment == victim || segment->first_sequence == 0 || !may_hold_dead ||
            is_finished(run, segment)) {
            continue;
        }
        uint64_t judged = segment->first_sequence > segment->judged_sequence
                              ? segment->first_sequence
                              : segment->judged_sequence;
        limit = judged < limit ? judged : limit;
    }
    mutex_unlock(&engine->lock);
    return limit;
}

/* --- settling ----------------------------------------------------------------------------- */

/* What the next manifest will say. */
struct facts {
    struct log_facts log;
    struct map_facts map;
};

/* Rules 5 and 10 of docs/durability.md: takes what was judged, makes it durable. The packed segment
 * gets its addresses on the way. */
static enum status gather_facts(struct run *run, struct facts *facts)
{
    struct engine *engine = run->engine;
    mutex_lock(&engine->lock);
    enum status status = map_facts_take_locked(&engine->spaces, &facts->map);
    mutex_unlock(&engine->lock);
    if (status == STATUS_OK && !MUTANT(JUDGED_BEFORE_SYNC)) {
        status = engine_sync(engine);
    }
    mutex_lock(&engine->lock);
    facts->log = log_files_facts_locked(engine);
    if (status == STATUS_OK && run->output.segment != NULL) {
        status = compaction_output_add_locked(&run->output);
    }
    mutex_unlock(&engine->lock);
    return status;
}

/* Changes a copy of the manifest; takes facts->map over. */
static enum status edit_manifest(const struct run *run, struct facts *facts,
                                 struct manifest *manifest)
{
    if (!MUTANT(MAP_STAYS_OLD)) {
        map_facts_give(&facts->map, manifest);
    }
    for (size_t i = run->settled; i < run->finished; i++) {
        if (!run->victims[i]->damaged) {
            manifest_drop(manifest, run->victims[i]->number);
        }
    }
    const struct compaction_output *output = &run->output;
    if (output->segment == NULL) {
        return STATUS_OK;
    }
    struct manifest_file entry = {.number = output->segment->number,
                                  .kind = SEGMENT_PACKED,
                                  .end = output->end,
                                  .first_sequence = output->first_sequence,
                                  .last_sequence = output->last_sequence};
    return manifest_add(manifest, &entry);
}

static enum status replace_manifest(struct run *run, struct facts *facts)
{
    struct engine *engine = run->engine;
    struct manifest fresh;
    manifest_init(&fresh);
    mutex_lock(&engine->manifest_mutex);
    log_files_apply(engine, &facts->log);
    enum status status = manifest_copy(&engine->manifest, &fresh);
    if (status == STATUS_OK) {
        status = edit_manifest(run, facts, &fresh);
    }
    if (status == STATUS_OK && !MUTANT(REMOVED_WHILE_LISTED)) {
        status = manifest_write(engine->fs, &fresh);
    }
    if (status == STATUS_OK) {
        struct manifest old = engine->manifest;
        engine->manifest = fresh;
        fresh = old;
    }
    mutex_unlock(&engine->manifest_mutex);
    manifest_deinit(&fresh);
    return status;
}

/* Rule 7: no slot points at them any more and no manifest lists them. */
static void remove_victims(struct run *run)
{
    struct engine *engine = run->engine;
    mutex_lock(&engine->removal_mutex); /* not while a backup links them */
    for (; run->settled < run->finished; run->settled++) {
        struct segment *victim = run->victims[run->settled];
        if (victim->damaged) {
            continue;
        }
        mutex_lock(&engine->lock);
        segment_table_retire(&engine->segments, victim);
        mutex_unlock(&engine->lock);
        char name[FILE_NAME_SIZE_MAX];
        segment_file_name(victim->kind, victim->number, name);
        if (fs_remove(engine->fs, name) != STATUS_OK) {
            LOG_WARNING("can't remove %s; the next start removes it", name);
        }
        run->result->segments_removed++;
        run->result->reclaimed_bytes += victim->end - SEGMENT_HEADER_SIZE;
        /* Its space is free when it is closed: the next copies may need it. */
        run->victims[run->settled] = NULL;
        segment_unreference(victim);
    }
    mutex_unlock(&engine->removal_mutex);
    mutex_lock(&engine->lock);
    segment_table_reclaim(&engine->segments);
    mutex_unlock(&engine->lock);
}

static enum status settle(struct run *run)
{
    struct compaction_output *output = &run->output;
    if (output->segment != NULL && output->first_sequence == 0) {
        compaction_output_abandon(output); /* opened for a record that turned out unreadable */
    }
    if (output->segment == NULL && run->settled == run->finished) {
        return STATUS_OK;
    }
    struct facts facts = {0};
    enum status status = output->segment == NULL ? STATUS_OK : compaction_output_seal(output);
    if (status == STATUS_OK) {
        status = gather_facts(run, &facts);
    }
    if (status == STATUS_OK) {
        status = replace_manifest(run, &facts);
        if (status != STATUS_OK && output->segment != NULL) {
            mutex_lock(&run->engine->lock);
            compaction_output_withdraw_locked(output);
            mutex_unlock(&run->engine->lock);
        }
    }
    map_facts_deinit(&facts.map);
    if (status != STATUS_OK) {
        return status;
    }
    if (output->segment != NULL) {
        run->result->copied_bytes += output->end - SEGMENT_HEADER_SIZE;
        checkpoint_note_packed(run->engine, output->end - SEGMENT_HEADER_SIZE);
        compaction_output_publish(output);
    }
    remove_victims(run);
    return STATUS_OK;
}

/* --- copying ------------------------------------------------------------------------------ */

/* Bytes of an output below which it is no help on a full disk. */
#define OUTPUT_LEAST ((uint64_t)32 * 1024)

/* A sixteenth of what seems dead may be tombstones. */
static uint64_t bytes_to_copy(const struct run *run)
{
    uint64_t wanted = 0;
    mutex_lock(&run->engine->lock);
    for (size_t i = run->finished; i < run->victim_count; i++) {
        const struct segment *victim = run->victims[i];
        wanted += victim->live_bytes + segment_dead_bytes(victim) / 16;
    }
    mutex_unlock(&run->engine->lock);
    return wanted / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
}

/* The next record does not fit: on to the next packed segment. */
static enum status change_output(struct run *run, uint64_t record_size_bytes)
{
    enum status status = settle(run);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t wanted = bytes_to_copy(run);
    status = compaction_output_open(&run->output, wanted, record_size_bytes);
    /* The last resort: what there is room for may be enough to get rid of the next victims. */
    while (status == STATUS_DISK_FULL && run->engine->appender.room_is_kept &&
           wanted > OUTPUT_LEAST) {
        wanted = (wanted < run->engine->segment_size ? wanted : run->engine->segment_size) / 2 /
                 RECORD_ALIGNMENT * RECORD_ALIGNMENT;
        status = compaction_output_open(&run->output, wanted, record_size_bytes);
    }
    return status;
}

static enum status write_batch(struct run *run, struct compaction_copy *copy)
{
    enum status status;
    uint64_t size = 0;
    while ((status = compaction_copy_write(copy, &run->output, &size)) == STATUS_TOO_LARGE) {
        status = change_output(run, size);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return status;
}

static enum status copy_batches(struct run *run, struct compaction_copy *copy)
{
    enum status status;
    while ((status = compaction_copy_read(copy)) == STATUS_OK) {
        for (size_t i = 0; i < copy->candidate_count; i++) {
            const struct compaction_candidate *candidate = &copy->candidates[i];
            if (candidate->verdict == VERDICT_TOMBSTONE ||
                (candidate->verdict == VERDICT_COPY && candidate->record.kind != RECORD_VALUE)) {
                run->kept_bytes += candidate->size;
            }
        }
        status = write_batch(run, copy);
        if (status != STATUS_OK) {
            return status;
        }
        if (maintenance_interlude(run->engine)) {
            return STATUS_CLOSED;
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status copy_victim(struct run *run, struct segment *victim)
{
    struct compaction_copy copy;
    enum status status =
        compaction_copy_init(&copy, run->engine, victim, guard_limit_for(run, victim));
    if (status == STATUS_OK) {
        status = copy_batches(run, &copy);
    }
    compaction_copy_deinit(&copy);
    if (copy.is_damaged) {
        /* It stays, with what can't be read; what was copied of it may be published. */
        mutex_lock(&run->engine->lock);
        victim->damaged = true;
        mutex_unlock(&run->engine->lock);
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        run->finished++;
    }
    return status;
}

static enum status run_pass(struct run *run)
{
    enum status status = close_log(run->engine, &run->judged_sequence);
    compaction_output_init(&run->output, run->engine, run->judged_sequence);
    if (status == STATUS_OK) {
        status = choose_victims(run);
    }
    while (status == STATUS_OK && run->finished < run->victim_count) {
        status = copy_victim(run, run->victims[run->finished]);
    }
    if (status == STATUS_OK) {
        status = settle(run);
    }
    compaction_output_deinit(&run->output);
    for (size_t i = 0; i < run->victim_count; i++) {
        if (run->victims[i] != NULL) {
            segment_unreference(run->victims[i]);
        }
    }
    free(run->victims);
    return status;
}

static enum status run_passes(struct engine *engine, struct compaction_result *total)
{
    enum status status = STATUS_OK;
    uint64_t kept_bytes = 1;
    for (int pass = 0; status == STATUS_OK && kept_bytes > 0 && pass < PASSES_MAX; pass++) {
        struct run run = {.engine = engine, .result = total};
        status = run_pass(&run);
        kept_bytes = run.kept_bytes;
    }
    return status;
}

static void keep_room(struct engine *engine, bool keep)
{
    mutex_lock(&engine->lock);
    engine->appender.room_is_kept = keep;
    mutex_unlock(&engine->lock);
}

/* Once more, in the room that is kept for this. */
static enum status run_on_full_disk(struct engine *engine, struct compaction_result *total)
{
    enum status status = STATUS_DISK_FULL;
    keep_room(engine, true);
    if (reserve_release(engine)) {
        status = run_passes(engine, total);
    }
    keep_room(engine, false);
    return status;
}

enum status compaction_run(struct engine *engine, struct compaction_result *out)
{
    struct compaction_result total = {0};
    enum status status = run_passes(engine, &total);
    if (status == STATUS_DISK_FULL) {
        status = run_on_full_disk(engine, &total);
    }
    total.reclaimed_bytes =
        total.reclaimed_bytes > total.copied_bytes ? total.reclaimed_bytes - total.copied_bytes : 0;
    *out = total;
    if (status != STATUS_OK && status != STATUS_CLOSED) {
        LOG_WARNING("compaction gave up: %s; nothing is lost", status_words(status));
    }
    return status;
}
