/*
 * bench_store_rocksdb.c - RocksDB for bench_stores.c: its log on, no sync, else its defaults, but
 * for what helps it here: a bloom filter of 10 bits a key and a block cache of 512 MiB. Values
 * don't compress, so compression is off.
 */
#include "bench/bench_store.h"

#include <rocksdb/c.h>
#include <string.h>

#define CACHE_SIZE     ((size_t)512 << 20)
#define BITS_PER_KEY   10
#define NO_COMPRESSION rocksdb_no_compression

struct rocks {
    rocksdb_t *db;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
};

static void expect(const char *call, const char *error)
{
    if (error != NULL) {
        bench_fail("rocksdb", call, error);
    }
}

static void *open_rocks(const char *directory)
{
    static struct rocks only;
    struct rocks *rocks = &only;
    rocks->cache = rocksdb_cache_create_lru(CACHE_SIZE);
    rocks->table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(rocks->table, rocks->cache);
    rocksdb_block_based_options_set_filter_policy(
        rocks->table, rocksdb_filterpolicy_create_bloom_full(BITS_PER_KEY));
    rocks->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(rocks->options, 1);
    rocksdb_options_set_compression(rocks->options, NO_COMPRESSION);
    rocksdb_options_set_block_based_table_factory(rocks->options, rocks->table);
    rocks->read = rocksdb_readoptions_create();
    rocks->write = rocksdb_writeoptions_create();
    char *error = NULL;
    rocks->db = rocksdb_open(rocks->options, directory, &error);
    expect("open", error);
    return rocks;
}

static void load_rocks(void *store, const char *keys, size_t count, const char *value)
{
    struct rocks *rocks = store;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < count; i++) {
        rocksdb_writebatch_put(batch, keys + i * BENCH_KEY_SIZE, BENCH_KEY_SIZE, value,
                               BENCH_VALUE_SIZE);
    }
    char *error = NULL;
    rocksdb_write(rocks->db, rocks->write, batch, &error);
    expect("batch", error);
    rocksdb_writebatch_destroy(batch);
}

static bool get_rocks(void *store, const char *key, char *into)
{
    struct rocks *rocks = store;
    char *error = NULL;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned(rocks->db, rocks->read, key, BENCH_KEY_SIZE, &error);
    expect("get", error);
    if (slice == NULL) {
        return false;
    }
    size_t size;
    memcpy(into, rocksdb_pinnableslice_value(slice, &size), BENCH_VALUE_SIZE);
    rocksdb_pinnableslice_destroy(slice);
    return true;
}

static void set_rocks(void *store, const char *key, const char *value)
{
    struct rocks *rocks = store;
    char *error = NULL;
    rocksdb_put(rocks->db, rocks->write, key, BENCH_KEY_SIZE, value, BENCH_VALUE_SIZE, &error);
    expect("set", error);
}

static void remove_rocks(void *store, const char *key)
{
    struct rocks *rocks = store;
    char *error = NULL;
    rocksdb_delete(rocks->db, rocks->write, key, BENCH_KEY_SIZE, &error);
    expect("delete", error);
}

static uint64_t scan_rocks(void *store)
{
    struct rocks *rocks = store;
    uint64_t count = 0;
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(rocks->db, rocks->read);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        size_t size;
        (void)rocksdb_iter_key(iterator, &size);
        count += size == BENCH_KEY_SIZE;
    }
    rocksdb_iter_destroy(iterator);
    return count;
}

static void clear_rocks(void *store)
{
    struct rocks *rocks = store;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    /* From the first byte string to one behind each of our keys. */
    rocksdb_writebatch_delete_range(batch, "", 0, "\xff", 1);
    char *error = NULL;
    rocksdb_write(rocks->db, rocks->write, batch, &error);
    expect("clear", error);
    rocksdb_writebatch_destroy(batch);
}

static void compact_rocks(void *store)
{
    struct rocks *rocks = store;
    rocksdb_compact_range(rocks->db, NULL, 0, NULL, 0);
}

static void close_rocks(void *store)
{
    struct rocks *rocks = store;
    rocksdb_close(rocks->db);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_writeoptions_destroy(rocks->write);
    rocksdb_options_destroy(rocks->options);
    rocksdb_block_based_options_destroy(rocks->table);
    rocksdb_cache_destroy(rocks->cache);
}

const struct bench_store bench_store_rocksdb = {
    .name = "rocksdb",
    .open = open_rocks,
    .load = load_rocks,
    .get = get_rocks,
    .set = set_rocks,
    .remove = remove_rocks,
    .scan = scan_rocks,
    .clear = clear_rocks,
    .compact = compact_rocks,
    .close = close_rocks,
};
