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
                         unsigned database, struct slice key, bool is_written)
{
    if (group->count == PREFETCH_KEYS_MAX) {
        return false;
    }
    group->keys[group->count++] = (struct prefetch_key){
        .database = database, .is_written = is_written, .hash = lookup_hash(engine, key)};
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

/* What will be touched of a key's record. */
struct record_lines {
    const uint8_t *record; /* in its mapped file; NULL: nowhere, or in the tail, which is near */
    size_t count;
    const void *bit; /* of the map of those that are alive; NULL: will not be touched */
};

static struct record_lines find_record(const struct engine *engine, const struct prefetch_key *key)
{
    struct record_lines lines = {.count = PREFETCH_RECORD_LINES};
    struct record_address address;
    if (!index_peek(index_of(engine, key), key->hash, &address)) {
        return lines;
    }
    const struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    if (offset < segment->tail_from) {
        lines.record = segment->mapping + offset;
    }
    if (key->is_written) {
        lines.count = PREFETCH_HEAD_LINES;
        lines.bit = live_map_line(segment->live_map, offset);
    }
    return lines;
}

/* All addresses are found first, as those of slots. */
void prefetch_records_locked(const struct engine *engine, const struct prefetch_group *group)
{
    struct record_lines lines[PREFETCH_KEYS_MAX];
    for (size_t i = 0; i < group->count; i++) {
        lines[i] = find_record(engine, &group->keys[i]);
    }
    for (size_t i = 0; i < group->count; i++) {
        if (lines[i].record != NULL) {
            prefetch_record(lines[i].record, lines[i].count);
        }
        if (lines[i].bit != NULL) {
            __builtin_prefetch(lines[i].bit, 1);
        }
    }
}
