/* engine_verify.c - engine_verify_all_locked(): index against records, accounting against both. */
#include "base/check.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"

#include <stdlib.h>

/* What the index says should be live in one segment. */
struct counted_segment {
    struct segment *segment;
    uint64_t live_bytes;
    uint64_t slots;
};

struct verify_walk {
    struct engine *engine;
    const struct engine_keyspace *keyspace;
    struct counted_segment *counted; /* by the order of the table */
    size_t count;
    uint64_t unreadable;
    uint64_t slots;
};

static struct counted_segment *find_counted(struct verify_walk *walk, const struct segment *segment)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->counted[i].segment == segment) {
            return &walk->counted[i];
        }
    }
    CHECK(false); /* a slot points into a segment that is not in the table */
    return NULL;
}

static bool match_address(void *context, struct record_address address)
{
    const struct record_address *wanted = context;
    return address.units == wanted->units;
}

static void verify_slot(void *context, const struct index_entry *slot)
{
    struct verify_walk *walk = context;
    struct lookup lookup;
    walk->slots++;
    lookup_address_locked(walk->engine, slot->address, &lookup);
    struct counted_segment *counted = find_counted(walk, lookup.segment);
    counted->slots++;
    CHECK(live_map_is_lost(lookup.segment->live_map) ||
          live_map_has(lookup.segment->live_map, lookup.offset));
    if (lookup.status != STATUS_OK) {
        walk->unreadable++;
        return;
    }
    CHECK(lookup.record.keyspace_id == walk->keyspace->id);
    CHECK(lookup.record.type == slot->type);
    CHECK((lookup.record.expiry_ms == EXPIRY_NONE) == (slot->expiry_ms == EXPIRY_NONE));
    struct index_hash hash = lookup_hash(walk->engine, lookup.record.key);
    struct record_address wanted = slot->address;
    struct index_entry found;
    CHECK(hash.bits == slot->hash.bits);
    CHECK(index_find(walk->keyspace->index, hash, match_address, &wanted, &found));
    CHECK(lookup.record.sequence >= lookup.segment->first_sequence &&
          lookup.record.sequence <= lookup.segment->last_sequence);
    counted->live_bytes += lookup.size;
}

static void verify_keyspace(struct verify_walk *walk)
{
    index_verify(walk->keyspace->index);
    uint64_t before = walk->slots;
    uint64_t cursor = 0;
    do {
        index_scan(walk->keyspace->index, &cursor, 1000, verify_slot, walk);
    } while (cursor != 0);
    CHECK(walk->slots - before == index_count(walk->keyspace->index));
}

static void verify_segment(const struct engine *engine, const struct segment *segment)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < segment->live_count; i++) {
        CHECK(segment->live[i].bytes == 0 ||
              spaces_find(&engine->spaces, segment->live[i].keyspace_id) != NULL);
        sum += segment->live[i].bytes;
    }
    CHECK(sum == segment->live_bytes);
    CHECK(segment->end <= segment->reserved || segment->end <= segment->capacity);
    CHECK(segment->end == 0 || sum <= segment->end - SEGMENT_HEADER_SIZE);
    CHECK(segment->synced_end <= segment->end);
}

void engine_verify_all_locked(struct engine *engine)
{
    size_t capacity = engine->segments.segment_count + 1;
    struct verify_walk walk = {.engine = engine};
    walk.counted = calloc(capacity, sizeof(*walk.counted));
    CHECK(walk.counted != NULL);
    size_t handle = 0;
    uint64_t live_bytes = 0;
    struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        CHECK(walk.count < capacity);
        verify_segment(engine, segment);
        live_bytes += segment->live_bytes;
        walk.counted[walk.count++].segment = segment;
    }
    CHECK(walk.count == engine->segments.segment_count);
    CHECK(live_bytes == engine->segments.live_bytes);
    for (size_t i = 0; i < engine->spaces.count; i++) {
        walk.keyspace = engine->spaces.databases[i];
        CHECK(walk.keyspace->database == i);
        CHECK(walk.keyspace->id < engine->spaces.next_id);
        verify_keyspace(&walk);
    }
    for (size_t i = 0; i < walk.count; i++) {
        const struct segment *counted = walk.counted[i].segment;
        /* The size of a record that can't be read any more is not known. */
        CHECK(walk.counted[i].live_bytes == counted->live_bytes ||
              ((engine->corrupt_records > 0 || counted->damaged) &&
               walk.counted[i].live_bytes < counted->live_bytes));
        CHECK(live_map_is_lost(counted->live_map) ||
              live_map_count(counted->live_map) == walk.counted[i].slots);
    }
    const struct appender *appender = &engine->appender;
    CHECK(atomic_load(&appender->written_position) <= appender->position);
    CHECK(atomic_load(&engine->sync.durable_position) <= atomic_load(&appender->written_position));
    free(walk.counted);
}
