/* engine_read.c - the reading functions of engine.h. */
#include "base/check.h"
#include "base/random.h"
#include "engine/access.h"
#include "engine/engine_part.h"
#include "engine/engine_state.h"
#include "engine/expiry.h"
#include "engine/fault_guard.h"
#include "engine/lookup.h"
#include "engine/verify_ahead.h"

/* A value below this is copied rather than pinned. */
#define PIN_SIZE_MIN 16384

/* How often engine_random_locked tries before it goes through all slots. */
#define RANDOM_TRIES 100

struct engine_keyspace *engine_database_locked(struct engine *engine, unsigned database)
{
    CHECK(database < engine->spaces.count);
    return engine->spaces.databases[database];
}

unsigned engine_database_count(const struct engine *engine)
{
    return (unsigned)engine->spaces.count;
}

/* --- what answers rest on ----------------------------------------------------------------- */

void engine_rest_begin_locked(struct engine *engine)
{
    engine->rest_position = 0;
    engine_part_purge_locked(engine);
}

uint64_t engine_rest_end_locked(struct engine *engine)
{
    uint64_t durable = atomic_load(&engine->sync.durable_position);
    return engine->rest_position > durable ? engine->rest_position : 0;
}

uint64_t engine_rest_mark_locked(const struct engine *engine)
{
    return engine->rest_position;
}

void engine_rest_rewind_locked(struct engine *engine, uint64_t mark)
{
    engine->rest_position = mark;
}

void engine_rest_on_all_locked(struct engine *engine)
{
    engine_rest_on_locked(engine, engine_payload_position_locked(engine));
}

/* --- one key ------------------------------------------------------------------------------ */

static bool is_expired(const struct engine *engine, const struct lookup *lookup)
{
    return engine_has_expired_locked(engine, &lookup->record);
}

/* May the slot of an expired key go? */
static bool may_drop(const struct engine *engine, const struct lookup *lookup)
{
    return engine_is_past_locked(engine, lookup->record.expiry_ms) &&
           !expiry_is_paused_locked(engine);
}

void engine_set_moment_locked(struct engine *engine, int64_t moment_ms)
{
    engine->moment_ms = moment_ms;
}

enum status engine_find_locked(struct engine *engine, struct engine_keyspace *keyspace,
                               struct slice key, struct entry *out)
{
    struct lookup_key wanted = {.hash = lookup_hash(engine, key), .key = key, .with_value = true};
    struct index_entry slot;
    struct lookup lookup;
    if (!lookup_key_locked(engine, keyspace, &wanted, &slot, &lookup)) {
        engine_rest_on_locked(engine, engine->deletion_position);
        return STATUS_NOT_FOUND;
    }
    /* However old the record, a SWAPDB may have brought it here just now. */
    engine_rest_on_locked(engine, engine->map_position);
    engine_rest_on_locked(engine, lookup_position(lookup.segment, lookup.offset, lookup.size));
    if (lookup.status != STATUS_OK) {
        return lookup.status;
    }
    if (is_expired(engine, &lookup)) {
        if (may_drop(engine, &lookup)) {
            expiry_drop_locked(engine, keyspace, &slot, &lookup);
        }
        return STATUS_NOT_FOUND;
    }
    enum status status = lookup_to_entry(engine, &lookup, out);
    if (status != STATUS_OK) {
        return status;
    }
    out->key = key; /* the same bytes, where no disk can fail */
    out->clock = access_raised_clock(engine, slot.clock);
    if (out->clock != slot.clock) {
        index_set_clock(keyspace->index, slot.hash, slot.address, out->clock);
    }
    return STATUS_OK;
}

/* --- values ------------------------------------------------------------------------------- */

struct verify_context {
    const struct entry *entry;
    size_t offset;
    size_t size;
    enum status status;
};

static void verify_value(void *context)
{
    struct verify_context *verify = context;
    verify->status = record_verify_value(verify->entry->record, verify->offset, verify->size,
                                         verify->entry->seed);
}

static bool is_mapped(const struct entry *entry)
{
    const struct segment *segment = entry->segment;
    return entry->record >= segment->mapping &&
           entry->record < segment->mapping + segment->capacity;
}

enum status engine_verify_locked(struct engine *engine, const struct entry *entry, size_t offset,
                                 size_t size)
{
    if (entry->is_verified || verify_ahead_covers_locked(engine, entry)) {
        return STATUS_OK;
    }
    if (entry->pieces != NULL) {
        return engine_part_verify_locked(engine, entry, offset, size);
    }
    struct verify_context verify = {.entry = entry, .offset = offset, .size = size};
    if (!is_mapped(entry)) {
        /* In the tail in memory. Verified all the same: memory errs too, and the record's
         * checksum is what will be on the disk. */
        verify_value(&verify);
    } else if (!fault_guard_run(verify_value, &verify)) {
        verify.status = STATUS_IO;
    }
    if (verify.status != STATUS_OK && is_mapped(entry)) {
        lookup_report_locked(engine, entry->segment,
                             (uint64_t)(entry->record - entry->segment->mapping), verify.status);
    }
    return verify.status;
}

bool engine_pin_locked(struct engine *engine, const struct entry *entry)
{
    (void)engine;
    if (entry->pieces != NULL || entry->value.size < PIN_SIZE_MIN || !is_mapped(entry)) {
        return false;
    }
    segment_reference(entry->segment);
    return true;
}

void engine_unpin(struct segment *segment)
{
    segment_unreference(segment);
}

bool engine_pin_is_of_the_past(const struct segment *segment)
{
    return atomic_load(&segment->is_retired);
}

const struct engine_unreadable *engine_unreadable_locked(const struct engine *engine)
{
    return &engine->unreadable;
}

/* --- all keys ----------------------------------------------------------------------------- */

uint64_t engine_count_locked(struct engine *engine, struct engine_keyspace *keyspace)
{
    engine_rest_on_all_locked(engine);
    return index_count(keyspace->index);
}

uint64_t engine_expiring_count_locked(struct engine *engine, struct engine_keyspace *keyspace)
{
    engine_rest_on_all_locked(engine);
    return index_expiring_count(keyspace->index);
}

int64_t engine_average_ttl_locked(struct engine *engine, struct engine_keyspace *keyspace)
{
    return index_average_ttl_ms(keyspace->index, engine_unix_ms(engine));
}

struct first_context {
    struct engine *engine;
    struct entry *out;
    bool found;
};

static void take_first(void *context, const struct index_entry *slot)
{
    struct first_context *first = context;
    if (first->found) {
        return;
    }
    struct lookup lookup;
    lookup_address_locked(first->engine, slot->address, &lookup);
    first->found = lookup.status == STATUS_OK && !is_expired(first->engine, &lookup) &&
                   lookup_to_entry(first->engine, &lookup, first->out) == STATUS_OK;
}

enum status engine_random_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                 struct entry *out)
{
    engine_rest_on_all_locked(engine);
    struct index_entry slot;
    int misses = 0;
    while (misses < RANDOM_TRIES &&
           index_random(keyspace->index, random_next(&engine->random_state), &slot)) {
        struct lookup lookup;
        lookup_address_locked(engine, slot.address, &lookup);
        if (lookup.status != STATUS_OK) {
            misses++;
            continue;
        }
        if (!is_expired(engine, &lookup)) {
            return lookup_to_entry(engine, &lookup, out);
        }
        if (!may_drop(engine, &lookup)) {
            misses++;
            continue;
        }
        /* What it drops here the expiry cycle need not, so the loop costs nothing on the whole. */
        expiry_drop_locked(engine, keyspace, &slot, &lookup);
    }
    /* Nearly all of what is there can't be read, or has expired and may not be removed. */
    struct first_context first = {.engine = engine, .out = out};
    uint64_t cursor = 0;
    do {
        index_scan(keyspace->index, &cursor, 64, take_first, &first);
    } while (cursor != 0 && !first.found);
    return first.found ? STATUS_OK : STATUS_NOT_FOUND;
}
