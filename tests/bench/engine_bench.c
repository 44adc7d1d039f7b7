/*
 * engine_bench.c - what a put, a find and opening a store cost, by the number of keys.
 *
 *     build/tests/bench/engine_bench [keys, default 1000000]
 *
 * Values of 100 bytes; 64 commands for each hold of the lock and each write of the log, as a worker
 * with a pipeline of 64 does. One thread, everything in the page cache, nothing synced.
 */
#include "engine/engine.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "support/test_directory.h"
#include "support/test_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64
#define FINDS 1000000

static struct engine *engine;
static struct file_system *fs;

static void open_store(const char *path)
{
    struct error error = {""};
    CHECK(file_posix_open_directory(path, &fs, &error) == STATUS_OK);
    struct engine_options options = {
        .fs = fs, .database_count = 1, .sync_policy = SYNC_NO, .random_seed = 1};
    if (engine_open(&options, &engine, &error) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        exit(EXIT_FAILURE);
    }
}

static void close_store(void)
{
    CHECK(engine_close(engine) == STATUS_OK);
    fs_close(fs);
}

static struct slice key_of(uint64_t i, char *into)
{
    int size = snprintf(into, 32, "key:%012llu", (unsigned long long)i);
    return slice_make(into, (size_t)size);
}

/* "RssAnon: 123 kB" and the like. */
static long rss_kib(const char *field)
{
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    char line[128];
    long kib = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            kib = strtol(line + strlen(field) + 1, NULL, 10);
        }
    }
    (void)fclose(file);
    return kib;
}

static void put_range(uint64_t first, uint64_t end)
{
    char name[32];
    char bytes[100];
    memset(bytes, 'v', sizeof(bytes));
    struct slice part = slice_make(bytes, sizeof(bytes));
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    for (uint64_t i = first; i < end; i += BATCH) {
        engine_lock(engine);
        struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
        engine_rest_begin_locked(engine);
        for (uint64_t k = i; k < i + BATCH && k < end; k++) {
            CHECK(engine_put_locked(engine, keyspace, key_of(k, name), &value) == STATUS_OK);
        }
        uint64_t position = engine_rest_end_locked(engine);
        engine_unlock(engine);
        CHECK(engine_write(engine, position) == STATUS_OK);
    }
}

/* `stage` 1: the batch is prefetched first, as workers do. */
static double find_some(uint64_t keys, bool prefetch)
{
    char names[BATCH][32];
    struct slice slices[BATCH];
    struct test_random random;
    test_random_init(&random, 7);
    int64_t spent_us = 0;
    for (uint64_t i = 0; i < FINDS; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) {
            slices[k] = key_of(test_random_below(&random, keys), names[k]);
        }
        int64_t started_us = clock_monotonic_us();
        engine_lock(engine);
        struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
        for (int stage = 0; prefetch && stage < 2; stage++) {
            for (unsigned k = 0; k < BATCH; k++) {
                engine_prefetch_locked(engine, keyspace, slices[k], stage);
            }
        }
        for (unsigned k = 0; k < BATCH; k++) {
            struct entry entry;
            CHECK(engine_find_locked(engine, keyspace, slices[k], &entry) == STATUS_OK);
            CHECK(engine_verify_locked(engine, &entry, 0, SIZE_MAX) == STATUS_OK);
        }
        engine_unlock(engine);
        spent_us += clock_monotonic_us() - started_us;
    }
    return (double)spent_us * 1000 / FINDS;
}

int main(int argc, char **argv)
{
    log_set_level(LOG_WARNING_LEVEL);
    uint64_t most = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct test_directory directory = {0};
    test_directory_create(&directory);
    open_store(directory.path);
    long empty_kib = rss_kib("RssAnon:");
    uint64_t keys = 0;
    (void)printf("%12s %10s %10s %10s %10s %12s\n", "keys", "put ns", "put again", "find ns",
                 "prefetched", "bytes/key");
    for (uint64_t wanted = most / 100; wanted <= most; wanted *= 10) {
        int64_t started_us = clock_monotonic_us();
        put_range(keys, wanted);
        double put_ns =
            (double)(clock_monotonic_us() - started_us) * 1000 / (double)(wanted - keys);
        keys = wanted;
        started_us = clock_monotonic_us();
        uint64_t again = most / 100;
        put_range(0, again);
        double again_ns = (double)(clock_monotonic_us() - started_us) * 1000 / (double)again;
        double find_ns = find_some(keys, false);
        double prefetched_ns = find_some(keys, true);
        double bytes = (double)(rss_kib("RssAnon:") - empty_kib) * 1024 / (double)keys;
        (void)printf("%12llu %10.0f %10.0f %10.0f %10.0f %12.1f\n", (unsigned long long)keys,
                     put_ns, again_ns, find_ns, prefetched_ns, bytes);
    }
    struct compaction_result result;
    int64_t started_us = clock_monotonic_us();
    CHECK(engine_compact(engine, &result) == STATUS_OK);
    (void)printf("compact: %.0f ms, reclaimed %llu bytes\n",
                 (double)(clock_monotonic_us() - started_us) / 1000,
                 (unsigned long long)result.reclaimed_bytes);
    close_store();
    started_us = clock_monotonic_us();
    open_store(directory.path);
    (void)printf("open: %.0f ms, %.1f bytes/key\n",
                 (double)(clock_monotonic_us() - started_us) / 1000,
                 (double)(rss_kib("RssAnon:") - empty_kib) * 1024 / (double)keys);
    close_store();
    test_directory_destroy(&directory);
    return EXIT_SUCCESS;
}
