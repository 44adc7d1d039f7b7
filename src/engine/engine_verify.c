/* engine_verify.c - engine_verify_all_locked(): index against records, accounting against both. */
#include "base/check.h"
#include "engine/engine_part.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"

#include <stdlib.h>

/* What the index says should be live in one segment. */
struct counted_segment {
    struct segment *segment;
    uint64_t live_bytes;
    uint64_t slots; /* and pieces that lie in it */
};

struct verify_walk {
    struct engine *engine;
    const struct engine_keyspace *keyspace;
    struct counted_segment *counted; /* by the order of the table */
    size_t count;
    uint64_t unreadable;
    uint64_t slots;
    uint64_t headers;
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

static void verify_header(struct verify_walk *walk, const struct index_entry *slot,
                          const struct record *header)
{
    const struct pieces *pieces = pieces_table_find(&walk->keyspace->pieces, header->pieces_id);
    if (pieces == NULL) {
        /* It expired while a checkpoint was made: its slot goes as soon as it is looked at. */
        CHECK(engine_has_expired_locked(walk->engine, header));
        return;
    }
    walk->headers++;
    CHECK(pieces->header.units == slot->address.units);
    CHECK(pieces->header_sequence == header->sequence);
    CHECK(pieces_encode_shape(pieces->shape) == header->place);
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
    if (lookup.record.kind == RECORD_PIECED) {
        verify_header(walk, slot, &lookup.record);
    }
    CHECK(lookup.record.type == slot->type);
    CHECK((lookup.record.expiry_ms == EXPIRY_NONE) == (slot->expiry_ms == EXPIRY_NONE));
    struct index_hash hash = lookup_hash(walk->engine, lookup.record.key);
    CHECK(hash.bits == slot->hash.bits);
    CHECK(index_has(walk->keyspace->index, hash, slot->address));
    CHECK(lookup.record.sequence >= lookup.segment->first_sequence &&
          lookup.record.sequence <= lookup.segment->last_sequence);
    counted->live_bytes += lookup.size;
}

static void verify_pieces(struct verify_walk *walk, const struct pieces *pieces)
{
    struct engine *engine = walk->engine;
    CHECK(pieces->keyspace_id == walk->keyspace->id && pieces->header_sequence != 0);
    for (uint64_t i = 0; pieces_next(pieces, &i); i++) {
        struct piece piece = pieces_get(pieces, i);
        struct slice bytes;
        CHECK(i << pieces->shape.shift < pieces->shape.size);
        if (piece.address == 0) {
            walk->unreadable++;
            continue;
        }
        if (engine_part_piece_locked(engine, pieces, i, &bytes) != STATUS_OK) {
            walk->unreadable++; /* its size is known all the same */
        } else {
            CHECK(pieces_record_size(bytes.size) == (uint64_t)piece.units * SEGMENT_UNIT_SIZE);
        }
        const struct record_address address = {.units = piece.address};
        const struct segment *segment = segment_table_find(&engine->segments, address);
        struct counted_segment *counted = find_counted(walk, segment);
        counted->slots++;
        counted->live_bytes += (uint64_t)piece.units * SEGMENT_UNIT_SIZE;
        CHECK(live_map_is_lost(segment->live_map) ||
              live_map_has(segment->live_map,
                           segment_offset_of(&engine->segments, segment, address)));
    }
}

/* Each string in pieces has one header. */
static void verify_strings(struct verify_walk *walk)
{
    const struct pieces_table *table = &walk->keyspace->pieces;
    uint64_t count = 0;
    const struct pieces *pieces = NULL;
    while ((pieces = pieces_table_next(table, pieces)) != NULL) {
        verify_pieces(walk, pieces);
        count++;
    }
    CHECK(count == table->count);
    CHECK(walk->headers == count || (walk->unreadable > 0 && walk->headers < count));
}

static void verify_keyspace(struct verify_walk *walk)
{
    index_verify(walk->keyspace->index);
    walk->headers = 0;
    uint64_t before = walk->slots;
    uint64_t cursor = 0;
    do {
        index_scan(walk->keyspace->index, &cursor, 1000, verify_slot, walk);
    } while (cursor != 0);
    CHECK(walk->slots - before == index_count(walk->keyspace->index));
    verify_strings(walk);
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
