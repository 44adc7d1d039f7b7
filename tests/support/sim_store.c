/* sim_store.c - see sim_store.h. */
#include "support/sim_store.h"

#include "base/check.h"

#include <stdio.h>

static int64_t clock_of(void *context)
{
    const struct sim_store *store = context;
    return store->clock_ms;
}

void sim_store_open(struct sim_store *store)
{
    struct error error = {""};
    enum status status = engine_open(&store->options, &store->engine, &error);
    if (status != STATUS_OK) {
        fprintf(stderr, "engine_open: %s: %s\n", status_name(status), error.text);
    }
    CHECK(status == STATUS_OK);
}

struct engine_options sim_store_options(uint64_t segment_size)
{
    return (struct engine_options){.database_count = 2,
                                   .segment_size = segment_size,
                                   .sync_policy = SYNC_NO,
                                   .without_threads = true,
                                   .random_seed = 1};
}

void sim_store_begin(struct sim_store *store, const struct engine_options *options)
{
    store->disk = sim_disk_create(1);
    store->fs = sim_disk_mount(store->disk);
    store->engine = NULL;
    store->options = *options;
    store->options.fs = store->fs;
    store->options.unix_ms = clock_of;
    store->options.unix_ms_context = store;
    sim_store_open(store);
}

void sim_store_verify(struct sim_store *store)
{
    engine_lock(store->engine);
    engine_verify_all_locked(store->engine);
    engine_unlock(store->engine);
}

void sim_store_close(struct sim_store *store)
{
    struct engine *closed = store->engine;
    store->engine = NULL;
    CHECK(engine_close(closed) == STATUS_OK);
}

void sim_store_end(struct sim_store *store)
{
    if (store->engine != NULL) {
        sim_store_verify(store);
        sim_store_close(store);
    }
    fs_close(store->fs);
    sim_disk_destroy(store->disk);
}

void sim_store_die(struct sim_store *store, enum sim_crash kind)
{
    sim_disk_crash_now(store->disk);
    enum status status = engine_close(store->engine);
    (void)status; /* of a disk that is gone */
    store->engine = NULL;
    sim_disk_restart(store->disk, kind);
}

void sim_store_kill_and_open(struct sim_store *store)
{
    sim_store_die(store, SIM_KILL);
    sim_store_open(store);
}

enum status sim_store_put(struct sim_store *store, const char *key, struct slice value,
                          int64_t expiry_ms)
{
    struct engine *engine = store->engine;
    struct engine_value what = {.parts = &value, .part_count = 1, .expiry_ms = expiry_ms};
    engine_lock(engine);
    enum status status =
        engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &what);
    uint64_t position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    enum status written = engine_write(engine, position);
    return status == STATUS_OK ? written : status;
}

void sim_store_fill(struct sim_store *store, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        CHECK(sim_store_put(store, key, SLICE_LITERAL("value"), EXPIRY_NONE) == STATUS_OK);
    }
}

enum status sim_store_find(struct sim_store *store, const char *key)
{
    struct engine *engine = store->engine;
    struct entry entry;
    engine_lock(engine);
    enum status status =
        engine_find_locked(engine, engine_database_locked(engine, 0), slice_of_string(key), &entry);
    engine_unlock(engine);
    return status;
}

enum status sim_store_delete(struct sim_store *store, const char *key)
{
    struct engine *engine = store->engine;
    engine_lock(engine);
    enum status status =
        engine_delete_locked(engine, engine_database_locked(engine, 0), slice_of_string(key));
    engine_unlock(engine);
    return status;
}

void sim_store_compact(struct sim_store *store)
{
    struct compaction_result result;
    CHECK(engine_compact(store->engine, &result) == STATUS_OK);
}

struct engine_statistics sim_store_statistics(struct sim_store *store)
{
    struct engine_statistics out;
    engine_lock(store->engine);
    engine_statistics_locked(store->engine, &out);
    engine_unlock(store->engine);
    return out;
}

bool sim_store_has_file(const struct sim_store *store, const char *name)
{
    struct file *file;
    enum status status = fs_open(store->fs, name, FILE_MODE_READ, &file);
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    if (status == STATUS_OK) {
        file_close(file);
    }
    return status == STATUS_OK;
}
