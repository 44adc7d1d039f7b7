/*
 * change.c - the writing functions of engine.h: put, delete, clear, swap. See change.h.
 *
 * Each does its work in an order that lets it fail without a trace: a slot of the index is
 * reserved, the record is prepared (place, room, its bytes brought there), then the index is
 * changed and the record committed, which can't fail.
 */
#include "engine/change.h"

#include "base/check.h"
#include "engine/access.h"
#include "engine/engine_state.h"
#include "engine/expiry.h"
#include "engine/mark.h"

#include <stdlib.h>

void change_forget_record_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                                 struct index_hash hash, const struct lookup *lookup)
{
    live_map_clear(lookup->segment->live_map, lookup->offset);
    if (lookup->status == STATUS_OK) {
        segment_live_change(lookup->segment, keyspace->id, -(int64_t)lookup->size,
                            checkpoint_has_copied(&engine->checkpoint, keyspace->id, hash));
    } else {
        lookup->segment->damaged = true;
    }
}

/* Checkpoints copy where pieces are at their end, so no change comes too late for one. */
void change_count_piece_locked(struct engine *engine, uint64_t keyspace_id, struct piece piece,
                               bool is_live)
{
    const struct record_address address = {.units = piece.address};
    struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    int64_t size = (int64_t)piece.units * SEGMENT_UNIT_SIZE;
    if (is_live) {
        live_map_set(segment->live_map, offset);
    } else {
        live_map_clear(segment->live_map, offset);
    }
    segment_live_change(segment, keyspace_id, is_live ? size : -size, false);
}

void change_abandon_pieces_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                  struct pieces *pieces)
{
    for (uint64_t i = 0; pieces_next(pieces, &i); i++) {
        struct piece piece = pieces_get(pieces, i);
        if (piece.address != 0) {
            change_count_piece_locked(engine, keyspace->id, piece, false);
        }
    }
    pieces_table_remove(&keyspace->pieces, pieces);
    pieces->next = engine->dead_pieces;
    engine->dead_pieces = pieces;
}

/* The string whose header a slot pointed at; one that can't be read is known by its place. */
static struct pieces *find_pieces(const struct engine *engine,
                                  const struct engine_keyspace *keyspace,
                                  const struct lookup *lookup)
{
    if (lookup->status == STATUS_OK) {
        return lookup->record.kind == RECORD_PIECED
                   ? pieces_table_find(&keyspace->pieces, lookup->record.pieces_id)
                   : NULL;
    }
    struct record_address address =
        segment_address_of(&engine->segments, lookup->segment, lookup->offset);
    CHECK(address.units != 0); /* which is where a header is whose place is not known */
    struct pieces *pieces = NULL;
    do {
        pieces = pieces_table_next(&keyspace->pieces, pieces);
    } while (pieces != NULL && pieces->header.units != address.units);
    return pieces;
}

/* Those with the id `kept` live on, whose new header this is (0: none do). Where there are no
 * pieces this is not called: most writes are of small values. */
static void forget_pieces(struct engine *engine, struct engine_keyspace *keyspace,
                          const struct lookup *lookup, uint64_t kept)
{
    struct pieces *pieces = find_pieces(engine, keyspace, lookup);
    if (pieces != NULL && pieces->id != kept) {
        change_abandon_pieces_locked(engine, keyspace, pieces);
    }
}

void change_forget_locked(struct engine *engine, struct engine_keyspace *keyspace,
                          struct index_hash hash, const struct lookup *lookup)
{
    change_forget_record_locked(engine, keyspace, hash, lookup);
    if (keyspace->pieces.count > 0) {
        forget_pieces(engine, keyspace, lookup, 0);
    }
}

void change_count_locked(struct engine *engine)
{
    engine->changes += engine->is_undoing ? UINT64_MAX : 1;
}

/* --- put and delete ----------------------------------------------------------------------- */

/* What stands in a key's place before it is written. */
struct old_record {
    bool found;     /* there is a slot */
    bool is_absent; /* but no key: a mark has ended it, and the clock is not there yet (expiry.h) */
    struct index_entry slot;
    struct lookup lookup;
};

/* Finds the key; one that has expired by the clock is dropped, and then it is not there. */
static void find_old(struct engine *engine, struct engine_keyspace *keyspace,
                     struct index_hash hash, struct slice key, struct old_record *old)
{
    struct lookup_key wanted = {.hash = hash, .key = key};
    old->found = lookup_key_locked(engine, keyspace, &wanted, &old->slot, &old->lookup);
    old->is_absent = !old->found;
    if (!old->found || old->lookup.status != STATUS_OK) {
        return;
    }
    const struct record *record = &old->lookup.record;
    if (engine_is_past_locked(engine, record->expiry_ms)) {
        expiry_drop_locked(engine, keyspace, &old->slot, &old->lookup);
        old->found = false;
    }
    old->is_absent = !old->found || engine_has_expired_locked(engine, record);
}

static enum status check_sizes(struct slice key, const struct engine_value *value)
{
    uint64_t size = 0;
    for (size_t i = 0; i < value->part_count; i++) {
        size += value->parts[i].size;
    }
    return key.size > RECORD_KEY_SIZE_MAX || size > RECORD_VALUE_SIZE_MAX ? STATUS_TOO_LARGE
                                                                          : STATUS_OK;
}

/*
 * Makes sure that point_at() will do. It comes before the record is prepared: a large one is in its
 * file then, and if it were refused afterwards, a crash could bring it back.
 */
enum status change_reserve_slot_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                       struct index_hash hash, bool is_new, int64_t expiry_ms)
{
    if (is_new && !engine->is_renaming && engine->max_keys > 0 &&
        spaces_key_count(&engine->spaces) >= engine->max_keys) {
        return STATUS_KEY_LIMIT;
    }
    return index_reserve(keyspace->index, hash, is_new, expiry_ms != EXPIRY_NONE);
}

/* Makes the index point at the record that is about to be committed. */
static void point_at(struct engine *engine, struct engine_keyspace *keyspace,
                     struct index_hash hash, const struct append *append,
                     const struct old_record *old)
{
    struct index_entry entry = {
        .hash = hash,
        .address = segment_address_of(&engine->segments, append->segment, append->offset),
        .type = append->record.type,
        .expiry_ms = append->record.expiry_ms,
    };
    if (old->found) {
        entry.clock = access_raised_clock(engine, old->slot.clock);
        entry.position = old->slot.position;
        CHECK(index_replace(keyspace->index, old->slot.address, &entry) == STATUS_OK);
    } else {
        entry.clock = access_first_clock(engine);
        CHECK(index_insert(keyspace->index, &entry) == STATUS_OK);
    }
}

enum status change_put_locked(struct engine *engine, struct engine_keyspace *keyspace,
                              struct append *append)
{
    const struct record *record = &append->record;
    struct index_hash hash = lookup_hash(engine, record->key);
    struct old_record old;
    find_old(engine, keyspace, hash, record->key, &old);
    enum status status =
        change_reserve_slot_locked(engine, keyspace, hash, !old.found, record->expiry_ms);
    if (status == STATUS_OK) {
        status = expiry_pay_mark_locked(engine, record->expiry_ms);
    }
    if (status == STATUS_OK) {
        status = appender_prepare_locked(engine, append);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (old.found && old.is_absent) {
        expiry_tell_locked(engine, keyspace, record->key);
    }
    point_at(engine, keyspace, hash, append, &old);
    if (old.found) {
        change_forget_record_locked(engine, keyspace, hash, &old.lookup);
    }
    if (old.found && keyspace->pieces.count > 0) {
        forget_pieces(engine, keyspace, &old.lookup, record->pieces_id);
    }
    live_map_set(append->segment->live_map, append->offset);
    segment_live_change(append->segment, keyspace->id, (int64_t)append->size,
                        checkpoint_has_copied(&engine->checkpoint, keyspace->id, hash));
    engine->value_bytes += append->size;
    (void)appender_commit_locked(engine, append);
    change_count_locked(engine);
    return STATUS_OK;
}

/* That is the source's failure, not the log's. */
static enum status report_lost(struct engine *engine, const struct entry *source)
{
    if (source != NULL) {
        const struct segment *segment = source->segment;
        lookup_report_locked(engine, segment, (uint64_t)(source->record - segment->mapping),
                             STATUS_IO);
    }
    return STATUS_IO;
}

enum status engine_put_locked(struct engine *engine, struct engine_keyspace *keyspace,
                              struct slice key, const struct engine_value *value)
{
    enum status status = check_sizes(key, value);
    if (status != STATUS_OK) {
        return status;
    }
    struct append append; /* the rest of it is prepare's */
    append.record = (struct record){.kind = RECORD_VALUE,
                                    .keyspace_id = keyspace->id,
                                    .key = key,
                                    .expiry_ms = value->expiry_ms,
                                    .type = value->type,
                                    .encoding = value->encoding};
    append.parts = value->parts;
    append.part_count = value->part_count;
    append.source = value->source;
    append.stays_in_memory = false;
    status = change_put_locked(engine, keyspace, &append);
    return status == STATUS_SOURCE_LOST ? report_lost(engine, value->source) : status;
}

enum status engine_delete_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                 struct slice key)
{
    struct index_hash hash = lookup_hash(engine, key);
    struct old_record old;
    find_old(engine, keyspace, hash, key, &old);
    if (!old.found) {
        engine->rest_position = engine->deletion_position > engine->rest_position
                                    ? engine->deletion_position
                                    : engine->rest_position;
        return STATUS_NOT_FOUND;
    }
    struct append append = {
        .record = {.kind = RECORD_TOMBSTONE,
                   .keyspace_id = keyspace->id,
                   .key = key,
                   .expiry_ms = EXPIRY_NONE},
    };
    enum status status = appender_prepare_locked(engine, &append);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(index_remove(keyspace->index, old.slot.hash, old.slot.address));
    change_forget_locked(engine, keyspace, hash, &old.lookup);
    (void)appender_commit_locked(engine, &append);
    engine->deletion_position = engine->appender.position;
    if (old.is_absent) {
        expiry_tell_locked(engine, keyspace, key);
        return STATUS_NOT_FOUND;
    }
    change_count_locked(engine);
    return STATUS_OK;
}

/* --- the map of databases ----------------------------------------------------------------- */

/* Appends the map `ids`, which is what the databases will be. */
static enum status append_map(struct engine *engine, uint64_t next_id, const uint64_t *ids)
{
    size_t count = engine->spaces.count;
    size_t size = mark_keyspace_map_size(count);
    uint8_t *value = malloc(size);
    if (value == NULL) {
        return STATUS_NO_MEMORY;
    }
    mark_encode_keyspace_map(next_id, ids, count, value);
    struct slice part = slice_make(value, size);
    struct append append = {
        .record = {.kind = RECORD_KEYSPACE_MAP, .expiry_ms = EXPIRY_NONE},
        .parts = &part,
        .part_count = 1,
    };
    enum status status = appender_prepare_locked(engine, &append);
    if (status == STATUS_OK) {
        (void)appender_commit_locked(engine, &append);
        engine->deletion_position = engine->appender.position;
        engine->map_position = engine->appender.position;
        engine->spaces.map_sequence = append.record.sequence;
    }
    free(value);
    return status;
}

/* An owned copy of the ids of all databases, NULL without memory. */
static uint64_t *copy_ids(const struct spaces *spaces)
{
    uint64_t *ids = malloc(spaces->count * sizeof(*ids));
    for (size_t i = 0; ids != NULL && i < spaces->count; i++) {
        ids[i] = spaces->databases[i]->id;
    }
    return ids;
}

/* The old keyspace's records are dead from here on, all at once. */
static void replace_keyspace(struct engine *engine, unsigned database,
                             struct engine_keyspace *fresh)
{
    uint64_t old_id = engine->spaces.databases[database]->id;
    engine->changes += index_count(engine->spaces.databases[database]->index);
    spaces_replace(&engine->spaces, database, fresh);
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        segment_live_drop(segment, old_id);
    }
}

/* Empties the databases [first, end) with one record. */
static enum status clear_range(struct engine *engine, unsigned first, unsigned end)
{
    struct spaces *spaces = &engine->spaces;
    size_t count = end - first;
    struct engine_keyspace **fresh = calloc(count, sizeof(struct engine_keyspace *));
    uint64_t *ids = copy_ids(spaces);
    uint64_t next_id = spaces->next_id;
    enum status status = fresh == NULL || ids == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        ids[first + i] = next_id;
        status = spaces_create_keyspace(spaces, next_id++, &fresh[i]);
    }
    if (status == STATUS_OK) {
        status = append_map(engine, next_id, ids);
    }
    for (size_t i = 0; fresh != NULL && i < count; i++) {
        if (status == STATUS_OK) {
            replace_keyspace(engine, first + (unsigned)i, fresh[i]);
        } else if (fresh[i] != NULL) {
            spaces_destroy_keyspace(fresh[i]);
        }
    }
    if (status == STATUS_OK) {
        spaces->next_id = next_id;
        maintenance_wake(engine); /* frees what was in the old indexes */
    }
    free(ids);
    free(fresh);
    return status;
}

enum status engine_clear_locked(struct engine *engine, unsigned database)
{
    CHECK(database < engine->spaces.count);
    return clear_range(engine, database, database + 1);
}

enum status engine_clear_all_locked(struct engine *engine)
{
    return clear_range(engine, 0, (unsigned)engine->spaces.count);
}

enum status engine_swap_locked(struct engine *engine, unsigned a, unsigned b)
{
    struct spaces *spaces = &engine->spaces;
    CHECK(a < spaces->count && b < spaces->count);
    if (a == b) {
        return STATUS_OK;
    }
    uint64_t *ids = copy_ids(spaces);
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    uint64_t kept = ids[a];
    ids[a] = ids[b];
    ids[b] = kept;
    enum status status = append_map(engine, spaces->next_id, ids);
    if (status == STATUS_OK) {
        spaces_swap(spaces, a, b);
        change_count_locked(engine);
    }
    free(ids);
    return status;
}

/* --- groups ------------------------------------------------------------------------------- */

void engine_group_begin_locked(struct engine *engine)
{
    appender_group_begin_locked(engine);
}

void engine_group_end_locked(struct engine *engine)
{
    appender_group_end_locked(engine);
}
