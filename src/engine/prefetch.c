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

/* --- near or far -------------------------------------------------------------------------- */

/* A record in memory takes less, with all that a command does with it. Where one of twenty comes
 * from a disk that answers in 100 us, they take as much. */
#define NEAR_MAX_US 5

/* Of a record that lies far away and whose size is not known no more is asked for. */
#define FAR_BYTES_MAX ((uint64_t)16 * 1024)

void prefetch_note_locked(struct engine *engine, size_t records, int64_t took_us)
{
    engine->records_are_far = took_us > (int64_t)records * NEAR_MAX_US;
}

bool prefetch_is_far_locked(const struct engine *engine)
{
    return engine->records_are_far;
}

/* What a record has on the average. */
static uint64_t usual_size(const struct engine *engine)
{
    uint64_t keys = 1;
    for (size_t i = 0; i < engine->spaces.count; i++) {
        keys += index_count(engine->spaces.databases[i]->index);
    }
    uint64_t size = engine->segments.live_bytes / keys;
    return size < FAR_BYTES_MAX ? size : FAR_BYTES_MAX;
}

static void read_ahead(struct engine *engine, const struct segment *segment, uint64_t offset,
                       uint64_t size)
{
    uint64_t left = segment->end - offset;
    file_read_ahead(segment->file, offset, size < left ? size : left);
    engine->reads_ahead++;
}

/* --- groups ------------------------------------------------------------------------------- */

size_t prefetch_group_size_locked(const struct engine *engine)
{
    return engine->records_are_far ? PREFETCH_FAR_SIZE : PREFETCH_GROUP_SIZE;
}

bool prefetch_add_locked(const struct engine *engine, struct prefetch_group *group,
                         unsigned database, struct slice key, bool is_written)
{
    if (group->count >= (engine->records_are_far ? PREFETCH_KEYS_MAX : PREFETCH_GROUP_MAX)) {
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
    const struct segment *segment; /* that has it in its mapped file; NULL: nothing to be fetched,
                                      or in the tail in memory, which is near */
    uint64_t offset;
    bool is_written; /* only its head is read */
    const void *bit; /* of the map of those that are alive; NULL: will not be touched */
};

static struct record_lines find_record(const struct engine *engine, const struct prefetch_key *key)
{
    struct record_lines lines = {.is_written = key->is_written};
    struct record_address address;
    if (!index_peek(index_of(engine, key), key->hash, &address)) {
        return lines;
    }
    const struct segment *segment = segment_table_find(&engine->segments, address);
    lines.offset = segment_offset_of(&engine->segments, segment, address);
    if (lines.offset < segment->tail_from) {
        lines.segment = segment;
    }
    if (key->is_written) {
        lines.bit = live_map_line(segment->live_map, lines.offset);
    }
    return lines;
}

static void fetch_from_memory(const struct record_lines *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].segment != NULL) {
            prefetch_record(lines[i].segment->mapping + lines[i].offset,
                            lines[i].is_written ? PREFETCH_HEAD_LINES : PREFETCH_RECORD_LINES);
        }
        if (lines[i].bit != NULL) {
            prefetch_line(lines[i].bit);
        }
    }
}

static void fetch_from_disk(struct engine *engine, const struct record_lines *lines, size_t count)
{
    uint64_t usual = usual_size(engine);
    for (size_t i = 0; i < count; i++) {
        if (lines[i].segment != NULL) {
            read_ahead(engine, lines[i].segment, lines[i].offset,
                       lines[i].is_written ? PREFETCH_HEAD_LINES * PREFETCH_LINE_SIZE : usual);
        }
    }
}

/* All addresses are found first, as those of slots. */
void prefetch_records_locked(struct engine *engine, const struct prefetch_group *group)
{
    struct record_lines lines[PREFETCH_KEYS_MAX];
    for (size_t i = 0; i < group->count; i++) {
        lines[i] = find_record(engine, &group->keys[i]);
    }
    if (engine->records_are_far) {
        fetch_from_disk(engine, lines, group->count);
    } else {
        fetch_from_memory(lines, group->count);
    }
}

/* --- one record --------------------------------------------------------------------------- */

void prefetch_head_locked(struct engine *engine, struct record_address address)
{
    const struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    if (offset >= segment->tail_from) {
        return; /* in the tail in memory */
    }
    if (engine->records_are_far) {
        read_ahead(engine, segment, offset, PREFETCH_HEAD_LINES * PREFETCH_LINE_SIZE);
    } else {
        prefetch_record(segment->mapping + offset, PREFETCH_HEAD_LINES);
    }
}
