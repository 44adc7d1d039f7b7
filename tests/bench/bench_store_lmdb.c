/*
 * bench_store_lmdb.c - LMDB for bench_stores.c, its durability off: MDB_NOSYNC | MDB_WRITEMAP.
 *
 * A set or delete is a transaction of its own, as it is with the others. A get begins a read
 * transaction anew (mdb_txn_renew), so that it sees what was written before it.
 */
#include "bench/bench_store.h"

#include <lmdb.h>
#include <string.h>

#define MAP_SIZE ((size_t)16 << 30)
#define MODE     0600

struct lmdb {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reader; /* reset between gets */
};

static void expect(const char *call, int code)
{
    if (code != MDB_SUCCESS) {
        bench_fail("lmdb", call, mdb_strerror(code));
    }
}

static MDB_val value_of(const char *bytes, size_t size)
{
    /* LMDB's type has no const; it does not write through it. */
    MDB_val value = {.mv_size = size};
    memcpy(&value.mv_data, &bytes, sizeof(bytes));
    return value;
}

static MDB_txn *begin_write(struct lmdb *lmdb)
{
    MDB_txn *txn;
    expect("begin", mdb_txn_begin(lmdb->env, NULL, 0, &txn));
    return txn;
}

static void *open_lmdb(const char *directory)
{
    static struct lmdb only;
    struct lmdb *lmdb = &only;
    expect("open", mdb_env_create(&lmdb->env));
    expect("open", mdb_env_set_mapsize(lmdb->env, MAP_SIZE));
    expect("open", mdb_env_open(lmdb->env, directory, MDB_NOSYNC | MDB_WRITEMAP, MODE));
    MDB_txn *txn = begin_write(lmdb);
    expect("open", mdb_dbi_open(txn, NULL, 0, &lmdb->dbi));
    expect("open", mdb_txn_commit(txn));
    expect("open", mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &lmdb->reader));
    mdb_txn_reset(lmdb->reader);
    return lmdb;
}

static void put(struct lmdb *lmdb, MDB_txn *txn, const char *key, const char *value)
{
    MDB_val key_value = value_of(key, BENCH_KEY_SIZE);
    MDB_val data = value_of(value, BENCH_VALUE_SIZE);
    expect("put", mdb_put(txn, lmdb->dbi, &key_value, &data, 0));
}

static void load_lmdb(void *store, const char *keys, size_t count, const char *value)
{
    MDB_txn *txn = begin_write(store);
    for (size_t i = 0; i < count; i++) {
        put(store, txn, keys + i * BENCH_KEY_SIZE, value);
    }
    expect("commit", mdb_txn_commit(txn));
}

static bool get_lmdb(void *store, const char *key, char *into)
{
    struct lmdb *lmdb = store;
    MDB_val key_value = value_of(key, BENCH_KEY_SIZE);
    MDB_val data;
    expect("renew", mdb_txn_renew(lmdb->reader));
    int code = mdb_get(lmdb->reader, lmdb->dbi, &key_value, &data);
    if (code == MDB_SUCCESS) {
        memcpy(into, data.mv_data, BENCH_VALUE_SIZE);
    } else if (code != MDB_NOTFOUND) {
        expect("get", code);
    }
    mdb_txn_reset(lmdb->reader);
    return code == MDB_SUCCESS;
}

static void set_lmdb(void *store, const char *key, const char *value)
{
    MDB_txn *txn = begin_write(store);
    put(store, txn, key, value);
    expect("commit", mdb_txn_commit(txn));
}

static void remove_lmdb(void *store, const char *key)
{
    struct lmdb *lmdb = store;
    MDB_val key_value = value_of(key, BENCH_KEY_SIZE);
    MDB_txn *txn = begin_write(lmdb);
    expect("delete", mdb_del(txn, lmdb->dbi, &key_value, NULL));
    expect("commit", mdb_txn_commit(txn));
}

static uint64_t scan_lmdb(void *store)
{
    struct lmdb *lmdb = store;
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val data;
    uint64_t count = 0;
    expect("renew", mdb_txn_renew(lmdb->reader));
    expect("scan", mdb_cursor_open(lmdb->reader, lmdb->dbi, &cursor));
    while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == MDB_SUCCESS) {
        count += key.mv_size == BENCH_KEY_SIZE;
    }
    mdb_cursor_close(cursor);
    mdb_txn_reset(lmdb->reader);
    return count;
}

static void clear_lmdb(void *store)
{
    struct lmdb *lmdb = store;
    MDB_txn *txn = begin_write(lmdb);
    expect("clear", mdb_drop(txn, lmdb->dbi, 0));
    expect("commit", mdb_txn_commit(txn));
}

static void close_lmdb(void *store)
{
    struct lmdb *lmdb = store;
    mdb_txn_abort(lmdb->reader);
    mdb_env_close(lmdb->env);
}

const struct bench_store bench_store_lmdb = {
    .name = "lmdb",
    .open = open_lmdb,
    .load = load_lmdb,
    .get = get_lmdb,
    .set = set_lmdb,
    .remove = remove_lmdb,
    .scan = scan_lmdb,
    .clear = clear_lmdb,
    .close = close_lmdb,
};
