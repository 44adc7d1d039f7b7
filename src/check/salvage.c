/* salvage.c - see salvage.h. */
#include "check/salvage.h"

#include "check/new_directory.h"
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

/* Records between two writes of the log: it is not for ever that the tail may grow in memory. */
#define WRITE_EVERY 256

struct salvage {
    struct engine *engine;
    uint64_t saved;
};

static enum status write_log(struct engine *engine)
{
    struct engine_statistics found;
    engine_lock(engine);
    engine_statistics_locked(engine, &found);
    engine_unlock(engine);
    return engine_write(engine, found.appended_position);
}

static enum status on_record(void *context, const struct live_record *found)
{
    struct salvage *salvage = context;
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
    if (status == STATUS_OK && ++salvage->saved % WRITE_EVERY == 0) {
        status = write_log(engine);
    }
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
