/* disk_store.c - see disk_store.h. */
#include "support/disk_store.h"

#include "base/check.h"

#include <stdio.h>

struct engine_options disk_store_options(uint64_t segment_size)
{
    return (struct engine_options){.database_count = 2,
                                   .segment_size = segment_size,
                                   .sync_policy = SYNC_NO,
                                   .without_threads = true};
}

enum status disk_store_try_open(struct disk_store *store, const char *path, struct error *error)
{
    error->text[0] = '\0';
    CHECK(file_posix_open_directory(path, &store->fs, error) == STATUS_OK);
    store->options.fs = store->fs;
    enum status status = engine_open(&store->options, &store->engine, error);
    if (status != STATUS_OK) {
        fs_close(store->fs);
        store->fs = NULL;
        store->engine = NULL;
    }
    return status;
}

void disk_store_open(struct disk_store *store, const char *path)
{
    struct error error;
    enum status status = disk_store_try_open(store, path, &error);
    if (status != STATUS_OK) {
        fprintf(stderr, "engine_open: %s: %s\n", status_name(status), error.text);
    }
    CHECK(status == STATUS_OK);
}

void disk_store_verify(struct disk_store *store)
{
    engine_lock(store->engine);
    engine_verify_all_locked(store->engine);
    engine_unlock(store->engine);
}

void disk_store_close(struct disk_store *store)
{
    enum status status = engine_close(store->engine);
    fs_close(store->fs);
    store->fs = NULL;
    store->engine = NULL;
    CHECK(status == STATUS_OK);
}

struct engine_statistics disk_store_statistics(struct disk_store *store)
{
    struct engine_statistics out;
    engine_lock(store->engine);
    engine_statistics_locked(store->engine, &out);
    engine_unlock(store->engine);
    return out;
}
