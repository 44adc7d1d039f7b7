/* prefetch.c - see prefetch.h. */
#include "engine/prefetch.h"

#include "engine/engine_state.h"
#include "engine/lookup.h"

void prefetch_add_slot_locked(const struct engine *engine, struct prefetch_slots *slots,
                              uint64_t keyspace_id, struct index_hash hash)
{
    const struct engine_keyspace *keyspace = spaces_find(&engine->spaces, keyspace_id);
    if (keyspace != NULL) {
        slots->lines[slots->count++] = index_line(keyspace->index, hash);
    }
}

bool prefetch_add_locked(const struct engine *engine, struct prefetch_group *group,
                         unsigned database, struct slice key)
{
    if (group->count == PREFETCH_KEYS_MAX) {
        return false;
    }
    group->keys[group->count++] =
        (struct prefetch_key){.database = database, .hash = lookup_hash(engine, key)};
    return true;
}

static const struct index *index_of(const struct engine *engine, const struct prefetch_key *key)
{
    return engine->spaces.databases[key->database]->index;
}

void prefetch_index_locked(const struct engine *engine, const struct prefetch_group *group)
{
    struct prefetch_slots slots;
    for (size_t i = 0; i < group->count; i++) {
        slots.lines[i] = index_line(index_of(engine, &group->keys[i]), group->keys[i].hash);
    }
    slots.count = group->count;
    prefetch_slots(&slots);
}

/* Where the record lies in its mapped file; NULL: nowhere, or in the tail, which is near anyway. */
static const uint8_t *find_record(const struct engine *engine, const struct prefetch_key *key)
{
    struct record_address address;
    if (!index_peek(index_of(engine, key), key->hash, &address)) {
        return NULL;
    }
    const struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    return offset < segment->tail_from ? segment->mapping + offset : NULL;
}

/* All addresses are found first, as those of slots. */
void prefetch_records_locked(const struct engine *engine, const struct prefetch_group *group)
{
    const uint8_t *records[PREFETCH_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        const uint8_t *record = find_record(engine, &group->keys[i]);
        if (record != NULL) {
            records[count++] = record;
        }
    }
    for (size_t i = 0; i < count; i++) {
        prefetch_record(records[i]);
    }
}
