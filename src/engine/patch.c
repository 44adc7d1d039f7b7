/*
 * patch.c - changing a part of a large value: see engine_patch_locked() in engine.h.
 *
 * Two ways lead to a string in pieces. One that is not yet in pieces is made: all its pieces are
 * written, its header last; where one of these writes fails, nothing names the pieces, and they are
 * dead. One that is changed in place would stay half changed, so nothing may fail once its first
 * record is there: what is to be kept is read before, and room and memory are reserved.
 */
#include "base/check.h"
#include "engine/change.h"
#include "engine/engine_part.h"
#include "engine/engine_state.h"
#include "engine/expiry.h"
#include "engine/mark.h"
#include "engine/mutant.h"
#include "engine/pieces_order.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_BUFFERS 3

struct patching {
    struct engine *engine;
    struct engine_keyspace *keyspace;
    struct slice key;
    const struct engine_patch *patch;
    bool is_new;               /* the key */
    struct entry old;          /* a copy; size 0: there is none */
    struct pieces_shape shape; /* as it will be */
    uint64_t patch_size;
    struct pieces *pieces;
    char *buffers; /* owned: PIECE_BUFFERS pieces */
};

/* --- the bytes of a piece ----------------------------------------------------------------- */

/* Copies the part [from, from + size) of what the patch brings. */
static void copy_patch(const struct engine_patch *patch, uint64_t from, size_t size, char *into)
{
    for (size_t i = 0; size > 0; i++) {
        const struct slice part = patch->parts[i];
        if (from >= part.size) {
            from -= part.size;
            continue;
        }
        size_t count = part.size - (size_t)from < size ? part.size - (size_t)from : size;
        memcpy(into, part.data + from, count);
        into += count;
        size -= count;
        from = 0;
    }
}

static size_t size_of_piece(const struct patching *patching, uint64_t ordinal)
{
    uint64_t left = patching->shape.size - (ordinal << patching->shape.shift);
    uint64_t whole = (uint64_t)1 << patching->shape.shift;
    return (size_t)(left < whole ? left : whole);
}

/* Puts together what the piece will be. CORRUPT, IO: what must be kept of the old can't be read. */
static enum status compose(const struct patching *patching, uint64_t ordinal, char *into)
{
    const struct engine_patch *patch = patching->patch;
    uint64_t start = ordinal << patching->shape.shift;
    size_t size = size_of_piece(patching, ordinal);
    uint64_t from = patch->offset > start ? patch->offset : start;
    uint64_t to = patch->offset + patching->patch_size;
    to = to < start + size ? to : start + size;
    bool is_replaced = from == start && to == start + size;
    enum status status = STATUS_OK;
    if (!is_replaced) {
        uint64_t old_size = patching->old.size > start ? patching->old.size - start : 0;
        size_t kept = old_size < size ? (size_t)old_size : size;
        if (kept > 0) {
            status = engine_part_copy_locked(patching->engine, &patching->old, start, kept, into);
        }
        memset(into + kept, 0, size - kept);
    }
    if (status == STATUS_OK && from < to) {
        copy_patch(patch, from - patch->offset, (size_t)(to - from), into + (from - start));
    }
    return status;
}

/* --- records ------------------------------------------------------------------------------ */

static enum status write_piece(const struct patching *patching, uint64_t ordinal, const char *bytes)
{
    struct engine *engine = patching->engine;
    const struct slice part = slice_make(bytes, size_of_piece(patching, ordinal));
    struct append append = {
        .record = {.kind = RECORD_PIECED,
                   .keyspace_id = patching->keyspace->id,
                   .expiry_ms = EXPIRY_NONE,
                   .pieces_id = patching->pieces->id,
                   .place = ordinal},
        .parts = &part,
        .part_count = 1,
    };
    enum status status = appender_prepare_locked(engine, &append);
    if (status != STATUS_OK) {
        return status;
    }
    const struct piece old = pieces_get(patching->pieces, ordinal);
    if (old.address != 0) {
        change_count_piece_locked(engine, patching->keyspace->id, old, false);
    }
    engine->value_bytes += append.size;
    struct record_address address = appender_commit_locked(engine, &append);
    const struct piece fresh = {.address = address.units & PIECE_ADDRESS_MAX,
                                .units = append.size / SEGMENT_UNIT_SIZE & PIECE_UNITS_MAX,
                                .sequence = append.record.sequence};
    change_count_piece_locked(engine, patching->keyspace->id, fresh, true);
    pieces_set(patching->pieces, ordinal, fresh);
    patching->pieces->piece_sequence = fresh.sequence;
    pieces_order_touch(&patching->keyspace->pieces, patching->pieces);
    return STATUS_OK;
}

static enum status write_header(const struct patching *patching)
{
    const struct engine_patch *patch = patching->patch;
    struct pieces *pieces = patching->pieces;
    struct append append = {
        .record = {.kind = RECORD_PIECED,
                   .keyspace_id = patching->keyspace->id,
                   .key = patching->key,
                   .expiry_ms = patch->expiry_ms,
                   .type = patch->type,
                   .encoding = patch->encoding,
                   .pieces_id = pieces->id,
                   .place = pieces_encode_shape(patching->shape)},
        .stays_in_memory = true, /* so that the pieces behind it find their room there */
    };
    enum status status = change_put_locked(patching->engine, patching->keyspace, &append);
    if (status == STATUS_OK) {
        pieces->shape = patching->shape;
        pieces->hash = lookup_hash(patching->engine, patching->key);
        pieces->header =
            segment_address_of(&patching->engine->segments, append.segment, append.offset);
        pieces->header_sequence = append.record.sequence;
        pieces_order_touch(&patching->keyspace->pieces, pieces);
    }
    return status;
}

/* Rule 16 of docs/durability.md. */
static void begin_group(struct engine *engine)
{
    if (!MUTANT(PATCH_TORN)) {
        engine_group_begin_locked(engine);
    }
}

static void end_group(struct engine *engine)
{
    if (!MUTANT(PATCH_TORN)) {
        engine_group_end_locked(engine);
    }
}

/* --- a string that is not in pieces yet, or is copied ------------------------------------- */

static uint64_t piece_count(const struct patching *patching)
{
    uint64_t size = (uint64_t)1 << patching->shape.shift;
    return (patching->shape.size + size - 1) >> patching->shape.shift;
}

static bool is_hole(const struct entry *entry, uint64_t ordinal)
{
    const struct piece piece = pieces_get(entry->pieces, ordinal);
    return piece.address == 0 && piece.sequence == 0;
}

/* Is there nothing in the piece, neither of the old value nor of the patch? */
static bool is_gap(const struct patching *patching, uint64_t ordinal)
{
    const struct entry *old = &patching->old;
    uint64_t start = ordinal << patching->shape.shift;
    uint64_t end = start + size_of_piece(patching, ordinal);
    uint64_t offset = patching->patch->offset;
    return (start >= old->size || (old->pieces != NULL && is_hole(old, ordinal))) &&
           (end <= offset || start >= offset + patching->patch_size);
}

/* Bytes of the header, and of an expiry mark that may be due before it. */
static uint64_t header_size(struct slice key)
{
    return record_size(key.size, 0, true, true) + record_size(0, MARK_EXPIRY_SIZE, false, false);
}

/* What a put would be refused for is found out before the first piece is written: those would fill
 * the disk for nothing. */
static enum status reserve_all_pieces(const struct patching *patching)
{
    struct engine *engine = patching->engine;
    uint64_t count = piece_count(patching);
    uint64_t size = header_size(patching->key);
    enum status status =
        change_reserve_slot_locked(engine, patching->keyspace, lookup_hash(engine, patching->key),
                                   patching->is_new, patching->patch->expiry_ms);
    for (uint64_t i = 0; status == STATUS_OK && i < count; i++) {
        if (!is_gap(patching, i)) {
            size += pieces_record_size(size_of_piece(patching, i));
            status = pieces_table_reserve(&patching->keyspace->pieces, patching->pieces, i, i + 1);
        }
    }
    return status == STATUS_OK ? appender_reserve_locked(engine, size) : status;
}

static enum status write_all_pieces(const struct patching *patching)
{
    uint64_t count = piece_count(patching);
    enum status status = STATUS_OK;
    for (uint64_t i = 0; status == STATUS_OK && i < count; i++) {
        if (is_gap(patching, i)) {
            continue;
        }
        status = compose(patching, i, patching->buffers);
        const struct slice piece = slice_make(patching->buffers, size_of_piece(patching, i));
        if (status == STATUS_OK && !slice_is_zeros(piece)) {
            status = write_piece(patching, i, patching->buffers);
        }
    }
    return status;
}

static enum status make(struct patching *patching)
{
    struct engine *engine = patching->engine;
    struct pieces_table *table = &patching->keyspace->pieces;
    enum status status = STATUS_OK;
    if (patching->old.size > 0) {
        status = engine_verify_locked(engine, &patching->old, 0, SIZE_MAX);
        patching->old.is_verified = true; /* and not for each piece again */
    }
    if (status == STATUS_OK) {
        status = pieces_table_add(table, engine->appender.next_sequence, patching->keyspace->id,
                                  &patching->pieces);
    }
    if (status != STATUS_OK) {
        return status;
    }
    patching->pieces->shape = patching->shape;
    status = reserve_all_pieces(patching);
    begin_group(engine);
    status = status == STATUS_OK ? write_all_pieces(patching) : status;
    status = status == STATUS_OK ? write_header(patching) : status;
    if (status != STATUS_OK) {
        change_abandon_pieces_locked(engine, patching->keyspace, patching->pieces);
    }
    end_group(engine);
    return status;
}

/* --- a string in pieces ------------------------------------------------------------------- */

/* The pieces that the patch touches: [first, end). */
struct touched {
    uint64_t first;
    uint64_t end;
};

static struct touched touched_by(const struct patching *patching)
{
    unsigned shift = patching->shape.shift;
    uint64_t offset = patching->patch->offset;
    if (patching->patch_size == 0) {
        return (struct touched){0, 0};
    }
    return (struct touched){.first = offset >> shift,
                            .end = ((offset + patching->patch_size - 1) >> shift) + 1};
}

/* A mark that is owed would cover the header that is there. */
static bool wants_header(const struct patching *patching)
{
    const struct engine_patch *patch = patching->patch;
    const struct entry *old = &patching->old;
    return patching->shape.size != old->size || patch->expiry_ms != old->expiry_ms ||
           patch->type != old->type || patch->encoding != old->encoding ||
           expiry_owes_mark_locked(patching->engine, old->expiry_ms);
}

static char *buffer_of(const struct patching *patching, size_t which)
{
    return patching->buffers + (which << patching->shape.shift);
}

/* Everything that can fail: all but the records. */
static enum status get_ready(const struct patching *patching, struct touched touched)
{
    struct engine *engine = patching->engine;
    uint64_t size = header_size(patching->key);
    for (uint64_t i = touched.first; i < touched.end; i++) {
        size += pieces_record_size(size_of_piece(patching, i));
    }
    enum status status = pieces_table_reserve(&patching->keyspace->pieces, patching->pieces,
                                              touched.first, touched.end);
    if (status == STATUS_OK && touched.end > touched.first) {
        status = compose(patching, touched.first, buffer_of(patching, 0));
    }
    if (status == STATUS_OK && touched.end > touched.first + 1) {
        status = compose(patching, touched.end - 1, buffer_of(patching, 1));
    }
    return status == STATUS_OK ? appender_reserve_all_locked(engine, patching->keyspace->id, size)
                               : status;
}

static void write_touched(const struct patching *patching, struct touched touched)
{
    struct appender *appender = &patching->engine->appender;
    bool before = appender->must_not_fail;
    appender->must_not_fail = true;
    for (uint64_t i = touched.first; i < touched.end; i++) {
        size_t which = i == touched.first ? 0 : i == touched.end - 1 ? 1 : 2;
        if (which == 2) {
            CHECK(compose(patching, i, buffer_of(patching, which)) == STATUS_OK);
        }
        CHECK(write_piece(patching, i, buffer_of(patching, which)) == STATUS_OK);
    }
    appender->must_not_fail = before;
}

static enum status change(struct patching *patching)
{
    struct engine *engine = patching->engine;
    struct touched touched = touched_by(patching);
    patching->pieces = pieces_table_find(&patching->keyspace->pieces, patching->old.pieces->id);
    CHECK(patching->pieces == patching->old.pieces);
    enum status status = get_ready(patching, touched);
    if (status != STATUS_OK) {
        return status;
    }
    begin_group(engine);
    if (wants_header(patching)) {
        status = write_header(patching);
    } else if (touched.end > touched.first) {
        change_count_locked(engine);
    }
    if (status == STATUS_OK) {
        write_touched(patching, touched);
    }
    end_group(engine);
    return status;
}

/* --- all together ------------------------------------------------------------------------- */

static unsigned piece_shift(const struct engine *engine)
{
    unsigned wanted = engine->options.piece_shift;
    return wanted == 0 ? PIECES_SHIFT_DEFAULT : wanted;
}

bool engine_may_patch_locked(const struct engine *engine, const struct entry *old, uint64_t size)
{
    return (old != NULL && !entry_is_whole(old)) || size > (uint64_t)PIECES_COUNT_MIN
                                                               << piece_shift(engine);
}

/* The clock goes on: but what was found has not expired before it is changed. */
static void hold_moment(struct engine *engine, const struct entry *old)
{
    int64_t now_ms = engine->moment_ms != 0 ? engine->moment_ms : engine_unix_ms(engine);
    engine->moment_ms =
        old->record != NULL && old->expiry_ms <= now_ms ? old->expiry_ms - 1 : now_ms;
}

static enum status run(struct patching *patching, enum status (*work)(struct patching *patching))
{
    struct engine *engine = patching->engine;
    patching->buffers = malloc((size_t)PIECE_BUFFERS << patching->shape.shift);
    if (patching->buffers == NULL) {
        return STATUS_NO_MEMORY;
    }
    int64_t moment_ms = engine->moment_ms;
    hold_moment(engine, &patching->old);
    enum status status = work(patching);
    engine->moment_ms = moment_ms;
    free(patching->buffers);
    return status;
}

enum status engine_patch_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                struct slice key, const struct engine_patch *patch)
{
    struct patching patching = {.engine = engine,
                                .keyspace = keyspace,
                                .key = key,
                                .patch = patch,
                                .is_new = patch->old == NULL};
    if (patch->old != NULL) {
        patching.old = *patch->old;
    }
    for (size_t i = 0; i < patch->part_count; i++) {
        patching.patch_size += patch->parts[i].size;
    }
    uint64_t end = patching.patch_size > 0 ? patch->offset + patching.patch_size : 0;
    if (key.size > RECORD_KEY_SIZE_MAX || end > RECORD_VALUE_SIZE_MAX) {
        return STATUS_TOO_LARGE;
    }
    bool is_pieced = patching.old.pieces != NULL;
    patching.shape = (struct pieces_shape){
        .size = end > patching.old.size ? end : patching.old.size,
        .shift = is_pieced ? patching.old.pieces->shape.shift : piece_shift(engine)};
    return run(&patching, is_pieced ? change : make);
}

enum status engine_copy_locked(struct engine *engine, struct engine_keyspace *keyspace,
                               struct slice key, const struct engine_patch *copy)
{
    CHECK(copy->old->pieces != NULL && copy->part_count == 0);
    struct entry there;
    struct patching patching = {
        .engine = engine,
        .keyspace = keyspace,
        .key = key,
        .patch = copy,
        .is_new = engine_find_locked(engine, keyspace, key, &there) == STATUS_NOT_FOUND,
        .old = *copy->old,
        .shape = copy->old->pieces->shape,
    };
    return key.size > RECORD_KEY_SIZE_MAX ? STATUS_TOO_LARGE : run(&patching, make);
}

uint64_t engine_copy_size(const struct entry *from, struct slice key)
{
    uint64_t size = header_size(key);
    for (uint64_t i = 0; pieces_next(from->pieces, &i); i++) {
        size += pieces_record_size((uint64_t)1 << from->pieces->shape.shift);
    }
    return size;
}
