/* recovery_pieces.c - see recovery_pieces.h. */
#include "engine/recovery_pieces.h"

#include "engine/change.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"

#define ORDINAL_MAX (RECORD_VALUE_SIZE_MAX >> PIECES_SHIFT_MIN)

void recovery_pieces_init(struct recovery_pieces *found)
{
    *found = (struct recovery_pieces){.budget = {.limit_bytes = 0}};
    pieces_table_init(&found->table, &found->budget);
}

void recovery_pieces_deinit(struct recovery_pieces *found)
{
    pieces_table_deinit(&found->table);
}

/* Of two records with one sequence number one is a copy of the other, which was verified when it
 * was made: it lies in the younger file, and that has the greater addresses (recovery_load.c). */
static bool is_better(struct piece fresh, struct piece old)
{
    return fresh.sequence != old.sequence ? fresh.sequence > old.sequence
                                          : fresh.address > old.address;
}

/* Where its header lies, as of a piece. */
static struct piece header_of(const struct pieces *pieces)
{
    return (struct piece){.address = pieces->header.units & PIECE_ADDRESS_MAX,
                          .sequence = pieces->header_sequence};
}

static void copy_header(struct pieces *into, const struct pieces *from)
{
    into->shape = from->shape;
    into->hash = from->hash;
    into->header = from->header;
    into->header_sequence = from->header_sequence;
}

/* --- taking ------------------------------------------------------------------------------- */

static struct piece piece_of(const struct recovery_pieces_found *seen)
{
    return (struct piece){.address = seen->address.units & PIECE_ADDRESS_MAX,
                          .units = seen->size / RECORD_ALIGNMENT & PIECE_UNITS_MAX,
                          .sequence = seen->record->sequence};
}

static enum status take_header(struct pieces *pieces, const struct recovery_pieces_found *seen)
{
    struct pieces_shape shape;
    enum status status = pieces_decode_shape(seen->record->place, &shape);
    if (status == STATUS_OK && is_better(piece_of(seen), header_of(pieces))) {
        pieces->shape = shape;
        pieces->hash = seen->hash;
        pieces->header = seen->address;
        pieces->header_sequence = seen->record->sequence;
    }
    return status;
}

static enum status take_piece(struct pieces_table *table, struct pieces *pieces,
                              const struct recovery_pieces_found *seen)
{
    uint64_t ordinal = seen->record->place;
    if (ordinal > ORDINAL_MAX || seen->size / RECORD_ALIGNMENT > PIECE_UNITS_MAX) {
        return STATUS_CORRUPT;
    }
    if (!is_better(piece_of(seen), pieces_get(pieces, ordinal))) {
        return STATUS_OK;
    }
    enum status status = pieces_table_reserve(table, pieces, ordinal, ordinal + 1);
    if (status == STATUS_OK) {
        pieces_set(pieces, ordinal, piece_of(seen));
    }
    return status;
}

enum status recovery_pieces_take(struct recovery_pieces *found,
                                 const struct recovery_pieces_found *seen)
{
    const struct record *record = seen->record;
    struct pieces *pieces = pieces_table_find(&found->table, record->pieces_id);
    enum status status = STATUS_OK;
    if (pieces == NULL) {
        status = pieces_table_add(&found->table, record->pieces_id, record->keyspace_id, &pieces);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (pieces->keyspace_id != record->keyspace_id) {
        return STATUS_CORRUPT;
    }
    return pieces_is_header(record) ? take_header(pieces, seen)
                                    : take_piece(&found->table, pieces, seen);
}

/* --- merging ------------------------------------------------------------------------------ */

static enum status merge_string(struct recovery_pieces *into, const struct pieces *from)
{
    struct pieces *pieces = pieces_table_find(&into->table, from->id);
    enum status status = STATUS_OK;
    if (pieces == NULL) {
        status = pieces_table_add(&into->table, from->id, from->keyspace_id, &pieces);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (pieces->keyspace_id != from->keyspace_id) {
        return STATUS_CORRUPT;
    }
    if (is_better(header_of(from), header_of(pieces))) {
        copy_header(pieces, from);
    }
    for (uint64_t i = 0; status == STATUS_OK && pieces_next(from, &i); i++) {
        const struct piece fresh = pieces_get(from, i);
        if (is_better(fresh, pieces_get(pieces, i))) {
            status = pieces_table_reserve(&into->table, pieces, i, i + 1);
            if (status == STATUS_OK) {
                pieces_set(pieces, i, fresh);
            }
        }
    }
    return status;
}

enum status recovery_pieces_merge(struct recovery_pieces *into, const struct recovery_pieces *from)
{
    enum status status = STATUS_OK;
    const struct pieces *pieces = pieces_table_next(&from->table, NULL);
    for (; status == STATUS_OK && pieces != NULL;
         pieces = pieces_table_next(&from->table, pieces)) {
        status = merge_string(into, pieces);
    }
    return status;
}

/* --- settling ----------------------------------------------------------------------------- */

struct header_match {
    struct engine *engine;
    const struct pieces *pieces;
};

/* Of one header there may be copies, and a checkpoint may know another than was read. */
static bool match_header(void *context, struct record_address address)
{
    const struct header_match *match = context;
    if (address.units == match->pieces->header.units) {
        return true;
    }
    struct lookup lookup;
    lookup_address_locked(match->engine, address, &lookup);
    return lookup.status == STATUS_OK && lookup.record.kind == RECORD_PIECED &&
           lookup.record.pieces_id == match->pieces->id;
}

static bool is_alive(struct engine *engine, const struct engine_keyspace *keyspace,
                     struct pieces *pieces)
{
    struct header_match match = {.engine = engine, .pieces = pieces};
    struct index_entry slot;
    if (pieces->header_sequence == 0 ||
        !index_find(keyspace->index, pieces->hash, match_header, &match, &slot)) {
        return false;
    }
    pieces->header = slot.address;
    return true;
}

/* Makes one piece of a string that is in its keyspace what was found. */
static enum status settle_piece(struct engine *engine, struct engine_keyspace *keyspace,
                                struct pieces *known, uint64_t ordinal, struct piece fresh)
{
    const struct piece old = pieces_get(known, ordinal);
    if (!is_better(fresh, old)) {
        return STATUS_OK;
    }
    const struct record_address address = {.units = fresh.address};
    enum status status =
        segment_live_prepare(segment_table_find(&engine->segments, address), keyspace->id);
    if (status == STATUS_OK) {
        status = pieces_table_reserve(&keyspace->pieces, known, ordinal, ordinal + 1);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (old.address != 0) {
        change_count_piece_locked(engine, keyspace->id, old, false);
    }
    change_count_piece_locked(engine, keyspace->id, fresh, true);
    pieces_set(known, ordinal, fresh);
    return STATUS_OK;
}

static enum status settle_string(struct engine *engine, struct engine_keyspace *keyspace,
                                 struct pieces *found)
{
    struct pieces *known = pieces_table_find(&keyspace->pieces, found->id);
    enum status status = STATUS_OK;
    if (known == NULL) {
        if (!is_alive(engine, keyspace, found)) {
            return STATUS_OK;
        }
        status = pieces_table_add(&keyspace->pieces, found->id, keyspace->id, &known);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (is_better(header_of(found), header_of(known))) {
        copy_header(known, found);
    }
    for (uint64_t i = 0; status == STATUS_OK && pieces_next(found, &i); i++) {
        status = settle_piece(engine, keyspace, known, i, pieces_get(found, i));
    }
    return status;
}

/* Strings that no slot points at are given up. */
static void give_up_dead(struct engine *engine, struct engine_keyspace *keyspace)
{
    struct pieces *pieces = pieces_table_next(&keyspace->pieces, NULL);
    while (pieces != NULL) {
        struct pieces *next = pieces_table_next(&keyspace->pieces, pieces);
        if (!is_alive(engine, keyspace, pieces)) {
            change_abandon_pieces_locked(engine, keyspace, pieces);
        }
        pieces = next;
    }
    engine_part_purge_locked(engine);
}

enum status recovery_pieces_settle(struct engine *engine, struct recovery_pieces *found)
{
    enum status status = STATUS_OK;
    struct pieces *pieces = pieces_table_next(&found->table, NULL);
    while (status == STATUS_OK && pieces != NULL) {
        struct pieces *next = pieces_table_next(&found->table, pieces);
        struct engine_keyspace *keyspace = spaces_find(&engine->spaces, pieces->keyspace_id);
        if (keyspace != NULL) {
            status = settle_string(engine, keyspace, pieces);
        }
        pieces_table_remove(&found->table, pieces);
        pieces_free(pieces);
        pieces = next;
    }
    for (size_t i = 0; status == STATUS_OK && i < engine->spaces.count; i++) {
        give_up_dead(engine, engine->spaces.databases[i]);
    }
    return status;
}
