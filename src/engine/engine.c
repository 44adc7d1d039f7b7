/* engine.c - opening, closing and looking at the whole; see engine.h. */
#include "engine/engine.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"
#include "engine/import_mark.h"
#include "engine/log_files.h"
#include "engine/recovery.h"
#include "engine/staged.h"

#include <stdlib.h>

#define SEGMENT_SIZE_LOWEST 4096 /* below SEGMENT_SIZE_MIN, for tests */

static int64_t real_unix_ms(void *context)
{
    (void)context;
    return clock_unix_ms();
}

/* --- open and close ----------------------------------------------------------------------- */

static enum status check_options(const struct engine_options *options, struct error *error)
{
    if (options->database_count == 0) {
        return error_set(error, STATUS_INVALID, "a store needs at least one database");
    }
    if (options->segment_size < SEGMENT_SIZE_LOWEST || options->segment_size > SEGMENT_SIZE_MAX) {
        return error_set(error, STATUS_INVALID, "segment-size is %llu, but must be 1mb to 1gb",
                         (unsigned long long)options->segment_size);
    }
    if (options->piece_shift != 0 &&
        (options->piece_shift < PIECES_SHIFT_MIN || options->piece_shift > PIECES_SHIFT_MAX)) {
        return error_set(error, STATUS_INVALID, "pieces of 2^%u bytes can't be had",
                         options->piece_shift);
    }
    return STATUS_OK;
}

static struct engine *engine_allocate(const struct engine_options *options)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return NULL;
    }
    engine->fs = options->fs;
    engine->options = *options;
    /* Of what it finds, opening relies on no name that was not durable when it was listed. */
    atomic_store(&options->fs->names_lost, false);
    if (engine->options.unix_ms == NULL) {
        engine->options.unix_ms = real_unix_ms;
    }
    engine->max_keys = options->max_keys;
    engine->expiry.until_ms = INT64_MIN;
    engine->expiry.cycled_ms = INT64_MIN;
    engine->random_state =
        options->random_seed != 0 ? options->random_seed : (uint64_t)clock_monotonic_us();
    mutex_init(&engine->removal_mutex);
    mutex_init(&engine->write_mutex);
    mutex_init(&engine->lock);
    mutex_init(&engine->manifest_mutex);
    mutex_init(&engine->zero_mutex);
    manifest_init(&engine->manifest);
    appender_init(&engine->appender);
    log_stock_init(&engine->stock);
    grow_ahead_init(&engine->grow);
    sync_init(&engine->sync, (int)options->sync_policy);
    maintenance_init(&engine->maintenance);
    staircase_init(&engine->expiry.marks);
    scrub_init(&engine->scrub);
    return engine;
}

/* Frees all of an engine whose threads have ended. */
static void engine_free(struct engine *engine)
{
    appender_deinit(&engine->appender);
    log_stock_deinit(&engine->stock);
    grow_ahead_deinit(&engine->grow);
    reserve_deinit(&engine->reserve);
    staircase_deinit(&engine->expiry.marks);
    engine_part_purge_locked(engine);
    spaces_deinit(&engine->spaces);
    scrub_deinit(&engine->scrub);
    segment_table_deinit(&engine->segments);
    compaction_pace_deinit(&engine->pace);
    maintenance_deinit(&engine->maintenance);
    sync_deinit(&engine->sync);
    manifest_deinit(&engine->manifest);
    mutex_deinit(&engine->zero_mutex);
    mutex_deinit(&engine->manifest_mutex);
    mutex_deinit(&engine->lock);
    mutex_deinit(&engine->write_mutex);
    mutex_deinit(&engine->removal_mutex);
    free(engine);
}

static enum status lock_directory(struct engine *engine, struct error *error)
{
    char holder[128] = "";
    enum status status = fs_lock(engine->fs, ENGINE_LOCK_NAME, holder, sizeof(holder));
    if (status == STATUS_LOCKED) {
        return error_set(error, status,
                         "the directory is in use by %s; stop that first, or choose "
                         "another directory",
                         holder);
    }
    if (status == STATUS_READ_ONLY) {
        return error_set(error, status,
                         "can't write to the directory (file %s): permission is missing, or the "
                         "file system is mounted read-only; change that, or serve the store as it "
                         "is with 'read-only yes'",
                         ENGINE_LOCK_NAME);
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "can't lock the directory (file %s): %s", ENGINE_LOCK_NAME,
                         status_words(status));
    }
    return STATUS_OK;
}

static enum status start_threads(struct engine *engine, struct error *error)
{
    if (engine->options.without_threads || engine_is_read_only(engine)) {
        return STATUS_OK;
    }
    enum status status = sync_start(engine);
    if (status == STATUS_OK) {
        status = log_stock_start(engine);
    }
    if (status == STATUS_OK) {
        status = grow_ahead_start(engine);
    }
    if (status == STATUS_OK) {
        status = maintenance_start(engine);
    }
    if (status != STATUS_OK) {
        grow_ahead_stop(engine);
        log_stock_stop(engine);
        sync_stop(engine);
        return error_set(error, status, "can't start the engine's threads");
    }
    return STATUS_OK;
}

enum status engine_open(const struct engine_options *options, struct engine **out,
                        struct error *error)
{
    struct engine_options settled = *options;
    if (settled.segment_size == 0) {
        settled.segment_size = SEGMENT_SIZE_DEFAULT;
    }
    enum status status = check_options(&settled, error);
    if (status != STATUS_OK) {
        return status;
    }
    fault_guard_install();
    struct engine *engine = engine_allocate(&settled);
    if (engine == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    status = lock_directory(engine, error);
    if (status == STATUS_OK && !options->is_import) {
        status = import_mark_check(engine->fs, error);
    }
    if (status == STATUS_OK) {
        status = recovery_run(engine, error);
    }
    if (status == STATUS_OK) {
        status = start_threads(engine, error);
    }
    if (status != STATUS_OK) {
        engine_free(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

/* What has expired since the last cycle: it stays so, should the clock be set back before the next
 * start. */
static void pay_expiry_mark(struct engine *engine)
{
    mutex_lock(&engine->lock);
    if (expiry_pay_mark_locked(engine, INT64_MIN) != STATUS_OK) {
        LOG_NOTICE("no room for an expiry mark at the end");
    }
    mutex_unlock(&engine->lock);
}

const uint8_t *engine_store_id(const struct engine *engine)
{
    return engine->store_id;
}

bool engine_is_read_only(const struct engine *engine)
{
    return engine->fs->read_only;
}

enum status engine_close(struct engine *engine)
{
    if (engine_is_read_only(engine)) {
        engine_free(engine);
        return STATUS_OK;
    }
    maintenance_stop(engine);
    log_stock_stop(engine);
    grow_ahead_stop(engine);
    sync_stop(engine);
    staged_drop_all(engine);
    pay_expiry_mark(engine);
    enum status status = sync_last(engine);
    if (status == STATUS_OK) {
        (void)checkpoint_take(engine, true); /* logged; without it the next start reads more */
        log_files_close(engine);
    } else {
        LOG_WARNING("the store is closed, but its last writes are not durable: %s",
                    status_words(status));
    }
    engine_free(engine);
    return status;
}

void engine_lock(struct engine *engine) NO_THREAD_SAFETY_ANALYSIS
{
    mutex_lock(&engine->lock);
}

void engine_unlock(struct engine *engine) NO_THREAD_SAFETY_ANALYSIS
{
    mutex_unlock(&engine->lock);
}

/* --- positions and durability ------------------------------------------------------------- */

enum status engine_write(struct engine *engine, uint64_t position)
{
    return appender_write(engine, position);
}

bool engine_may_reply(struct engine *engine, uint64_t position, bool *failed)
{
    return sync_may_reply(engine, position, failed);
}

bool engine_may_show(struct engine *engine, uint64_t position, bool *failed)
{
    return sync_may_show(engine, position, failed);
}

uint64_t engine_payload_position_locked(const struct engine *engine)
{
    return atomic_load_explicit(&engine->appender.payload_position, memory_order_relaxed);
}

bool engine_is_durable(struct engine *engine, uint64_t position, bool *failed)
{
    bool is_durable = position <= atomic_load(&engine->sync.durable_position);
    *failed = !is_durable && sync_has_stopped(&engine->sync);
    return is_durable;
}

void engine_request_sync(struct engine *engine)
{
    sync_request(engine);
}

enum status engine_sync(struct engine *engine)
{
    return engine_is_read_only(engine) ? STATUS_OK : sync_now(engine);
}

/* --- groups that can be undone ------------------------------------------------------------ */

enum status engine_reserve_locked(struct engine *engine, uint64_t size)
{
    return appender_reserve_locked(engine, size);
}

/* Nobody sets the limits in between: that wants the lock, too. */
void engine_undo_begin_locked(struct engine *engine)
{
    CHECK(engine->appender.group_depth > 0 && !engine->is_undoing);
    engine->is_undoing = true;
    engine->appender.must_not_fail = true;
    engine->undo_max_keys = engine->max_keys;
    engine->undo_index_limit = engine->spaces.budget.limit_bytes;
    engine->max_keys = 0;
    engine->spaces.budget.limit_bytes = 0;
}

void engine_undo_end_locked(struct engine *engine)
{
    CHECK(engine->is_undoing);
    engine->is_undoing = false;
    engine->appender.must_not_fail = false;
    engine->max_keys = engine->undo_max_keys;
    engine->spaces.budget.limit_bytes = engine->undo_index_limit;
}

enum status engine_rename_begin_locked(struct engine *engine, struct slice key)
{
    CHECK(!engine->is_undoing && !engine->is_renaming);
    uint64_t size = record_size(key.size, 0, false, false); /* of the tombstone */
    enum status status = tail_set_aside(&engine->appender.tail, (size_t)size);
    engine->is_renaming = status == STATUS_OK;
    return status;
}

void engine_rename_written_locked(struct engine *engine)
{
    CHECK(engine->is_renaming && engine->appender.group_depth > 0);
    tail_bring_back(&engine->appender.tail);
    engine->appender.must_not_fail = true;
}

void engine_rename_end_locked(struct engine *engine)
{
    CHECK(engine->is_renaming);
    tail_give_up(&engine->appender.tail); /* when it was not written */
    engine->is_renaming = false;
    engine->appender.must_not_fail = false;
}

uint64_t engine_missing_room_locked(struct engine *engine)
{
    uint64_t wanted = engine->appender.room_refused;
    uint64_t room = 0;
    if (fs_free_space(engine->fs, &room) != STATUS_OK || room >= wanted) {
        return wanted; /* there is some, but it is kept, or in pieces that can't be had */
    }
    return wanted - room;
}

/* --- settings ----------------------------------------------------------------------------- */

void engine_set_sync_policy(struct engine *engine, enum sync_policy policy)
{
    sync_set_policy(engine, (int)policy);
}

void engine_set_index_memory_limit_locked(struct engine *engine, uint64_t bytes)
{
    engine->spaces.budget.limit_bytes = bytes;
}

void engine_set_max_keys_locked(struct engine *engine, uint64_t max_keys)
{
    engine->max_keys = max_keys;
}

void engine_set_descriptors_locked(struct engine *engine, uint64_t count)
{
    engine->descriptors = count;
}

void engine_tick(struct engine *engine)
{
    if (engine_is_read_only(engine)) {
        return;
    }
    maintenance_round(engine);
    scrub_step(engine);
    while (maintenance_compact(engine)) {
    }
    sync_tick(engine);
    if (!maintenance_is_busy(engine) && checkpoint_is_due(engine)) {
        (void)checkpoint_take(engine, false); /* logged */
    }
}

/* --- looking at the whole ----------------------------------------------------------------- */

static void add_segments(struct engine *engine, struct engine_statistics *out)
{
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        out->segment_count++;
        out->disk_bytes += segment->reserved;
        out->live_bytes += segment->live_bytes;
        if (segment->end > SEGMENT_HEADER_SIZE) {
            out->file_bytes += segment->end - SEGMENT_HEADER_SIZE;
        }
    }
    const struct segment *active = engine->appender.active;
    if (active != NULL && !active->in_table) {
        out->segment_count++;
        out->disk_bytes += active->reserved;
    }
    for (size_t i = 0; i < engine->stock.count; i++) {
        out->segment_count++;
        out->disk_bytes += engine->stock.segments[i]->reserved;
    }
}

uint64_t engine_unsaved_changes_locked(const struct engine *engine)
{
    return engine->changes - engine->sync.durable_changes;
}

void engine_statistics_locked(struct engine *engine, struct engine_statistics *out)
{
    struct maintenance *maintenance = &engine->maintenance;
    *out = (struct engine_statistics){
        .keys = spaces_key_count(&engine->spaces),
        .index_bytes = spaces_index_memory(&engine->spaces),
        .appended_position = engine->appender.position,
        .payload_position = atomic_load(&engine->appender.payload_position),
        .written_position = atomic_load(&engine->appender.written_position),
        .durable_position = atomic_load(&engine->sync.durable_position),
        .unsaved_changes = engine_unsaved_changes_locked(engine),
        .expired_keys = engine->expired_keys,
        .sync_count = atomic_load(&engine->sync.count),
        .sync_errors = atomic_load(&engine->sync.errors),
        .delayed_syncs = atomic_load(&engine->sync.delayed),
        .last_sync_unix_ms = atomic_load(&engine->sync.last_unix_ms),
        .last_sync_us = atomic_load(&engine->sync.last_us),
        .sync_running = atomic_load(&engine->sync.passing),
        .write_failing = atomic_load(&engine->appender.failing) != STATUS_OK,
        .reads_ahead = engine->reads_ahead,
        .corrupt_records = engine->corrupt_records,
        .writes_stopped = sync_has_stopped(&engine->sync),
        .recovered_records = engine->recovered_records,
        .recovered_keys = engine->recovered_keys,
        .recovery_ms = engine->recovery_ms,
        .checkpoints = engine->checkpoint.taken,
        .checkpoint_size_bytes = engine->checkpoint.size_bytes,
        .checkpoint_duration_ms = engine->checkpoint.duration_ms,
        .checkpoint_behind_bytes = checkpoint_behind_locked(engine),
    };
    out->scrub_running = atomic_load(&engine->scrub.running);
    out->scrub_passes = atomic_load(&engine->scrub.passes);
    out->scrub_read_bytes = atomic_load(&engine->scrub.read_bytes);
    out->scrub_damaged_records = atomic_load(&engine->scrub.damaged_records);
    out->scrub_damaged_segments = atomic_load(&engine->scrub.damaged_segments);
    add_segments(engine, out);
    compaction_pace_report(engine, out);
    out->compactions = atomic_load(&maintenance->compactions);
    out->compaction_running = atomic_load(&maintenance->compaction_running);
    if (fs_free_space(engine->fs, &out->free_disk_bytes) != STATUS_OK) {
        out->free_disk_bytes = 0;
    }
}
