/* compaction_copy.c - see compaction_copy.h. */
#include "engine/compaction_copy.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/expiry.h"
#include "engine/lookup.h"
#include "engine/mapped_record.h"
#include "engine/mark.h"
#include "engine/prefetch.h"

enum status compaction_copy_init(struct compaction_copy *copy, struct engine *engine,
                                 struct segment *victim, uint64_t guard_limit)
{
    *copy =
        (struct compaction_copy){.engine = engine, .victim = victim, .guard_limit = guard_limit};
    buffer_init(&copy->bytes);
    return record_scanner_init(&copy->scanner, victim, SEGMENT_HEADER_SIZE, victim->end, true);
}

void compaction_copy_deinit(struct compaction_copy *copy)
{
    record_scanner_deinit(&copy->scanner);
    buffer_deinit(&copy->bytes);
}

static enum status damaged(struct compaction_copy *copy, uint64_t offset, enum status status)
{
    copy->is_damaged = true;
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(copy->victim->kind, copy->victim->number, name);
    LOG_WARNING("%s can't be compacted, and is kept as it is: %s at offset %llu", name,
                status_words(status), (unsigned long long)offset);
    return status;
}

/* --- reading ------------------------------------------------------------------------------ */

/* What the segment's map says. An expired record that no slot points at may have to leave a
 * tombstone. */
static enum compaction_verdict judge_value(const struct compaction_copy *copy,
                                           const struct scanned_record *scanned)
{
    const struct live_map *map = copy->victim->live_map;
    if (live_map_is_lost(map)) {
        return VERDICT_OPEN;
    }
    if (live_map_has(map, scanned->offset)) {
        return VERDICT_COPY;
    }
    return scanned->record.expiry_ms == EXPIRY_NONE ? VERDICT_DROP : VERDICT_OPEN;
}

/* As far as it can be said without the lock. */
static enum compaction_verdict judge(const struct compaction_copy *copy,
                                     const struct scanned_record *scanned)
{
    switch (scanned->record.kind) {
    case RECORD_VALUE:
    case RECORD_PIECED:
        return judge_value(copy, scanned);
    case RECORD_EXPIRY_MARK:
        return VERDICT_OPEN;
    case RECORD_TOMBSTONE:
        return scanned->record.sequence > copy->guard_limit ? VERDICT_OPEN : VERDICT_DROP;
    case RECORD_SYNC_MARK:    /* speaks of the log, which this file no longer is */
    case RECORD_KEYSPACE_MAP: /* the manifest that drops this file has a map as new */
        break;
    }
    return VERDICT_DROP;
}

static enum status add_candidate(struct compaction_copy *copy, const struct scanned_record *scanned,
                                 enum compaction_verdict verdict)
{
    const struct record *record = &scanned->record;
    bool is_large = !scanned->has_value;
    struct compaction_candidate *candidate = &copy->candidates[copy->candidate_count];
    *candidate = (struct compaction_candidate){.record = *record,
                                               .offset = scanned->offset,
                                               .size = scanned->size,
                                               .bytes_at = copy->bytes.size,
                                               .is_large = is_large,
                                               .verdict = verdict};
    enum status status = is_large
                             ? buffer_append(&copy->bytes, record->key.data, record->key.size)
                             : buffer_append(&copy->bytes, scanned->bytes, (size_t)scanned->size);
    if (status == STATUS_OK) {
        copy->candidate_count++;
    }
    return status;
}

/* The batch is whole, its bytes stay where they are: slices can point into them. */
static void point_into_bytes(struct compaction_copy *copy)
{
    for (size_t i = 0; i < copy->candidate_count; i++) {
        struct compaction_candidate *candidate = &copy->candidates[i];
        /* All that is there may be an empty key: then they have no address. */
        struct slice bytes = slice_part(buffer_slice(&copy->bytes), candidate->bytes_at, 0);
        if (candidate->is_large) {
            candidate->record.key = slice_make(bytes.data, candidate->record.key.size);
        } else {
            uint64_t size;
            CHECK(record_peek((const uint8_t *)bytes.data, candidate->size, &candidate->record,
                              &size) == STATUS_OK);
        }
        candidate->hash = lookup_hash(copy->engine, candidate->record.key);
    }
}

/* What a mark says counts, and its copy gets a fresh, right checksum: damage must be found now. A
 * wrong time in it would be the end of all keys that expire. */
static bool is_sound(const struct compaction_copy *copy, const struct scanned_record *scanned)
{
    const struct record *record = &scanned->record;
    int64_t until_ms;
    return record->kind != RECORD_EXPIRY_MARK ||
           (scanned->has_value &&
            record_verify_value(scanned->bytes, 0, record->value.size, copy->victim->seed) ==
                STATUS_OK &&
            mark_decode_expiry(record->value, &until_ms) == STATUS_OK);
}

static enum status fill_batch(struct compaction_copy *copy)
{
    copy->candidate_count = 0;
    copy->next = 0;
    copy->bytes.size = 0;
    uint64_t end = copy->scanner.offset + COMPACTION_BATCH_READ;
    while (copy->candidate_count < COMPACTION_BATCH_COUNT &&
           copy->bytes.size < COMPACTION_BATCH_SIZE && copy->scanner.offset < end) {
        struct scanned_record scanned;
        enum status status = record_scanner_next(&copy->scanner, &scanned);
        if (status == STATUS_NOT_FOUND) {
            copy->ended = true;
            break;
        }
        if (status == STATUS_CORRUPT || status == STATUS_IO) {
            return damaged(copy, copy->scanner.offset, status);
        }
        if (status == STATUS_OK && !is_sound(copy, &scanned)) {
            return damaged(copy, scanned.offset, STATUS_CORRUPT);
        }
        enum compaction_verdict verdict =
            status == STATUS_OK ? judge(copy, &scanned) : VERDICT_DROP;
        if (verdict != VERDICT_DROP) {
            status = add_candidate(copy, &scanned, verdict);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    point_into_bytes(copy);
    return STATUS_OK;
}

/* --- judging ------------------------------------------------------------------------------ */

static struct record_address address_of(const struct compaction_copy *copy,
                                        const struct compaction_candidate *candidate)
{
    return segment_address_of(&copy->engine->segments, copy->victim, candidate->offset);
}

/* A newer mark with the same time or a later one says all that this one does, and stays as long as
 * it is needed: then this one is dead like a value that was overwritten. Else, beyond the rule for
 * tombstones, a mark is needed as long as slots may be left that it concerns. */
static bool is_mark_done_locked(const struct compaction_copy *copy, const struct record *record)
{
    const struct engine *engine = copy->engine;
    int64_t until_ms;
    if (mark_decode_expiry(record->value, &until_ms) != STATUS_OK) {
        return false;
    }
    return staircase_covers(&engine->expiry.marks, record->sequence, until_ms) ||
           (record->sequence <= copy->guard_limit &&
            expiry_is_done_locked(engine, record->sequence, until_ms));
}

/* Is it a piece, which no slot points at? */
static bool is_piece(const struct record *record)
{
    return record->kind == RECORD_PIECED && !pieces_is_header(record);
}

static enum compaction_verdict judge_piece(const struct compaction_copy *copy,
                                           const struct compaction_candidate *candidate,
                                           const struct engine_keyspace *keyspace)
{
    const struct record *record = &candidate->record;
    const struct pieces *pieces = pieces_table_find(&keyspace->pieces, record->pieces_id);
    return pieces != NULL &&
                   pieces_get(pieces, record->place).address == address_of(copy, candidate).units
               ? VERDICT_COPY
               : VERDICT_DROP;
}

static enum compaction_verdict judge_locked(const struct compaction_copy *copy,
                                            const struct compaction_candidate *candidate)
{
    const struct record *record = &candidate->record;
    if (record->kind == RECORD_EXPIRY_MARK) {
        return is_mark_done_locked(copy, record) ? VERDICT_DROP : VERDICT_COPY;
    }
    const struct engine_keyspace *keyspace =
        spaces_find(&copy->engine->spaces, record->keyspace_id);
    if (keyspace == NULL) {
        return VERDICT_DROP;
    }
    if (record->kind == RECORD_TOMBSTONE) {
        return VERDICT_COPY;
    }
    if (is_piece(record)) {
        return judge_piece(copy, candidate, keyspace);
    }
    if (index_has(keyspace->index, candidate->hash, address_of(copy, candidate))) {
        return VERDICT_COPY;
    }
    /* No slot points here. A record with an expiry may be the newest of its key and have expired;
     * then older versions must stay hidden. (Whether the clock agrees now does not matter.) */
    if (record->expiry_ms == EXPIRY_NONE || record->sequence <= copy->guard_limit) {
        return VERDICT_DROP;
    }
    /* But when its key has a slot, that is a newer record, which hides what is older; or this same
     * one, copied by an earlier compaction that did not finish with its file: a tombstone of the
     * same sequence number would kill it. */
    struct lookup_key wanted = {.hash = candidate->hash, .key = record->key};
    struct index_entry slot;
    struct lookup newer;
    bool has_slot = lookup_key_locked(copy->engine, keyspace, &wanted, &slot, &newer);
    return has_slot ? VERDICT_DROP : VERDICT_TOMBSTONE;
}

/* Asks for the memory that judging the next few candidates will touch. */
static void prefetch_locked(const struct compaction_copy *copy, size_t first)
{
    struct prefetch_slots slots;
    slots.count = 0;
    for (size_t i = first; i < copy->candidate_count && i < first + PREFETCH_GROUP_SIZE; i++) {
        const struct compaction_candidate *candidate = &copy->candidates[i];
        if (candidate->verdict == VERDICT_OPEN) {
            prefetch_add_slot_locked(copy->engine, &slots, candidate->record.keyspace_id,
                                     candidate->hash);
        }
    }
    prefetch_slots(&slots);
}

static void judge_all_locked(struct compaction_copy *copy)
{
    prefetch_locked(copy, 0);
    for (size_t i = 0; i < copy->candidate_count; i++) {
        if (i % PREFETCH_GROUP_SIZE == 0) {
            prefetch_locked(copy, i + PREFETCH_GROUP_SIZE);
        }
        if (copy->candidates[i].verdict == VERDICT_OPEN) {
            copy->candidates[i].verdict = judge_locked(copy, &copy->candidates[i]);
        }
    }
}

static bool is_judged(const struct compaction_copy *copy)
{
    for (size_t i = 0; i < copy->candidate_count; i++) {
        if (copy->candidates[i].verdict == VERDICT_OPEN) {
            return false;
        }
    }
    return true;
}

enum status compaction_copy_read(struct compaction_copy *copy)
{
    if (copy->ended) {
        return STATUS_NOT_FOUND;
    }
    enum status status = fill_batch(copy);
    if (status != STATUS_OK || is_judged(copy)) {
        return status;
    }
    mutex_lock_patiently(&copy->engine->lock);
    judge_all_locked(copy);
    mutex_unlock(&copy->engine->lock);
    return STATUS_OK;
}

/* --- copying ------------------------------------------------------------------------------ */

/* A copy gets a fresh, right checksum: so damage must be found now. */
static enum status verify(const struct compaction_copy *copy,
                          struct compaction_candidate *candidate)
{
    const struct segment *victim = copy->victim;
    if (!candidate->is_large) {
        const uint8_t *bytes = (const uint8_t *)copy->bytes.data + candidate->bytes_at;
        return record_verify_value(bytes, 0, candidate->record.value.size, victim->seed);
    }
    struct record large;
    enum status status = mapped_record_decode(
        victim->mapping + candidate->offset, victim->end - candidate->offset, victim->seed, &large);
    if (status == STATUS_OK) {
        candidate->record.value = large.value;
    }
    return status;
}

static enum status copy_one(struct compaction_copy *copy, struct compaction_candidate *candidate,
                            struct compaction_output *output, uint64_t *size)
{
    struct record record = candidate->record;
    record.group_more = false; /* whole groups only: the file lies below the durable position */
    if (candidate->verdict == VERDICT_TOMBSTONE) {
        record.kind = RECORD_TOMBSTONE;
        record.type = 0;
        record.encoding = 0;
        record.expiry_ms = EXPIRY_NONE;
        record.value = slice_make(NULL, 0);
    }
    uint64_t needed = record_size(record.key.size, record.value.size,
                                  record.expiry_ms != EXPIRY_NONE, record.kind == RECORD_PIECED);
    if (!compaction_output_has_room(output, needed)) {
        *size = needed;
        return STATUS_TOO_LARGE;
    }
    bool is_alive = record.kind == RECORD_VALUE || record.kind == RECORD_PIECED;
    if (is_alive) {
        enum status status = verify(copy, candidate);
        if (status != STATUS_OK) {
            return damaged(copy, candidate->offset, status);
        }
        record.value = candidate->record.value;
    }
    struct record_address from = address_of(copy, candidate);
    enum status status =
        compaction_output_append(output, &record, candidate->hash, is_alive ? &from : NULL);
    if (status == STATUS_SOURCE_LOST) {
        return damaged(copy, candidate->offset, STATUS_IO);
    }
    if (status == STATUS_OK && record.kind == RECORD_EXPIRY_MARK &&
        record.sequence <= copy->guard_limit) {
        compaction_output_note_waiting(output, needed);
    }
    return status;
}

enum status compaction_copy_write(struct compaction_copy *copy, struct compaction_output *output,
                                  uint64_t *size)
{
    while (copy->next < copy->candidate_count) {
        struct compaction_candidate *candidate = &copy->candidates[copy->next];
        if (candidate->verdict != VERDICT_DROP) {
            enum status status = copy_one(copy, candidate, output, size);
            if (status != STATUS_OK) {
                return status;
            }
        }
        copy->next++;
    }
    return STATUS_OK;
}
