/*
 * bench_store.h - one store as bench_stores.c sees it: scdb, LMDB or RocksDB through its own
 * library, as a program would use it. Keys have 16 bytes, values 100.
 *
 * A call that fails ends the program with a line on stderr: there is no measuring on from there.
 * One thread. A store belongs to whoever opened it, until close().
 */
#ifndef SCDB_TESTS_BENCH_BENCH_STORE_H
#define SCDB_TESTS_BENCH_BENCH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_KEY_SIZE   16
#define BENCH_VALUE_SIZE 100

struct bench_store {
    const char *name;

    /* Makes an empty store in an empty directory. One of each kind is open at a time. */
    void *(*open)(const char *directory);

    /* Sets `count` keys, whose bytes follow each other in `keys`, in one batch, to `value`. */
    void (*load)(void *store, const char *keys, size_t count, const char *value);

    /* Copies the key's value to `into`; whether the key was there. */
    bool (*get)(void *store, const char *key, char *into);

    /* Sets one key. On return the operating system has the bytes; nothing was synced. */
    void (*set)(void *store, const char *key, const char *value);

    /* Deletes one key that is there. */
    void (*remove)(void *store, const char *key);

    /* Visits each key once; their number. */
    uint64_t (*scan)(void *store);

    /* Deletes all keys. */
    void (*clear)(void *store);

    /* Gives back the room of what was overwritten and waits for it; NULL = has no such thing. */
    void (*compact)(void *store);

    void (*close)(void *store);
};

extern const struct bench_store bench_store_scdb;
extern const struct bench_store bench_store_lmdb;
extern const struct bench_store bench_store_rocksdb;

/* Ends the program: "STORE: CALL: WHY". */
_Noreturn void bench_fail(const char *store, const char *call, const char *why);

#endif
