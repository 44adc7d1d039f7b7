/* prefetch.c - see prefetch.h. */
#include "engine/prefetch.h"

#include "base/check.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"

/* Of a record: its header, its key and the first of its value. Longer values are read in order,
 * which the processor foresees by itself. */
#define RECORD_LINES 3

void prefetch_add_locked(const struct engine *engine, struct prefetch_group *group,
                         unsigned database, struct slice key)
{
    CHECK(!prefetch_is_full(group));
    group->keys[group->count++] =
        (struct prefetch_key){.database = database, .hash = lookup_hash(engine, key).bits};
}

static const struct index *index_of(const struct engine *engine, const struct prefetch_key *key)
{
    return engine->spaces.databases[key->database]->index;
}

/* In both functions all addresses are found first: then the prefetches stand close together, and
 * their walks through the page tables overlap, too. */
void prefetch_index_locked(const struct engine *engine, const struct prefetch_group *group)
{
    const char *lines[PREFETCH_GROUP_SIZE];
    for (size_t i = 0; i < group->count; i++) {
        const struct prefetch_key *key = &group->keys[i];
        lines[i] = index_line(index_of(engine, key), (struct index_hash){.bits = key->hash});
    }
    prefetch_lines(lines, group->count);
}

/* Where the record lies in its mapped file; NULL: nowhere, or in the tail, which is near anyway. */
static const uint8_t *find_record(const struct engine *engine, const struct prefetch_key *key)
{
    struct record_address address;
    if (!index_peek(index_of(engine, key), (struct index_hash){.bits = key->hash}, &address)) {
        return NULL;
    }
    const struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    return offset < segment->tail_from ? segment->mapping + offset : NULL;
}

void prefetch_records_locked(const struct engine *engine, const struct prefetch_group *group)
{
    const uint8_t *records[PREFETCH_GROUP_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        const uint8_t *record = find_record(engine, &group->keys[i]);
        if (record != NULL) {
            records[count++] = record;
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t line = 0; line < RECORD_LINES; line++) {
            __builtin_prefetch(records[i] + line * PREFETCH_LINE_SIZE);
        }
    }
}
