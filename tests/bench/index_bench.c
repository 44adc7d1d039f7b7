/*
 * index_bench.c - what the index costs: nanoseconds for each operation, bytes for each key.
 *
 *     index_bench              times and memory at 10k, 100k, 1M and 10M keys
 *     index_bench sweep        bytes for each key at every size up to 10M, mean and worst
 *
 * Bytes are counted twice: as the index accounts for them, and as the kernel does (RssAnon). Seed
 * fixed: numbers of two runs may be compared.
 */
#include "base/check.h"
#include "base/clock.h"
#include "engine/index.h"
#include "engine/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 1000000
#define BATCH      64

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static struct index_entry entry_of(uint64_t key, int64_t expiry_ms)
{
    return (struct index_entry){
        .hash = index_hash_of(mix(key * 0x9e3779b97f4a7c15u)),
        .address = {.units = key + 1},
        .expiry_ms = expiry_ms,
    };
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    char line[256];
    unsigned long long kib = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %llu", &kib) == 1) {
            break;
        }
    }
    (void)fclose(file);
    return kib * 1024;
}

static bool match_address(void *context, struct record_address address)
{
    const uint64_t *wanted = context;
    return address.units == *wanted;
}

/* The longest that one insert took while an index grew: a step of growth, or the machine's noise.
 */
static void print_longest(uint64_t keys)
{
    struct index_budget budget = {0};
    struct index *index;
    CHECK(index_create(&budget, &index) == STATUS_OK);
    int64_t longest_us = 0;
    uint64_t over_50_us = 0;
    for (uint64_t key = 0; key < keys; key++) {
        struct index_entry entry = entry_of(key, EXPIRY_NONE);
        int64_t start_us = clock_monotonic_us();
        CHECK(index_insert(index, &entry) == STATUS_OK);
        int64_t took_us = clock_monotonic_us() - start_us;
        longest_us = took_us > longest_us ? took_us : longest_us;
        over_50_us += took_us > 50;
    }
    printf("longest of %llu inserts: %lld us, %llu over 50 us\n", (unsigned long long)keys,
           (long long)longest_us, (unsigned long long)over_50_us);
    index_destroy(index);
}

static void fill(struct index *index, uint64_t from, uint64_t to, int64_t expiry_ms)
{
    for (uint64_t key = from; key < to; key++) {
        struct index_entry entry = entry_of(key, expiry_ms);
        CHECK(index_insert(index, &entry) == STATUS_OK);
    }
}

static void empty(struct index *index, uint64_t from, uint64_t to)
{
    for (uint64_t key = from; key < to; key++) {
        struct index_entry entry = entry_of(key, EXPIRY_NONE);
        CHECK(index_remove(index, entry.hash, entry.address));
    }
}

static double ns_each(int64_t start_us, uint64_t count)
{
    return (double)(clock_monotonic_us() - start_us) * 1000.0 / (double)count;
}

/* --- times ----------------------------------------------------------------------------------- */

static double time_finds(const struct index *index, uint64_t keys, bool prefetch)
{
    int64_t start_us = clock_monotonic_us();
    uint64_t state = 1;
    for (int done = 0; done < OPERATIONS; done += BATCH) {
        struct index_entry wanted[BATCH];
        for (int i = 0; i < BATCH; i++) {
            state = mix(state + 0x9e3779b97f4a7c15u);
            wanted[i] = entry_of(state % keys, EXPIRY_NONE);
            if (prefetch) {
                __builtin_prefetch(index_line(index, wanted[i].hash));
            }
        }
        for (int i = 0; i < BATCH; i++) {
            struct index_entry found;
            CHECK(
                index_find(index, wanted[i].hash, match_address, &wanted[i].address.units, &found));
        }
    }
    return ns_each(start_us, OPERATIONS);
}

static double time_misses(const struct index *index)
{
    int64_t start_us = clock_monotonic_us();
    uint64_t nobody = 0;
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        struct index_hash hash = index_hash_of(mix(i * 0x9e3779b97f4a7c15u) ^ 0x5555555555555555u);
        struct index_entry found;
        CHECK(!index_find(index, hash, match_address, &nobody, &found));
    }
    return ns_each(start_us, OPERATIONS);
}

static double time_replaces(struct index *index, uint64_t keys)
{
    int64_t start_us = clock_monotonic_us();
    uint64_t state = 2;
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        state = mix(state + 0x9e3779b97f4a7c15u);
        struct index_entry entry = entry_of(state % keys, EXPIRY_NONE);
        CHECK(index_replace(index, entry.address, &entry) == STATUS_OK);
    }
    return ns_each(start_us, OPERATIONS);
}

static void measure(uint64_t keys)
{
    struct index_budget budget = {0};
    struct index *index;
    uint64_t before = resident_bytes();
    CHECK(index_create(&budget, &index) == STATUS_OK);
    int64_t start_us = clock_monotonic_us();
    fill(index, 0, keys, EXPIRY_NONE);
    double insert_ns = ns_each(start_us, keys);
    double bytes = (double)index_memory(index) / (double)keys;
    double resident = (double)(resident_bytes() - before) / (double)keys;
    double find_ns = time_finds(index, keys, false);
    double batch_ns = time_finds(index, keys, true);
    double miss_ns = time_misses(index);
    double replace_ns = time_replaces(index, keys);
    uint64_t removed = keys / 2;
    start_us = clock_monotonic_us();
    empty(index, 0, removed);
    double remove_ns = ns_each(start_us, removed);
    double half = (double)(resident_bytes() - before) / (double)(keys - removed);
    start_us = clock_monotonic_us();
    fill(index, keys, 2 * keys, 4000000000000);
    double expiring_ns = ns_each(start_us, keys);
    double expiring = (double)index_memory(index) / (double)index_count(index);
    double expiring_resident = (double)(resident_bytes() - before) / (double)index_count(index);
    start_us = clock_monotonic_us();
    struct index_entry due;
    for (int i = 0; i < 1000; i++) {
        CHECK(index_due(index, 3000000, &due, 1) == 0);
    }
    double due_ns = ns_each(start_us, 1000);
    printf("%9llu keys: insert %4.0f  find %4.0f  find prefetched by %d %4.0f  miss %4.0f  "
           "replace %4.0f  remove %4.0f  insert expiring %4.0f  nothing due %5.0f ns\n",
           (unsigned long long)keys, insert_ns, find_ns, BATCH, batch_ns, miss_ns, replace_ns,
           remove_ns, expiring_ns, due_ns);
    printf("%14s: %5.2f bytes a key (RssAnon %5.2f), half removed: RssAnon %5.2f, two thirds "
           "expiring: %5.2f (RssAnon %5.2f)\n",
           "", bytes, resident, half, expiring, expiring_resident);
    index_destroy(index);
    CHECK(budget.used_bytes == 0);
}

/* --- memory at every size -------------------------------------------------------------------- */

struct sweep {
    double worst;
    uint64_t worst_at;
    double sum;
    uint64_t samples;
};

static void note(struct sweep *sweep, uint64_t bytes, uint64_t keys)
{
    double each = (double)bytes / (double)keys;
    sweep->sum += each;
    sweep->samples++;
    if (each > sweep->worst) {
        sweep->worst = each;
        sweep->worst_at = keys;
    }
}

static void print_sweep(const char *what, const struct sweep *sweep)
{
    printf("%-24s mean %5.2f bytes a key, worst %5.2f at %llu keys\n", what,
           sweep->sum / (double)sweep->samples, sweep->worst, (unsigned long long)sweep->worst_at);
}

static void sweep_sizes(void)
{
    struct index_budget budget = {0};
    struct index *index;
    struct sweep counted = {0};
    struct sweep resident = {0};
    struct sweep removing = {0};
    struct sweep removing_resident = {0};
    uint64_t before = resident_bytes();
    CHECK(index_create(&budget, &index) == STATUS_OK);
    printf("empty: %llu bytes\n", (unsigned long long)index_memory(index));
    uint64_t keys = 0;
    while (keys < 10000000) {
        uint64_t more = keys < 1000 ? 100 : keys / 100;
        fill(index, keys, keys + more, EXPIRY_NONE);
        keys += more;
        if (keys >= 10000) {
            note(&counted, index_memory(index), keys);
            note(&resident, resident_bytes() - before, keys);
        }
        if (keys < 1000 || (keys > 950000 && keys < 1050000)) {
            printf("%8llu keys: %6.2f bytes a key\n", (unsigned long long)keys,
                   (double)index_memory(index) / (double)keys);
        }
    }
    print_sweep("growing, accounted:", &counted);
    print_sweep("growing, RssAnon:", &resident);
    for (uint64_t removed = 0; keys - removed > 100000;) {
        uint64_t more = (keys - removed) / 100;
        empty(index, removed, removed + more);
        removed += more;
        note(&removing, index_memory(index), keys - removed);
        note(&removing_resident, resident_bytes() - before, keys - removed);
    }
    print_sweep("shrinking, accounted:", &removing);
    print_sweep("shrinking, RssAnon:", &removing_resident);
    index_destroy(index);
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 1 && strcmp(arguments[1], "sweep") == 0) {
        sweep_sizes();
        return EXIT_SUCCESS;
    }
    for (uint64_t keys = 10000; keys <= 10000000; keys *= 10) {
        measure(keys);
    }
    print_longest(5000000);
    return EXIT_SUCCESS;
}
