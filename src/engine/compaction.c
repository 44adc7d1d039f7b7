/*
 * compaction.c - see compaction.h.
 *
 * A run makes the log durable and takes victims among the closed segments (compaction_victims.h):
 * all that hold anything dead or next to nothing, when it was asked for (then the active segment is
 * closed first); else a few, so that it ends soon and never needs more room than a segment. It
 * copies what must stay of them into packed segments, the oldest victim first. Whenever a packed
 * segment is full, and at the end, it settles:
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

#include "base/log.h"
#include "engine/compaction_copy.h"
#include "engine/compaction_victims.h"
#include "engine/doubtful.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "engine/map_facts.h"
#include "engine/mutant.h"
#include "engine/unlisted.h"

#include <stdlib.h>

#define PASSES_MAX 3

/* --- settling ----------------------------------------------------------------------------- */

/* What the next manifest will say. */
struct facts {
    struct log_facts log;
    struct map_facts map;
};

/* Rules 5 and 10 of docs/durability.md: takes what was judged, makes it durable. The packed segment
 * gets its addresses on the way. */
static enum status gather_facts(struct compaction *run, struct facts *facts)
{
    struct engine *engine = run->engine;
    mutex_lock(&engine->lock);
    enum status status = map_facts_take_locked(&engine->spaces, &facts->map);
    if (status == STATUS_OK && !MUTANT(PIECES_GO_BY_CLOCK)) {
        /* An expired record is its own tombstone, but a piece has no expiry: what says that its
         * string has gone must be in the log as well. */
        status = expiry_pay_mark_locked(engine, INT64_MIN);
    }
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
static enum status edit_manifest(const struct compaction *run, struct facts *facts,
                                 struct manifest *manifest)
{
    if (!MUTANT(MAP_STAYS_OLD)) {
        map_facts_give(&facts->map, manifest);
    }
    for (size_t i = run->settled; i < run->finished; i++) {
        if (!run->victims[i].stays) {
            manifest_drop(manifest, run->victims[i].segment->number);
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

/* `may_be_listed`: the manifest on the disk may list the output, also after a failure. */
static enum status replace_manifest(struct compaction *run, struct facts *facts,
                                    bool *may_be_listed)
{
    struct engine *engine = run->engine;
    struct manifest fresh;
    *may_be_listed = false;
    manifest_init(&fresh);
    mutex_lock(&engine->manifest_mutex);
    log_files_apply(engine, &facts->log);
    enum status status = manifest_copy(&engine->manifest, &fresh);
    if (status == STATUS_OK) {
        status = edit_manifest(run, facts, &fresh);
    }
    if (status == STATUS_OK && !MUTANT(REMOVED_WHILE_LISTED)) {
        status = doubtful_replace(engine, &fresh, may_be_listed);
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
static void remove_victims(struct compaction *run)
{
    struct engine *engine = run->engine;
    mutex_lock(&engine->removal_mutex); /* not while a backup links them */
    for (; run->settled < run->finished; run->settled++) {
        struct segment *victim = run->victims[run->settled].segment;
        if (run->victims[run->settled].stays) {
            continue;
        }
        mutex_lock(&engine->lock);
        segment_table_retire(&engine->segments, victim);
        mutex_unlock(&engine->lock);
        char name[FILE_NAME_SIZE_MAX];
        segment_file_name(victim->kind, victim->number, name);
        unlisted_remove(engine->fs, name);
        run->result->segments_removed++;
        run->result->reclaimed_bytes += victim->end - SEGMENT_HEADER_SIZE;
        /* Its space is free when it is closed: the next copies may need it. */
        run->victims[run->settled].segment = NULL;
        segment_unreference(victim);
    }
    mutex_unlock(&engine->removal_mutex);
    maintenance_free_segments(engine);
    mutex_lock(&engine->lock);
    compaction_gauge_locked(engine);
    mutex_unlock(&engine->lock);
}

/* The manifest could not be replaced: the victims stay, and the output is given up. */
static void withdraw_output(struct compaction *run, bool may_be_listed)
{
    struct engine *engine = run->engine;
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(SEGMENT_PACKED, run->output.segment->number, name);
    mutex_lock(&engine->lock);
    compaction_output_withdraw_locked(&run->output);
    mutex_unlock(&engine->lock);
    mutex_lock(&engine->manifest_mutex);
    doubtful_withdraw(engine, name, may_be_listed);
    mutex_unlock(&engine->manifest_mutex);
    maintenance_free_segments(engine); /* what it takes may be what lacks */
}

static enum status settle(struct compaction *run)
{
    struct compaction_output *output = &run->output;
    if (output->segment != NULL && output->first_sequence == 0) {
        compaction_output_abandon(output); /* opened for a record that turned out unreadable */
    }
    if (output->segment == NULL && run->settled == run->finished) {
        return STATUS_OK;
    }
    struct facts facts = {0};
    compaction_pace_step(run->engine);
    enum status status = output->segment == NULL ? STATUS_OK : compaction_output_seal(output);
    if (status == STATUS_OK) {
        status = gather_facts(run, &facts);
    }
    if (status == STATUS_OK) {
        bool may_be_listed;
        status = replace_manifest(run, &facts, &may_be_listed);
        if (status != STATUS_OK && output->segment != NULL) {
            withdraw_output(run, may_be_listed);
        }
    }
    map_facts_deinit(&facts.map);
    if (status != STATUS_OK) {
        return status;
    }
    if (output->segment != NULL) {
        run->result->copied_bytes += output->end - SEGMENT_HEADER_SIZE;
        checkpoint_note_packed(run->engine, output->end - SEGMENT_HEADER_SIZE);
        atomic_fetch_add(&run->engine->pace.moved_bytes, output->end - SEGMENT_HEADER_SIZE);
        compaction_output_publish(output);
    }
    remove_victims(run);
    return STATUS_OK;
}

/* --- copying ------------------------------------------------------------------------------ */

/* Bytes of an output below which it is no help on a full disk. */
#define OUTPUT_LEAST ((uint64_t)32 * 1024)

/* A sixteenth of what seems dead may be tombstones, of a small file all of it. */
static uint64_t bytes_to_copy(const struct compaction *run)
{
    uint64_t segment_size = run->engine->segment_size;
    uint64_t wanted = 0;
    mutex_lock(&run->engine->lock);
    for (size_t i = run->finished; i < run->victim_count; i++) {
        const struct segment *victim = run->victims[i].segment;
        uint64_t dead = segment_dead_bytes(victim) - victim->kept_bytes - victim->waiting_bytes;
        wanted += victim->live_bytes + victim->kept_bytes + victim->waiting_bytes;
        wanted += compaction_is_small(victim->end, segment_size) ? dead : dead / 16;
    }
    mutex_unlock(&run->engine->lock);
    return wanted / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
}

/* The next record does not fit: on to the next packed segment. */
static enum status change_output(struct compaction *run, uint64_t record_size_bytes)
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

static enum status write_batch(struct compaction *run, struct compaction_copy *copy)
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

static enum status copy_batches(struct compaction *run, struct compaction_copy *copy)
{
    enum status status;
    _Atomic uint64_t *done = &run->engine->pace.run_done;
    uint64_t done_before = atomic_load(done);
    while ((status = compaction_copy_read(copy)) == STATUS_OK) {
        status = write_batch(run, copy);
        if (status != STATUS_OK) {
            return status;
        }
        atomic_store(done, done_before + copy->scanner.offset);
        compaction_pace_step(run->engine);
        if (maintenance_interlude(run->engine)) {
            return STATUS_CLOSED;
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status copy_victim(struct compaction *run)
{
    struct segment *victim = run->victims[run->finished].segment;
    struct compaction_copy copy;
    enum status status =
        compaction_copy_init(&copy, run->engine, victim, compaction_guard_limit(run, victim));
    if (status == STATUS_OK) {
        status = copy_batches(run, &copy);
    }
    compaction_copy_deinit(&copy);
    if (copy.is_damaged) {
        /* It stays, with what can't be read; what was copied of it may be published. */
        mutex_lock(&run->engine->lock);
        victim->damaged = true;
        mutex_unlock(&run->engine->lock);
        run->victims[run->finished].stays = true;
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        run->finished++;
    }
    return status;
}

static enum status run_pass(struct compaction *run)
{
    enum status status = doubtful_settle(run->engine);
    status = status == STATUS_OK ? compaction_victims_choose(run) : status;
    compaction_output_init(&run->output, run->engine, run->judged_sequence);
    while (status == STATUS_OK && run->finished < run->victim_count) {
        status = copy_victim(run);
    }
    if (status == STATUS_OK) {
        status = settle(run);
    }
    compaction_output_deinit(&run->output);
    compaction_victims_release(run);
    return status;
}

/* What was asked for goes on as long as something had to be kept that another pass may let go. */
static enum status run_passes(struct engine *engine, enum compaction_scope scope, bool merges,
                              struct compaction_result *total)
{
    enum status status = STATUS_OK;
    uint64_t kept_bytes = 1;
    int passes = scope == COMPACTION_ALL ? PASSES_MAX : 1;
    for (int pass = 0; status == STATUS_OK && kept_bytes > 0 && pass < passes; pass++) {
        struct compaction run = {
            .engine = engine, .scope = scope, .merges = merges, .result = total};
        status = run_pass(&run);
        kept_bytes = run.output.kept_total;
    }
    return status;
}

static void keep_room(struct engine *engine, bool keep)
{
    mutex_lock(&engine->lock);
    engine->appender.room_is_kept = keep;
    mutex_unlock(&engine->lock);
}

/* What needs no room, or next to none, is reclaimed first: merging small files does need some. */
static enum status run_where_there_is_room(struct engine *engine, enum compaction_scope scope,
                                           struct compaction_result *total)
{
    bool merges = scope == COMPACTION_ALL || compaction_may_merge(engine);
    enum status status = run_passes(engine, scope, merges, total);
    if (status == STATUS_DISK_FULL && merges) {
        compaction_note_no_room_to_merge(engine);
        status = run_passes(engine, scope, false, total);
    }
    return status;
}

/* Once more, in the room that is kept for this. */
static enum status run_on_full_disk(struct engine *engine, enum compaction_scope scope,
                                    struct compaction_result *total)
{
    enum status status = STATUS_DISK_FULL;
    keep_room(engine, true);
    if (reserve_release(engine)) {
        status = run_passes(engine, scope, false, total);
        reserve_take_back(engine); /* before anybody else takes what has become free */
    }
    keep_room(engine, false);
    return status;
}

/* A cause may last, and rounds are tried again each second: it is logged when it is another, and
 * once when it is gone. A run with nothing to do says nothing about it. */
static void note_end(struct engine *engine, enum status status, bool has_worked)
{
    enum status before = (enum status)atomic_load(&engine->pace.failure);
    if (status == STATUS_CLOSED || status == before || (status == STATUS_OK && !has_worked)) {
        return;
    }
    atomic_store(&engine->pace.failure, status);
    if (status == STATUS_OK) {
        LOG_NOTICE("compaction works again");
    } else if (status == STATUS_WRITES_STOPPED) {
        LOG_WARNING("compaction gave up: %s; none works until the server is started again",
                    status_words(status));
    } else {
        LOG_WARNING("compaction gave up: %s; nothing is lost, and it is tried again",
                    status_words(status));
    }
}

void compaction_begin_pass(struct engine *engine)
{
    size_t handle = 0;
    struct segment *segment;
    mutex_lock(&engine->lock);
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        segment->in_pass = segment->end > 0;
    }
    mutex_unlock(&engine->lock);
}

enum status compaction_run(struct engine *engine, enum compaction_scope scope,
                           struct compaction_result *out)
{
    struct compaction_result total = {0};
    compaction_pace_begin(engine, scope == COMPACTION_ALL);
    enum status status = run_where_there_is_room(engine, scope, &total);
    if (status == STATUS_DISK_FULL) {
        status = run_on_full_disk(engine, scope, &total);
    }
    total.reclaimed_bytes =
        total.reclaimed_bytes > total.copied_bytes ? total.reclaimed_bytes - total.copied_bytes : 0;
    compaction_pace_end(engine, total.reclaimed_bytes);
    *out = total;
    note_end(engine, status, total.segments_removed > 0);
    return status;
}
