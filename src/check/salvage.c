/* salvage.c - see salvage.h. */
#include "check/salvage.h"

#include "check/new_directory.h"
#include "engine/engine.h"
#include "engine/pieces.h"

#include <stdlib.h>
#include <string.h>

/* Puts and patches between two writes of the log: it is not for ever that the tail may grow in
 * memory. */
#define WRITE_EVERY 256

struct salvage {
    struct engine *engine;
    uint64_t saved;
    uint64_t changes;
};

static enum status write_log(struct engine *engine)
{
    struct engine_statistics found;
    engine_lock(engine);
    engine_statistics_locked(engine, &found);
    engine_unlock(engine);
    return engine_write(engine, found.appended_position);
}

static enum status note_change(struct salvage *salvage)
{
    return ++salvage->changes % WRITE_EVERY == 0 ? write_log(salvage->engine) : STATUS_OK;
}

static enum status put_whole(struct salvage *salvage, const struct live_record *found)
{
    struct engine *engine = salvage->engine;
    struct engine_value value = {.parts = &found->value,
                                 .part_count = 1,
                                 .expiry_ms = found->record->expiry_ms,
                                 .type = found->record->type,
                                 .encoding = found->record->encoding};
    engine_lock(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, found->database);
    enum status status = engine_put_locked(engine, keyspace, found->record->key, &value);
    engine_unlock(engine);
    return status == STATUS_OK ? note_change(salvage) : status;
}

/* Gives the key the part of its value that begins at `offset`; what is not there before it becomes
 * zeros that take no room. A key that has expired meanwhile is left to its end. */
static enum status put_part(struct salvage *salvage, const struct live_record *found,
                            uint64_t offset, const struct slice *part)
{
    struct engine *engine = salvage->engine;
    bool is_last = offset + part->size == found->value.size;
    struct entry old = {.pieces = NULL};
    struct engine_patch patch = {.old = is_last ? NULL : &old,
                                 .offset = offset,
                                 .parts = part,
                                 .part_count = 1,
                                 .expiry_ms = found->record->expiry_ms,
                                 .type = found->record->type,
                                 .encoding = found->record->encoding};
    engine_lock(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, found->database);
    enum status status = STATUS_OK;
    if (!is_last) {
        status = engine_find_locked(engine, keyspace, found->record->key, &old);
    }
    if (status == STATUS_OK) {
        status = engine_patch_locked(engine, keyspace, found->record->key, &patch);
    }
    engine_part_purge_locked(engine);
    engine_unlock(engine);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    return status == STATUS_OK ? note_change(salvage) : status;
}

/* A string in pieces becomes one again, piece by piece from its end. Most of it may be zeros that
 * were never written (SETBIT at a high offset): whole, it could take more room than there is. */
static enum status put_in_pieces(struct salvage *salvage, const struct live_record *found)
{
    const struct slice value = found->value;
    size_t piece_size = (size_t)1 << PIECES_SHIFT_DEFAULT;
    size_t end = value.size;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && end > 0) {
        size_t offset = (end - 1) / piece_size * piece_size;
        const struct slice part = slice_make(value.data + offset, end - offset);
        if (end == value.size || !slice_is_zeros(part)) {
            status = put_part(salvage, found, offset, &part);
        }
        end = offset;
    }
    return status;
}

/* Did it lie in pieces, and is it long enough to do so in the new store? */
static bool is_for_pieces(const struct salvage *salvage, const struct live_record *found)
{
    struct engine *engine = salvage->engine;
    engine_lock(engine);
    bool is_long = engine_may_patch_locked(engine, NULL, found->value.size);
    engine_unlock(engine);
    return is_long && found->record->kind == RECORD_PIECED;
}

static enum status on_record(void *context, const struct live_record *found)
{
    struct salvage *salvage = context;
    enum status status =
        is_for_pieces(salvage, found) ? put_in_pieces(salvage, found) : put_whole(salvage, found);
    salvage->saved += status == STATUS_OK ? 1 : 0;
    return status;
}

/* Fills the open store, and closes it. */
static enum status fill(struct live *live, struct salvage *salvage, struct error *error)
{
    enum status status = live_visit(live, on_record, salvage);
    if (status == STATUS_OK) {
        status = engine_sync(salvage->engine);
    }
    enum status closed = engine_close(salvage->engine);
    status = status == STATUS_OK ? closed : status;
    return status == STATUS_OK
               ? status
               : error_set(error, status, "can't write the new store: %s", status_words(status));
}

static enum status make_store(struct live *live, const char *path, uint64_t *saved_keys,
                              struct error *error)
{
    struct file_system *fs;
    enum status status = file_posix_open_directory(path, &fs, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_options options = {.fs = fs,
                                     .database_count = (unsigned)live->database_count,
                                     .segment_size = live->store->manifest.segment_size,
                                     .sync_policy = SYNC_NO};
    struct salvage salvage = {0};
    status = engine_open(&options, &salvage.engine, error);
    if (status == STATUS_OK) {
        status = fill(live, &salvage, error);
    }
    fs_close(fs);
    if (status == STATUS_OK) {
        *saved_keys = salvage.saved;
    }
    return status;
}

/* INVALID: it would be right in the store's directory. Slashes may follow its name. */
static enum status check_is_outside(const struct live *live, const char *path, struct error *error)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    char *bare = strndup(path, size);
    if (bare == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    bool is_within = file_posix_name_within(live->store->fs, bare) != NULL;
    free(bare);
    return is_within ? error_set(error, STATUS_INVALID,
                                 "'%s' would be in the store's own directory, which is to stay as "
                                 "it is; name a directory outside it",
                                 path)
                     : STATUS_OK;
}

enum status salvage_into(struct live *live, const char *path, uint64_t *saved_keys,
                         struct error *error)
{
    struct new_directory directory;
    enum status status = check_is_outside(live, path, error);
    if (status == STATUS_OK) {
        status = new_directory_begin(&directory, path, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = make_store(live, directory.work_path, saved_keys, error);
    if (status == STATUS_OK) {
        status = new_directory_finish(&directory, error);
    } else {
        struct error cause = *error;
        (void)error_set(error, status,
                        "%.250s; what there is of the new store is left in '%s': "
                        "remove it before you try again",
                        cause.text, directory.work_path);
    }
    new_directory_end(&directory);
    return status;
}
