/* eviction.c - see eviction.h. */
#include "keyspace/eviction.h"

#include "base/check.h"
#include "keyspace/keyspace.h"

/* Samples in a row of which none can go, before the caller has to try again: a store whose records
 * can't be read is no reason to hold the lock. */
#define FRUITLESS_MAX 16

void eviction_init(struct eviction *eviction)
{
    *eviction = (struct eviction){.policy = EVICT_NOTHING, .samples = 5, .frequency_factor = 10};
}

const char *eviction_policy_name(enum eviction_policy policy)
{
    static const char *const names[] = {
        [EVICT_VOLATILE_LRU] = "volatile-lru",       [EVICT_VOLATILE_LFU] = "volatile-lfu",
        [EVICT_VOLATILE_RANDOM] = "volatile-random", [EVICT_VOLATILE_TTL] = "volatile-ttl",
        [EVICT_ALLKEYS_LRU] = "allkeys-lru",         [EVICT_ALLKEYS_LFU] = "allkeys-lfu",
        [EVICT_ALLKEYS_RANDOM] = "allkeys-random",   [EVICT_NOTHING] = "noeviction",
    };
    CHECK((size_t)policy < sizeof(names) / sizeof(names[0]));
    return names[policy];
}

enum engine_access eviction_access(enum eviction_policy policy)
{
    static const enum engine_access accesses[] = {
        [EVICT_VOLATILE_LRU] = ACCESS_RECENCY,      [EVICT_VOLATILE_LFU] = ACCESS_FREQUENCY,
        [EVICT_VOLATILE_RANDOM] = ACCESS_NOT_NOTED, [EVICT_VOLATILE_TTL] = ACCESS_NOT_NOTED,
        [EVICT_ALLKEYS_LRU] = ACCESS_RECENCY,       [EVICT_ALLKEYS_LFU] = ACCESS_FREQUENCY,
        [EVICT_ALLKEYS_RANDOM] = ACCESS_NOT_NOTED,  [EVICT_NOTHING] = ACCESS_NOT_NOTED,
    };
    return accesses[policy];
}

static bool spares_lasting_keys(enum eviction_policy policy)
{
    return policy < EVICT_ALLKEYS_LRU;
}

static bool uses_clocks(enum eviction_policy policy)
{
    return eviction_access(policy) != ACCESS_NOT_NOTED;
}

static bool is_worse(enum eviction_policy policy, const struct index_entry *one,
                     const struct index_entry *other)
{
    if (policy == EVICT_VOLATILE_TTL) {
        return one->expiry_ms < other->expiry_ms;
    }
    return uses_clocks(policy) && one->clock < other->clock;
}

size_t eviction_choose(enum eviction_policy policy, const struct engine_sample *samples,
                       size_t count)
{
    size_t worst = 0;
    for (size_t i = 1; i < count; i++) {
        if (is_worse(policy, &samples[i].slot, &samples[worst].slot)) {
            worst = i;
        }
    }
    return worst;
}

/* How many samples the policy has a use for. */
static size_t sample_count(const struct eviction *eviction)
{
    bool by_chance =
        eviction->policy == EVICT_VOLATILE_RANDOM || eviction->policy == EVICT_ALLKEYS_RANDOM;
    size_t wanted = by_chance ? 1 : eviction->samples;
    return wanted < ENGINE_SAMPLES_MAX ? wanted : ENGINE_SAMPLES_MAX;
}

/* Evicts one key. Statuses: OK; NOT_FOUND, no sample could go, but another may; otherwise those of
 * deleting. */
static enum status evict_one(struct keyspace *keyspace, struct eviction *eviction)
{
    struct engine *engine = keyspace_engine(keyspace);
    struct engine_sample samples[ENGINE_SAMPLES_MAX];
    struct index_sampling sampling = {.count = sample_count(eviction),
                                      .expiring_only = spares_lasting_keys(eviction->policy)};
    size_t count = engine_sample_locked(engine, &sampling, samples);
    if (count == 0) {
        return STATUS_NOT_FOUND;
    }
    const struct engine_sample *victim =
        &samples[eviction_choose(eviction->policy, samples, count)];
    if (uses_clocks(eviction->policy) && victim->slot.clock > 0) {
        engine_age_samples_locked(engine, samples, count);
    }
    struct slice key;
    if (engine_sampled_key_locked(engine, victim, &key) != STATUS_OK) {
        return STATUS_NOT_FOUND; /* logged */
    }
    enum status status = keyspace_evict(keyspace, victim->database, key);
    if (status == STATUS_OK) {
        eviction->evicted_keys++;
    }
    /* A key that has expired is gone by having been looked at. */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum eviction_outcome eviction_run(struct keyspace *keyspace, unsigned count_max)
{
    struct eviction *eviction = keyspace_eviction(keyspace);
    struct engine *engine = keyspace_engine(keyspace);
    unsigned count = 0;
    unsigned fruitless = 0;
    while (eviction->limit_bytes > 0 && engine_live_bytes_locked(engine) > eviction->limit_bytes) {
        if (eviction->policy == EVICT_NOTHING ||
            !engine_has_samples_locked(engine, spares_lasting_keys(eviction->policy))) {
            return EVICTION_FAILED;
        }
        if (count == count_max || fruitless == FRUITLESS_MAX) {
            return EVICTION_PENDING;
        }
        enum status status = evict_one(keyspace, eviction);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return EVICTION_STUCK;
        }
        count += status == STATUS_OK;
        fruitless = status == STATUS_OK ? 0 : fruitless + 1;
    }
    return EVICTION_DONE;
}
