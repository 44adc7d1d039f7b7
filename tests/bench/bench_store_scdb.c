/* bench_store_scdb.c - libscdb for bench_stores.c: synced by the kernel, compaction as in
 * scdb.conf. */
#include "bench/bench_store.h"

#include "engine/scdb.h"

#include <string.h>

#define SCAN_STEP 1000

static void expect(const char *call, enum scdb_status status)
{
    if (status != SCDB_OK) {
        bench_fail("scdb", call, scdb_status_text(status));
    }
}

static struct scdb_bytes key_bytes(const char *key)
{
    return scdb_bytes(key, BENCH_KEY_SIZE);
}

static void *open_scdb(const char *directory)
{
    struct scdb_options options = {
        .sync = SCDB_SYNC_NO, .compaction_interval_s = 3600, .compaction_percentage = 40};
    struct scdb *db;
    struct scdb_error error;
    if (scdb_open(directory, &options, &db, &error) != SCDB_OK) {
        bench_fail("scdb", "open", error.text);
    }
    return db;
}

static void load_scdb(void *store, const char *keys, size_t count, const char *value)
{
    struct scdb_batch *batch;
    expect("batch", scdb_batch_create(&batch));
    for (size_t i = 0; i < count; i++) {
        expect("batch", scdb_batch_set(batch, key_bytes(keys + i * BENCH_KEY_SIZE),
                                       scdb_bytes(value, BENCH_VALUE_SIZE), SCDB_NEVER));
    }
    expect("batch", scdb_batch_write(store, batch));
    scdb_batch_destroy(batch);
}

static bool get_scdb(void *store, const char *key, char *into)
{
    struct scdb_view view;
    enum scdb_status status = scdb_borrow(store, key_bytes(key), &view);
    if (status == SCDB_NOT_FOUND) {
        return false;
    }
    expect("get", status);
    memcpy(into, view.value.data, BENCH_VALUE_SIZE);
    scdb_release(&view);
    return true;
}

static void set_scdb(void *store, const char *key, const char *value)
{
    expect("set", scdb_set(store, key_bytes(key), scdb_bytes(value, BENCH_VALUE_SIZE), SCDB_NEVER));
}

static void remove_scdb(void *store, const char *key)
{
    expect("delete", scdb_delete(store, key_bytes(key)));
}

static void count_key(void *context, const struct scdb_key *key)
{
    uint64_t *count = context;
    *count += key->key.size == BENCH_KEY_SIZE;
}

static uint64_t scan_scdb(void *store)
{
    uint64_t cursor = 0;
    uint64_t count = 0;
    do {
        expect("scan", scdb_scan(store, &cursor, SCAN_STEP, count_key, &count));
    } while (cursor != 0);
    return count;
}

static void clear_scdb(void *store)
{
    expect("clear", scdb_clear(store));
}

static void compact_scdb(void *store)
{
    expect("compact", scdb_compact(store, NULL));
}

static void close_scdb(void *store)
{
    expect("close", scdb_close(store));
}

const struct bench_store bench_store_scdb = {
    .name = "scdb",
    .open = open_scdb,
    .load = load_scdb,
    .get = get_scdb,
    .set = set_scdb,
    .remove = remove_scdb,
    .scan = scan_scdb,
    .clear = clear_scdb,
    .compact = compact_scdb,
    .close = close_scdb,
};
