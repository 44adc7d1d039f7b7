/* v1_import.c - see v1_import.h. */
#include "import/v1_import.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "engine/import_mark.h"
#include "import/v1_source.h"

#include <inttypes.h>

#define DATABASE    0
#define TYPE_STRING 0 /* of a record, as the keyspace and libscdb have it */

/* What may be in memory before it is written to the log. */
#define PENDING_BYTES_MAX ((uint64_t)1 << 20)

#define KEY_TEXT_SIZE     130

struct import {
    struct v1_source source;
    struct engine *engine;
    struct v1_import_result result;
    uint64_t pending_bytes;
    struct log_limit progress;
    struct error *error;
};

/* --- files of the directory --- */

static enum status not_opened(enum status status, const char *name, const char *where,
                              struct error *error)
{
    return error_set(error, status, "can't open file '%s' in %s: %s", name, where,
                     status_words(status));
}

/* `where` is what the directory is called in the error. */
static enum status is_there(struct file_system *fs, const char *name, const char *where, bool *out,
                            struct error *error)
{
    struct file *file;
    enum status status = fs_open(fs, name, FILE_MODE_READ, &file);
    if (status == STATUS_OK) {
        file_close(file);
    } else if (status != STATUS_NOT_FOUND) {
        return not_opened(status, name, where, error);
    }
    *out = status == STATUS_OK;
    return STATUS_OK;
}

static enum status remove_mark(struct file_system *fs, struct error *error)
{
    enum status status = import_mark_remove(fs);
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, status,
                           "everything is imported, but the file %s can't be removed (%s): "
                           "remove it by hand",
                           V1_IMPORT_MARK, status_words(status));
}

/* --- writing --- */

static void log_progress(struct import *import, size_t done)
{
    size_t all = import->source.file.item_count;
    if (log_limit_try(&import->progress, LOG_LIMIT_PROGRESS_MS, clock_monotonic_ms())) {
        LOG_NOTICE("Imported %zu of %zu keys (%zu%%).", done, all,
                   all == 0 ? 100 : done * 100 / all);
    }
}

static enum status write_pending(struct import *import)
{
    engine_lock(import->engine);
    uint64_t position = engine_payload_position_locked(import->engine);
    engine_unlock(import->engine);
    import->pending_bytes = 0;
    return engine_write(import->engine, position);
}

/* The ancestor serves a key through the whole second of its expiry, and we up to a moment: the
 * beginning of the next. */
static int64_t expiry_ms_of(uint64_t expiry_s)
{
    bool never = expiry_s == 0 || expiry_s >= INT64_MAX / 1000;
    return never ? EXPIRY_NONE : ((int64_t)expiry_s + 1) * 1000;
}

static enum status put(struct import *import, const struct v1_entry *entry)
{
    struct engine_value value = {
        .parts = &entry->value,
        .part_count = 1,
        .expiry_ms = expiry_ms_of(entry->expiry_s),
        .type = TYPE_STRING,
    };
    engine_lock(import->engine);
    enum status status = engine_put_locked(
        import->engine, engine_database_locked(import->engine, DATABASE), entry->key, &value);
    engine_unlock(import->engine);
    import->pending_bytes += entry->size;
    if (status == STATUS_OK && import->pending_bytes >= PENDING_BYTES_MAX) {
        status = write_pending(import);
    }
    return status;
}

/* What concerns this key alone is a problem; the import goes on. */
static void log_left_out(struct import *import, const struct v1_entry *entry, const char *why)
{
    LOG_WARNING("%s: offset %" PRIu64 ": %s, so this key is left out", import->source.path,
                entry->offset, why);
    import->result.problems++;
}

static enum status import_entry(struct import *import, const struct v1_entry *entry)
{
    if (!v1_source_is_readable(&import->source, entry->offset, entry->size)) {
        log_left_out(import, entry, "the disk can't read the entry");
        return STATUS_OK;
    }
    enum status status = put(import, entry);
    if (status == STATUS_TOO_LARGE) {
        log_left_out(import, entry, "the key is longer than 512 MiB");
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        import->result.imported_keys++;
        return STATUS_OK;
    }
    char key[KEY_TEXT_SIZE];
    v1_key_describe(entry->key, key, sizeof(key));
    return error_set(
        import->error, status,
        "can't write key '%s' of %s to the new store: %s; when that is mended, run the "
        "same command again, which begins anew",
        key, import->source.path, status_words(status));
}

static enum status import_entries(struct import *import)
{
    const struct v1_file *file = &import->source.file;
    uint64_t now_s = (uint64_t)(clock_unix_ms() / 1000);
    enum status status = STATUS_OK;
    log_limit_begin(&import->progress, clock_monotonic_ms());
    for (size_t i = 0; i < file->item_count && status == STATUS_OK; i++) {
        struct v1_entry entry = v1_file_entry(file, i);
        if (entry.is_deleted) {
            import->result.deleted_keys++;
        } else if (!v1_entry_is_live(&entry, now_s)) {
            import->result.expired_keys++;
        } else {
            status = import_entry(import, &entry);
        }
        log_progress(import, i + 1);
    }
    if (status == STATUS_OK) {
        status = engine_sync(import->engine);
        if (status != STATUS_OK) {
            (void)error_set(import->error, status, "can't make the new store durable: %s",
                            status_words(status));
        }
    }
    return status;
}

static void log_problems(struct import *import)
{
    const struct v1_file *file = &import->source.file;
    char text[V1_PROBLEM_TEXT_SIZE];
    for (size_t i = 0; i < file->problem_count; i++) {
        v1_problem_describe(file, &file->problems[i], text);
        LOG_WARNING("%s: %s", import->source.path, text);
    }
    import->result.problems += file->problem_count;
}

/* --- the new store --- */

static enum status not_empty(uint64_t keys, bool is_marked, struct error *error)
{
    if (is_marked) {
        return error_set(error, STATUS_INVALID,
                         "the store holds keys (%" PRIu64
                         "), and the file %s does not say that an import into this very store has "
                         "brought them: an import never overwrites. Remove that file to use the "
                         "store as it is, or import into an empty directory",
                         keys, V1_IMPORT_MARK);
    }
    return error_set(error, STATUS_INVALID,
                     "the store holds keys already (%" PRIu64
                     "), which an import might overwrite: import into an empty directory",
                     keys);
}

/* The files that an unfinished import has left go, before this one needs their room: nothing in
 * them is alive, so there is nothing to copy. Lock not held. */
static enum status remove_dead_files(struct import *import)
{
    struct compaction_result result;
    enum status status = engine_compact(import->engine, &result);
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(import->error, status,
                           "can't remove what the unfinished import has left: %s; mend that, or "
                           "import into an empty directory",
                           status_words(status));
}

/* Empties what an unfinished import has left, by the mark that names this store; any other store
 * has to be empty. The mark names it before it gets its first key. */
static enum status claim_store(struct import *import, struct file_system *fs,
                               const struct import_mark *mark)
{
    const uint8_t *store_id = engine_store_id(import->engine);
    struct engine_statistics found;
    enum status status = STATUS_OK;
    engine_lock(import->engine);
    engine_statistics_locked(import->engine, &found);
    bool is_ours = import_mark_names(mark, store_id);
    if (is_ours && found.keys > 0) {
        LOG_NOTICE("An import has not come to its end here: it begins anew.");
        status = engine_clear_all_locked(import->engine);
    }
    engine_unlock(import->engine);
    if (!is_ours && found.keys > 0) {
        return not_empty(found.keys, mark->is_there, import->error);
    }
    if (status != STATUS_OK) {
        return error_set(import->error, status, "can't empty the store: %s", status_words(status));
    }
    if (is_ours) {
        status = remove_dead_files(import);
    }
    return status == STATUS_OK ? import_mark_write(fs, store_id, import->error) : status;
}

static enum status import_into(struct import *import, const struct engine_options *options,
                               const struct import_mark *mark)
{
    struct engine_options settled = *options;
    settled.sync_policy = SYNC_NO; /* all is synced at the end, before the mark goes */
    settled.is_import = true;
    enum status status = engine_open(&settled, &import->engine, import->error);
    if (status != STATUS_OK) {
        return status;
    }
    status = claim_store(import, options->fs, mark);
    if (status == STATUS_OK) {
        log_problems(import);
        status = import_entries(import);
    }
    enum status closed = engine_close(import->engine);
    if (status == STATUS_OK && closed != STATUS_OK) {
        status =
            error_set(import->error, closed, "closing the new store: %s", status_words(closed));
    }
    if (status == STATUS_OK && v1_source_has_changed(&import->source)) {
        status = error_set(import->error, STATUS_INVALID,
                           "%s has changed meanwhile: end the program that uses it, then run the "
                           "same command again, which begins anew",
                           import->source.path);
    }
    return status == STATUS_OK ? remove_mark(options->fs, import->error) : status;
}

static enum status lock_directory(struct file_system *fs, struct error *error)
{
    char holder[128] = "";
    enum status status = fs_lock(fs, ENGINE_LOCK_NAME, holder, sizeof(holder));
    if (status == STATUS_LOCKED) {
        return error_set(error, status,
                         "the new store's directory is in use by %s: stop that first", holder);
    }
    return status == STATUS_OK ? STATUS_OK
                               : error_set(error, status, "can't use the new store's directory: %s",
                                           status_words(status));
}

/* Is there nothing of a store in the directory, not even of one whose manifest is lost? */
static enum status is_vacant(struct file_system *fs, const char *where, bool *out,
                             struct error *error)
{
    bool is_store = false;
    bool has_remains = false;
    enum status status = is_there(fs, MANIFEST_NAME, where, &is_store, error);
    if (status == STATUS_OK && !is_store) {
        status = import_mark_find_remains(fs, &has_remains, error);
    }
    if (status == STATUS_OK) {
        *out = !is_store && !has_remains;
    }
    return status;
}

/* A store is marked before it is made, so that no server takes it for one that was always empty;
 * and what there is of one only once it is known to be empty. The lock keeps others off from the
 * first look on. */
static enum status lock_and_import(struct import *import, const struct engine_options *options)
{
    struct import_mark mark = {.is_there = false};
    bool may_be_made = false;
    enum status status = lock_directory(options->fs, import->error);
    if (status == STATUS_OK) {
        status = import_mark_read(options->fs, &mark, import->error);
    }
    if (status == STATUS_OK) {
        status = is_vacant(options->fs, "the new store's directory", &may_be_made, import->error);
    }
    if (status == STATUS_OK && may_be_made && !mark.is_there) {
        status = import_mark_write(options->fs, NULL, import->error);
    }
    return status == STATUS_OK ? import_into(import, options, &mark) : status;
}

enum status v1_import(const char *directory, const struct engine_options *options,
                      struct v1_import_result *out, struct error *error)
{
    struct import import = {.error = error};
    enum status status = v1_source_open(directory, &import.source, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = lock_and_import(&import, options);
    if (status == STATUS_OK) {
        *out = import.result;
        LOG_NOTICE("Imported %" PRIu64 " keys from %s; %" PRIu64 " were deleted, %" PRIu64
                   " expired; problems in the old file: %" PRIu64 ".",
                   out->imported_keys, import.source.path, out->deleted_keys, out->expired_keys,
                   out->problems);
    }
    v1_source_close(&import.source);
    return status;
}

/* --- before a store is used --- */

/* Does a file of the ancestor's lie here? */
static enum status has_old_file(struct file_system *fs, const char *where, bool *out,
                                struct error *error)
{
    struct slice title = V1_TITLE;
    char begin[sizeof("Scdb versn 0.001")] = "";
    struct file *file;
    size_t size = 0;
    enum status status = fs_open(fs, V1_FILE_NAME, FILE_MODE_READ, &file);
    if (status == STATUS_OK) {
        status = file_read(file, 0, begin, title.size, &size);
        file_close(file);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return not_opened(status, V1_FILE_NAME, where, error);
    }
    *out = status == STATUS_OK && slice_equal(slice_make(begin, size), title);
    return STATUS_OK;
}

enum status v1_import_check(struct file_system *fs, const char *path, struct error *error)
{
    bool may_be_made = false;
    bool is_old = false;
    struct error marked;
    enum status status = import_mark_check(fs, &marked);
    if (status != STATUS_OK) {
        return error_set(error, status, "'%s': %s", path, marked.text);
    }
    status = is_vacant(fs, path, &may_be_made, error);
    if (status == STATUS_OK && may_be_made) {
        status = has_old_file(fs, path, &is_old, error);
    }
    if (status == STATUS_OK && is_old) {
        return error_set(
            error, STATUS_INVALID,
            "'%s/%s' is a store of scdb's ancestor (scdb, py_scdb, go-scdb), and there "
            "is no new one beside it: bring its keys over with scdb-server "
            "--import-v1 '%s' --dir '%s', then start again; or set 'dir' to another "
            "directory",
            path, V1_FILE_NAME, path, path);
    }
    return status;
}
