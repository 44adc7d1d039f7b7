/* scdb.c - the engine as a library; see scdb.h. Batches are in scdb_batch.c, scans in
 * scdb_scan.c. */
#include "engine/scdb.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/backup.h"
#include "engine/mapped_record.h"
#include "engine/scdb_state.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SCDB_PERCENTAGE_MAX 90

_Static_assert(SCDB_NEVER == EXPIRY_NONE, "times pass through unchanged");

/* --- statuses and the log -------------------------------------------------------------------- */

enum scdb_status scdb_status_of(enum status status)
{
    static const enum scdb_status numbers[] = {
        [STATUS_OK] = SCDB_OK,
        [STATUS_NOT_FOUND] = SCDB_NOT_FOUND,
        [STATUS_EXISTS] = SCDB_INVALID,
        [STATUS_INVALID] = SCDB_INVALID,
        [STATUS_TOO_LARGE] = SCDB_TOO_LARGE,
        [STATUS_NO_MEMORY] = SCDB_NO_MEMORY,
        [STATUS_IO] = SCDB_IO,
        [STATUS_FILE_LIMIT] = SCDB_IO,
        [STATUS_REFUSED] = SCDB_IO,
        [STATUS_NOT_A_FILE] = SCDB_IO,
        [STATUS_SOURCE_LOST] = SCDB_IO,
        [STATUS_CORRUPT] = SCDB_CORRUPT,
        [STATUS_DISK_FULL] = SCDB_DISK_FULL,
        [STATUS_INDEX_FULL] = SCDB_INDEX_FULL,
        [STATUS_KEY_LIMIT] = SCDB_KEY_LIMIT,
        [STATUS_LOCKED] = SCDB_LOCKED,
        [STATUS_NEWER_FORMAT] = SCDB_NEWER_FORMAT,
        [STATUS_WRITES_STOPPED] = SCDB_WRITES_STOPPED,
        [STATUS_CLOSED] = SCDB_CLOSED,
        [STATUS_READ_ONLY] = SCDB_READ_ONLY,
    };
    _Static_assert(sizeof(numbers) / sizeof(numbers[0]) == STATUS_COUNT,
                   "every status has a number");
    return numbers[status];
}

const char *scdb_status_text(enum scdb_status status)
{
    for (int i = 0; i < STATUS_COUNT; i++) {
        if (i != STATUS_EXISTS && scdb_status_of((enum status)i) == status) {
            return status_words((enum status)i);
        }
    }
    return "unknown status";
}

static _Atomic(scdb_log *) users_log; /* NULL: nobody listens */

static void pass_on(enum log_level level, const char *text)
{
    scdb_log *log = atomic_load(&users_log);
    if (log != NULL) {
        log((enum scdb_log_level)level, text);
    }
}

void scdb_set_log(scdb_log *log)
{
    atomic_store(&users_log, log);
    log_set_sink(pass_on);
}

int64_t scdb_after(int64_t ttl_ms)
{
    int64_t now_ms = clock_unix_ms();
    if (ttl_ms > 0 && now_ms > SCDB_NEVER - 1 - ttl_ms) {
        return SCDB_NEVER - 1;
    }
    return now_ms + ttl_ms;
}

/* --- opening and closing --------------------------------------------------------------------- */

static void on_durable(void *context)
{
    struct scdb *db = context;
    mutex_lock(&db->durable_mutex);
    condition_wake_all(&db->durable_moved);
    mutex_unlock(&db->durable_mutex);
}

static enum sync_policy policy_of(enum scdb_sync sync)
{
    switch (sync) {
    case SCDB_SYNC_ALWAYS:
        return SYNC_ALWAYS;
    case SCDB_SYNC_NO:
        return SYNC_NO;
    default:
        return SYNC_EVERYSEC;
    }
}

static enum status check_options(const struct scdb_options *options, struct error *error)
{
    if (options->sync != SCDB_SYNC_EVERYSEC && options->sync != SCDB_SYNC_ALWAYS &&
        options->sync != SCDB_SYNC_NO) {
        return error_set(error, STATUS_INVALID, "there is no sync policy %d", (int)options->sync);
    }
    if (options->segment_size != 0 &&
        (options->segment_size < SEGMENT_SIZE_MIN || options->segment_size > SEGMENT_SIZE_MAX)) {
        return error_set(error, STATUS_INVALID, "segment_size is %llu, but must be 1 MiB to 1 GiB",
                         (unsigned long long)options->segment_size);
    }
    if (options->compaction_percentage > SCDB_PERCENTAGE_MAX) {
        return error_set(error, STATUS_INVALID,
                         "compaction_percentage is %llu, but must be 0 to %d",
                         (unsigned long long)options->compaction_percentage, SCDB_PERCENTAGE_MAX);
    }
    for (size_t i = 0; i < sizeof(options->reserved) / sizeof(options->reserved[0]); i++) {
        if (options->reserved[i] != 0) {
            return error_set(error, STATUS_INVALID,
                             "reserved options must be 0: clear the struct before filling it");
        }
    }
    return STATUS_OK;
}

static void scdb_deallocate(struct scdb *db)
{
    fs_close(db->fs);
    condition_deinit(&db->durable_moved);
    mutex_deinit(&db->durable_mutex);
    free(db);
}

enum status scdb_open_on(struct file_system *fs, const struct engine_options *options,
                         struct scdb **out, struct error *error)
{
    struct scdb *db = calloc(1, sizeof(*db));
    if (db == NULL) {
        fs_close(fs);
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    mutex_init(&db->durable_mutex);
    condition_init(&db->durable_moved);
    db->fs = fs;
    struct engine_options settled = *options;
    settled.fs = fs;
    settled.database_count = SCDB_DATABASE + 1;
    settled.on_durable = on_durable;
    settled.hook_context = db;
    enum status status = engine_open(&settled, &db->engine, error);
    if (status != STATUS_OK) {
        scdb_deallocate(db);
        return status;
    }
    *out = db;
    return STATUS_OK;
}

static enum status open_path(const char *path, const struct scdb_options *options,
                             struct scdb **out, struct error *error)
{
    struct engine_options engine_options = {
        .segment_size = options->segment_size,
        .index_memory_limit = options->index_memory_limit,
        .max_keys = options->max_keys,
        .sync_policy = policy_of(options->sync),
    };
    struct file_system *fs;
    enum status status = options->read_only ? file_posix_open_directory_read_only(path, &fs, error)
                                            : file_posix_open_directory(path, &fs, error);
    if (status == STATUS_OK) {
        status = scdb_open_on(fs, &engine_options, out, error);
    }
    if (status == STATUS_OK) {
        engine_set_compaction_interval((*out)->engine, options->compaction_interval_s);
        engine_set_compaction_percentage((*out)->engine, (unsigned)options->compaction_percentage);
    }
    return status;
}

static void tell(struct scdb_error *error, const struct error *reason)
{
    _Static_assert(sizeof(error->text) == sizeof(reason->text), "the text fits");
    if (error != NULL) {
        memcpy(error->text, reason->text, sizeof(reason->text));
    }
}

enum scdb_status scdb_open(const char *path, const struct scdb_options *options, struct scdb **out,
                           struct scdb_error *error)
{
    static const struct scdb_options defaults = {.sync = SCDB_SYNC_EVERYSEC};
    log_set_sink(pass_on); /* A library says nothing on its own. */
    struct error reason = {.text = ""};
    options = options != NULL ? options : &defaults;
    enum status status = check_options(options, &reason);
    if (status == STATUS_OK) {
        status = open_path(path, options, out, &reason);
    }
    if (status != STATUS_OK) {
        tell(error, &reason);
    }
    return scdb_status_of(status);
}

enum scdb_status scdb_close(struct scdb *db)
{
    if (db == NULL) {
        return SCDB_OK;
    }
    enum status status = engine_close(db->engine);
    scdb_deallocate(db);
    return scdb_status_of(status);
}

/* --- around every call ----------------------------------------------------------------------- */

struct engine_keyspace *scdb_begin(struct scdb *db)
{
    engine_lock(db->engine);
    engine_rest_begin_locked(db->engine);
    db->value_bytes = engine_value_bytes_locked(db->engine);
    db->payload_position = engine_payload_position_locked(db->engine);
    return engine_database_locked(db->engine, SCDB_DATABASE);
}

/* What rests on `position` is written; waits until it is as durable as it has to be. After a
 * failure of the disk what was only read is shown as it is to who comes later. */
static enum status wait_durable(struct scdb *db, uint64_t position, bool has_written)
{
    bool failed = false;
    if (engine_may_reply(db->engine, position, &failed)) {
        return STATUS_OK;
    }
    mutex_lock(&db->durable_mutex);
    while (!engine_may_reply(db->engine, position, &failed) && !failed) {
        condition_wait(&db->durable_moved, &db->durable_mutex, -1);
    }
    mutex_unlock(&db->durable_mutex);
    bool is_shown = !failed || (!has_written && engine_may_show(db->engine, position, &failed));
    return is_shown ? STATUS_OK : STATUS_WRITES_STOPPED;
}

enum status scdb_end(struct scdb *db, enum status status)
{
    uint64_t position = engine_rest_end_locked(db->engine);
    uint64_t written = engine_value_bytes_locked(db->engine) - db->value_bytes;
    bool has_written = engine_payload_position_locked(db->engine) != db->payload_position;
    engine_unlock(db->engine);
    if (position == 0 || (status != STATUS_OK && status != STATUS_NOT_FOUND)) {
        return status;
    }
    enum status safe = engine_write(db->engine, position);
    if (safe == STATUS_OK) {
        safe = wait_durable(db, position, has_written);
    }
    int64_t delay_us = engine_write_delay_us(db->engine, written);
    if (delay_us > 0) {
        clock_sleep_us(delay_us); /* compaction is behind */
    }
    return safe == STATUS_OK ? status : safe;
}

/* --- one key --------------------------------------------------------------------------------- */

enum scdb_status scdb_set(struct scdb *db, struct scdb_bytes key, struct scdb_bytes value,
                          int64_t expiry_ms)
{
    struct slice part = scdb_slice(value);
    struct engine_value engine_value = {
        .parts = &part,
        .part_count = 1,
        .expiry_ms = expiry_ms,
        .type = SCDB_TYPE,
    };
    struct engine_keyspace *keyspace = scdb_begin(db);
    enum status status = engine_put_locked(db->engine, keyspace, scdb_slice(key), &engine_value);
    return scdb_status_of(scdb_end(db, status));
}

enum scdb_status scdb_delete(struct scdb *db, struct scdb_bytes key)
{
    struct engine_keyspace *keyspace = scdb_begin(db);
    enum status status = engine_delete_locked(db->engine, keyspace, scdb_slice(key));
    return scdb_status_of(scdb_end(db, status));
}

/* A view's reserved pointers: what keeps the bytes there. */
enum { VIEW_PIN, VIEW_COPY };

/* A copy with a 0 behind it, which the caller owns. What was verified may lie in a file all the
 * same, and the disk may fail meanwhile. */
static enum status copy_view(struct scdb_bytes value, void **out)
{
    char *copy = malloc(value.size + 1);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = mapped_record_copy(copy, value.data, value.size);
    if (status != STATUS_OK) {
        free(copy);
        return status;
    }
    copy[value.size] = '\0';
    *out = copy;
    return STATUS_OK;
}

/* Makes a view of an entry that stays where it is. The lock is held. */
static enum status hold_pinned(struct scdb *db, const struct entry *entry, struct scdb_view *view)
{
    view->reserved[VIEW_PIN] = entry->segment;
    view->value.data = entry->value.data;
    return engine_verify_locked(db->engine, entry, 0, SIZE_MAX);
}

/* Makes a view of a copy of it, with a 0 behind it. The lock is held. */
static enum status hold_copy(struct scdb *db, const struct entry *entry, struct scdb_view *view)
{
    char *copy = malloc((size_t)entry->size + 1);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    copy[entry->size] = '\0';
    view->reserved[VIEW_COPY] = copy;
    view->value.data = copy;
    return engine_part_copy_locked(db->engine, entry, 0, SIZE_MAX, copy);
}

/* Makes a view of an entry, which after a failure is to be released, too. The lock is held. */
static enum status hold(struct scdb *db, const struct entry *entry, struct scdb_view *view)
{
    view->value.size = (size_t)entry->size;
    view->expiry_ms = entry->expiry_ms;
    return engine_pin_locked(db->engine, entry) ? hold_pinned(db, entry, view)
                                                : hold_copy(db, entry, view);
}

static enum status find(struct scdb *db, struct engine_keyspace *keyspace, struct scdb_bytes key,
                        struct entry *entry)
{
    enum status status = engine_find_locked(db->engine, keyspace, scdb_slice(key), entry);
    if (status == STATUS_OK && entry->type != SCDB_TYPE) {
        return STATUS_INVALID;
    }
    return status;
}

enum scdb_status scdb_borrow(struct scdb *db, struct scdb_bytes key, struct scdb_view *view)
{
    struct entry entry;
    struct scdb_view held = {.expiry_ms = SCDB_NEVER};
    struct engine_keyspace *keyspace = scdb_begin(db);
    enum status status = find(db, keyspace, key, &entry);
    if (status == STATUS_OK) {
        status = hold(db, &entry, &held);
    }
    status = scdb_end(db, status);
    if (status != STATUS_OK) {
        scdb_release(&held);
        return scdb_status_of(status);
    }
    *view = held;
    return SCDB_OK;
}

void scdb_release(struct scdb_view *view)
{
    if (view->reserved[VIEW_PIN] != NULL) {
        engine_unpin(view->reserved[VIEW_PIN]);
    }
    free(view->reserved[VIEW_COPY]);
    *view = (struct scdb_view){.expiry_ms = SCDB_NEVER};
}

enum scdb_status scdb_get(struct scdb *db, struct scdb_bytes key, void **value, size_t *size)
{
    struct scdb_view view = {.expiry_ms = SCDB_NEVER};
    enum scdb_status found = scdb_borrow(db, key, &view);
    if (found != SCDB_OK) {
        return found;
    }
    size_t value_size = view.value.size;
    enum status status = STATUS_OK;
    if (view.reserved[VIEW_COPY] != NULL) {
        *value = view.reserved[VIEW_COPY];
        view.reserved[VIEW_COPY] = NULL;
    } else {
        status = copy_view(view.value, value);
    }
    scdb_release(&view);
    if (status == STATUS_OK && size != NULL) {
        *size = value_size;
    }
    return scdb_status_of(status);
}

void scdb_free(void *value)
{
    free(value);
}

enum scdb_status scdb_expiry(struct scdb *db, struct scdb_bytes key, int64_t *expiry_ms)
{
    struct entry entry;
    struct engine_keyspace *keyspace = scdb_begin(db);
    enum status status = engine_find_locked(db->engine, keyspace, scdb_slice(key), &entry);
    int64_t found_ms = status == STATUS_OK ? entry.expiry_ms : SCDB_NEVER;
    status = scdb_end(db, status);
    if (status == STATUS_OK) {
        *expiry_ms = found_ms;
    }
    return scdb_status_of(status);
}

/* --- the whole store ------------------------------------------------------------------------- */

enum scdb_status scdb_clear(struct scdb *db)
{
    (void)scdb_begin(db);
    enum status status = engine_clear_locked(db->engine, SCDB_DATABASE);
    return scdb_status_of(scdb_end(db, status));
}

enum scdb_status scdb_sync(struct scdb *db)
{
    return scdb_status_of(engine_sync(db->engine));
}

enum scdb_status scdb_compact(struct scdb *db, struct scdb_compaction *out)
{
    struct compaction_result result = {0};
    enum status status = engine_compact(db->engine, &result);
    if (status == STATUS_OK && out != NULL) {
        *out = (struct scdb_compaction){
            .reclaimed_bytes = result.reclaimed_bytes,
            .copied_bytes = result.copied_bytes,
            .files_removed = result.segments_removed,
        };
    }
    return scdb_status_of(status);
}

enum scdb_status scdb_backup(struct scdb *db, const char *path, struct scdb_error *error)
{
    struct error reason = {.text = ""};
    enum status status = backup_to_path(db->engine, path, &reason);
    if (status != STATUS_OK) {
        tell(error, &reason);
    }
    return scdb_status_of(status);
}

void scdb_statistics(struct scdb *db, struct scdb_statistics *out)
{
    struct engine_statistics found;
    engine_lock(db->engine);
    engine_statistics_locked(db->engine, &found);
    engine_unlock(db->engine);
    *out = (struct scdb_statistics){
        .keys = found.keys,
        .live_bytes = found.live_bytes,
        .record_bytes = found.file_bytes,
        .disk_bytes = found.disk_bytes,
        .files = found.segment_count,
        .index_bytes = found.index_bytes,
        .undurable_bytes = found.appended_position - found.durable_position,
        .expired_keys = found.expired_keys,
        .syncs = found.sync_count,
        .compactions = found.compactions,
        .corrupt_records = found.corrupt_records,
        .writes_stopped = found.writes_stopped,
        .compaction_running = found.compaction_running,
    };
}
