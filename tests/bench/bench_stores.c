/*
 * bench_stores.c - the engine alone, beside LMDB and RocksDB: what one operation takes.
 *
 *     bench-stores DIRECTORY KEYS ROUNDS [STORE...]
 *
 * fills a store of each kind with KEYS keys in an order of chance, below DIRECTORY, which must be
 * there and empty; then the stores take turns, operation by operation and round by round:
 *
 *     get      a key by chance, its value copied out
 *     set      a key by chance that is there
 *     delete   keys that are there, each once
 *     insert   those again
 *     scan     all keys, for each of them
 *
 * and with at most 1,000 keys also clear (of all, filled anew before each) and compact. For each a
 * line of JSON: {"store": "scdb", "keys": 1000, "op": "get", "round": 0, "ns": 123.4, "cpu_ns":
 * 120.9}; "cpu_ns" is this thread's processor time, which a busy machine doesn't spoil as it does
 * "ns". Keys are written down before the clock starts. One thread; a store may have more of its
 * own.
 */
#include "bench/bench_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STORE_COUNT     3
#define OPERATIONS      200000
#define LOAD_BATCH      1000
#define SMALL_KEYS      1000 /* up to here clear and compact are measured, too */
#define CLEAR_COUNT     200
#define COMPACT_COUNT   20
#define PATH_SIZE       512
#define KEY_FORMAT_SIZE (BENCH_KEY_SIZE + 1)
#define KEY_LIMIT       1000000000000 /* what twelve digits name */

/* A prime above every number of keys here, so i * STRIDE % keys visits each number below it once.
 */
#define STRIDE 2654435761u

struct bench {
    uint64_t keys;
    uint64_t random;
    unsigned round;
    char *names; /* OPERATIONS keys */
    char value[BENCH_VALUE_SIZE];
    const struct bench_store *kinds[STORE_COUNT];
    void *stores[STORE_COUNT];
    unsigned store_count;
};

/* Time that has passed, and this thread's processor time. */
struct span {
    double ns;
    double cpu_ns;
};

static const struct bench_store *const all_kinds[STORE_COUNT] = {
    &bench_store_scdb, &bench_store_lmdb, &bench_store_rocksdb};

_Noreturn void bench_fail(const char *store, const char *call, const char *why)
{
    (void)fprintf(stderr, "%s: %s: %s\n", store, call, why);
    exit(EXIT_FAILURE);
}

static double clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct span span_now(void)
{
    return (struct span){.ns = clock_ns(CLOCK_MONOTONIC),
                         .cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

/* Adds what has passed since `begin`, a span_now(). */
static void span_add(struct span *sum, struct span begin)
{
    struct span now = span_now();
    sum->ns += now.ns - begin.ns;
    sum->cpu_ns += now.cpu_ns - begin.cpu_ns;
}

static uint64_t next_random(struct bench *bench)
{
    uint64_t x = bench->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    bench->random = x;
    return x;
}

static void write_name(char *into, uint64_t number)
{
    char text[KEY_FORMAT_SIZE];
    (void)snprintf(text, sizeof(text), "key:%012llu", (unsigned long long)(number % KEY_LIMIT));
    memcpy(into, text, BENCH_KEY_SIZE);
}

/* Values that differ from each other and that nothing compresses. */
static void change_value(struct bench *bench)
{
    for (size_t i = 0; i < BENCH_VALUE_SIZE; i++) {
        bench->value[i] = (char)(next_random(bench) >> 32);
    }
}

static void name_by_chance(struct bench *bench, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        write_name(bench->names + i * BENCH_KEY_SIZE, next_random(bench) % bench->keys);
    }
}

/* Keys that differ, from somewhere in an order of chance. */
static void name_each_once(struct bench *bench, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = (first + i) % bench->keys * STRIDE % bench->keys;
        write_name(bench->names + i * BENCH_KEY_SIZE, number);
    }
}

/* What a span has taken for each of `count` operations. */
static void report(const struct bench *bench, unsigned which, const char *operation,
                   struct span span, uint64_t count)
{
    (void)printf("{\"store\": \"%s\", \"keys\": %llu, \"op\": \"%s\", \"round\": %u, "
                 "\"ns\": %.1f, \"cpu_ns\": %.1f}\n",
                 bench->kinds[which]->name, (unsigned long long)bench->keys, operation,
                 bench->round, span.ns / (double)count, span.cpu_ns / (double)count);
    (void)fflush(stdout);
}

static void fill(struct bench *bench, unsigned which)
{
    for (uint64_t first = 0; first < bench->keys; first += LOAD_BATCH) {
        uint64_t left = bench->keys - first;
        size_t count = left < LOAD_BATCH ? (size_t)left : LOAD_BATCH;
        name_each_once(bench, first, count);
        change_value(bench);
        bench->kinds[which]->load(bench->stores[which], bench->names, count, bench->value);
    }
}

static void time_get(struct bench *bench, unsigned which)
{
    const struct bench_store *kind = bench->kinds[which];
    char value[BENCH_VALUE_SIZE];
    uint64_t found = 0;
    struct span spent = {0};
    struct span begin = span_now();
    for (size_t i = 0; i < OPERATIONS; i++) {
        found += kind->get(bench->stores[which], bench->names + i * BENCH_KEY_SIZE, value);
    }
    span_add(&spent, begin);
    if (found != OPERATIONS) {
        bench_fail(kind->name, "get", "a key is not there");
    }
    report(bench, which, "get", spent, OPERATIONS);
}

static void time_set(struct bench *bench, unsigned which)
{
    const struct bench_store *kind = bench->kinds[which];
    struct span spent = {0};
    struct span begin = span_now();
    for (size_t i = 0; i < OPERATIONS; i++) {
        kind->set(bench->stores[which], bench->names + i * BENCH_KEY_SIZE, bench->value);
    }
    span_add(&spent, begin);
    report(bench, which, "set", spent, OPERATIONS);
}

/* Deletes and sets the keys again, as often as it takes to have enough of both to measure. */
static void time_delete_and_insert(struct bench *bench, unsigned which)
{
    const struct bench_store *kind = bench->kinds[which];
    size_t count = bench->keys < OPERATIONS ? (size_t)bench->keys : OPERATIONS;
    size_t repeats = (OPERATIONS / 2 + count - 1) / count;
    struct span deleting = {0};
    struct span inserting = {0};
    for (size_t repeat = 0; repeat < repeats; repeat++) {
        struct span begin = span_now();
        for (size_t i = 0; i < count; i++) {
            kind->remove(bench->stores[which], bench->names + i * BENCH_KEY_SIZE);
        }
        span_add(&deleting, begin);
        begin = span_now();
        for (size_t i = 0; i < count; i++) {
            kind->set(bench->stores[which], bench->names + i * BENCH_KEY_SIZE, bench->value);
        }
        span_add(&inserting, begin);
    }
    report(bench, which, "delete", deleting, repeats * count);
    report(bench, which, "insert", inserting, repeats * count);
}

static void time_scan(struct bench *bench, unsigned which)
{
    uint64_t repeats = OPERATIONS / bench->keys + 1;
    uint64_t visited = 0;
    struct span spent = {0};
    struct span begin = span_now();
    for (uint64_t i = 0; i < repeats; i++) {
        visited += bench->kinds[which]->scan(bench->stores[which]);
    }
    span_add(&spent, begin);
    if (visited != repeats * bench->keys) {
        bench_fail(bench->kinds[which]->name, "scan", "it has not visited each key once");
    }
    report(bench, which, "scan", spent, visited);
}

static void time_clear(struct bench *bench, unsigned which)
{
    struct span spent = {0};
    for (unsigned i = 0; i < CLEAR_COUNT; i++) {
        struct span begin = span_now();
        bench->kinds[which]->clear(bench->stores[which]);
        span_add(&spent, begin);
        fill(bench, which);
    }
    report(bench, which, "clear", spent, CLEAR_COUNT);
}

static void time_compact(struct bench *bench, unsigned which)
{
    if (bench->kinds[which]->compact == NULL) {
        return;
    }
    struct span spent = {0};
    for (unsigned i = 0; i < COMPACT_COUNT; i++) {
        fill(bench, which);
        struct span begin = span_now();
        bench->kinds[which]->compact(bench->stores[which]);
        span_add(&spent, begin);
    }
    report(bench, which, "compact", spent, COMPACT_COUNT);
}

/* Each operation of all stores before the next; the same keys for all, the first store in turn. */
static void each_store(struct bench *bench, void (*measure)(struct bench *, unsigned))
{
    for (unsigned i = 0; i < bench->store_count; i++) {
        measure(bench, (i + bench->round) % bench->store_count);
    }
}

static void measure_round(struct bench *bench)
{
    change_value(bench);
    name_by_chance(bench, OPERATIONS);
    each_store(bench, time_get);
    name_by_chance(bench, OPERATIONS);
    each_store(bench, time_set);
    size_t count = bench->keys < OPERATIONS ? (size_t)bench->keys : OPERATIONS;
    name_each_once(bench, next_random(bench) % bench->keys, count);
    each_store(bench, time_delete_and_insert);
    each_store(bench, time_scan);
    if (bench->keys <= SMALL_KEYS) {
        each_store(bench, time_clear);
        each_store(bench, time_compact);
    }
}

static void open_stores(struct bench *bench, const char *directory)
{
    for (unsigned which = 0; which < bench->store_count; which++) {
        char path[PATH_SIZE];
        int size = snprintf(path, sizeof(path), "%s/%s", directory, bench->kinds[which]->name);
        if (size < 0 || (size_t)size >= sizeof(path)) {
            bench_fail(bench->kinds[which]->name, "mkdir", "the directory's path is too long");
        }
        if (mkdir(path, S_IRWXU) != 0) {
            bench_fail(bench->kinds[which]->name, path, strerror(errno));
        }
        bench->stores[which] = bench->kinds[which]->open(path);
        fill(bench, which);
    }
}

static void pick_stores(struct bench *bench, int count, char **names)
{
    for (unsigned kind = 0; kind < STORE_COUNT; kind++) {
        bool wanted = count == 0;
        for (int i = 0; i < count; i++) {
            wanted = wanted || strcmp(names[i], all_kinds[kind]->name) == 0;
        }
        if (wanted) {
            bench->kinds[bench->store_count++] = all_kinds[kind];
        }
    }
}

int main(int count, char **arguments)
{
    struct bench bench = {.random = 0x9e3779b97f4a7c15u};
    bench.keys = count > 3 ? strtoull(arguments[2], NULL, 10) : 0;
    unsigned long rounds = count > 3 ? strtoul(arguments[3], NULL, 10) : 0;
    if (bench.keys == 0 || bench.keys > KEY_LIMIT || rounds == 0) {
        (void)fprintf(stderr, "usage: bench-stores DIRECTORY KEYS ROUNDS [scdb|lmdb|rocksdb...]\n");
        return EXIT_FAILURE;
    }
    pick_stores(&bench, count - 4, arguments + 4);
    bench.names = malloc((size_t)OPERATIONS * BENCH_KEY_SIZE);
    if (bench.names == NULL) {
        bench_fail("bench-stores", "malloc", "no memory");
    }
    open_stores(&bench, arguments[1]);
    for (; bench.round < rounds; bench.round++) {
        measure_round(&bench);
    }
    for (unsigned which = 0; which < bench.store_count; which++) {
        bench.kinds[which]->close(bench.stores[which]);
    }
    free(bench.names);
    return EXIT_SUCCESS;
}
