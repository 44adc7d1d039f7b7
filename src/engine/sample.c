/* sample.c - see sample.h. */
#include "engine/sample.h"

#include "base/check.h"
#include "base/random.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"

uint64_t engine_live_bytes_locked(const struct engine *engine)
{
    return engine->segments.live_bytes;
}

void engine_note_access_locked(struct engine *engine, enum engine_access access, unsigned factor)
{
    engine->access = access;
    engine->access_factor = factor;
}

/* --- samples ------------------------------------------------------------------------------ */

static uint64_t weight_of(const struct engine_keyspace *keyspace, bool expiring_only)
{
    return expiring_only ? index_expiring_count(keyspace->index) : index_count(keyspace->index);
}

static uint64_t weight_of_all(const struct engine *engine, bool expiring_only)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < engine->spaces.count; i++) {
        sum += weight_of(engine->spaces.databases[i], expiring_only);
    }
    return sum;
}

bool engine_has_samples_locked(const struct engine *engine, bool expiring_only)
{
    return weight_of_all(engine, expiring_only) > 0;
}

size_t engine_sample_locked(struct engine *engine, const struct index_sampling *sampling,
                            struct engine_sample *out)
{
    struct index_entry slots[ENGINE_SAMPLES_MAX];
    CHECK(sampling->count <= ENGINE_SAMPLES_MAX);
    uint64_t weight = weight_of_all(engine, sampling->expiring_only);
    if (weight == 0) {
        return 0;
    }
    uint64_t left = random_next(&engine->random_state) % weight;
    size_t database = 0;
    uint64_t own;
    while (left >= (own = weight_of(engine->spaces.databases[database], sampling->expiring_only))) {
        left -= own;
        database++;
    }
    struct engine_keyspace *keyspace = engine->spaces.databases[database];
    size_t count = index_sample(keyspace->index, &keyspace->sample_cursor, sampling, slots);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct engine_sample){.database = (unsigned)database, .slot = slots[i]};
    }
    return count;
}

void engine_age_samples_locked(struct engine *engine, const struct engine_sample *samples,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct index_entry *slot = &samples[i].slot;
        if (slot->clock > 0) {
            index_set_clock(engine->spaces.databases[samples[i].database]->index, slot->hash,
                            slot->address, slot->clock - 1);
        }
    }
}

enum status engine_sampled_key_locked(struct engine *engine, const struct engine_sample *sample,
                                      struct slice *out)
{
    struct lookup lookup;
    lookup_address_locked(engine, sample->slot.address, &lookup);
    if (lookup.status == STATUS_OK) {
        *out = lookup.record.key;
    }
    return lookup.status;
}
