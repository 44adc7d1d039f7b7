/*
 * eviction.h - which keys have to go when the data set is larger than `maxmemory`.
 *
 * What is bounded is the live data: the bytes of all records that keys have. The files, which also
 * hold what is dead and not compacted yet, follow from it; memory does not, as it holds no data.
 *
 * As in Redis no list of all keys is kept in order. A few are looked at (`maxmemory-samples`), and
 * the worst of them goes: with an LRU or LFU policy the one with the lowest clock (see
 * engine/sample.h), with volatile-ttl the one that expires first, with a random policy whichever
 * comes. Clocks sink when the lowest of a sample is not 0 yet: so they count in a measure that fits
 * the load by itself, and about one key in a sample is ready to go. That is the CLOCK of operating
 * systems, with counts, looking at a sample at each step.
 *
 * Threads: all functions want the execution lock, but eviction_init and the pure ones.
 */
#ifndef SCDB_KEYSPACE_EVICTION_H
#define SCDB_KEYSPACE_EVICTION_H

#include "engine/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyspace;

/* In the order in which Redis lists them. */
enum eviction_policy {
    EVICT_VOLATILE_LRU,
    EVICT_VOLATILE_LFU,
    EVICT_VOLATILE_RANDOM,
    EVICT_VOLATILE_TTL,
    EVICT_ALLKEYS_LRU,
    EVICT_ALLKEYS_LFU,
    EVICT_ALLKEYS_RANDOM,
    EVICT_NOTHING
};

/* The word for it in the configuration; a static string. */
const char *eviction_policy_name(enum eviction_policy policy);

/* What using a key does to its clock. */
enum engine_access eviction_access(enum eviction_policy policy);

struct eviction {
    uint64_t limit_bytes; /* 0 = none */
    enum eviction_policy policy;
    unsigned samples;          /* keys to choose from; no more than ENGINE_SAMPLES_MAX are taken */
    unsigned frequency_factor; /* lfu-log-factor */
    uint64_t evicted_keys;     /* INFO's */
};

/* No limit, noeviction, five samples. */
void eviction_init(struct eviction *eviction);

enum eviction_outcome {
    EVICTION_DONE,    /* there is room */
    EVICTION_PENDING, /* not yet, but keys did go or may go: call again */
    EVICTION_FAILED,  /* there is none, and no key may go */
    EVICTION_STUCK /* there is none, and the store can't delete: the disk is full, it is read-only;
                      the command that wants room fails for the same reason */
};

/* Evicts until the data set is within its limit, but no more than `count_max` keys: some
 * microseconds each, and more for one whose record has to come from the disk. Each goes with a
 * tombstone, as if it had been deleted, and those who watch or observe it are told. */
enum eviction_outcome eviction_run(struct keyspace *keyspace, unsigned count_max);

/* Which of the samples has to go (`count` > 0). */
size_t eviction_choose(enum eviction_policy policy, const struct engine_sample *samples,
                       size_t count);

#endif
