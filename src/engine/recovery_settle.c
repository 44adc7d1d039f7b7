/* recovery_settle.c - see recovery_settle.h. */
#include "engine/recovery_settle.h"

#include "base/check.h"
#include "engine/change.h"
#include "engine/lookup.h"
#include "engine/prefetch.h"
#include "engine/recovery_lookup.h"

#include <stdlib.h>

#define PREFETCH_AHEAD 8
#define SCATTER_STEP   ((size_t)0x9e3779b1) /* odd: each place comes once */

/* --- the newest records ------------------------------------------------------------------- */

/* Does it have a slot? What a mark alone has ended does: expiry.h. */
static bool is_alive(const struct recovery_settlement *settlement,
                     const struct recovery_entry *entry)
{
    return !entry->is_dead &&
           (entry->expiry_ms == EXPIRY_NONE || entry->expiry_ms > settlement->now_ms);
}

/* What the clock has ended while nobody looked is not served; the mark that the first expiry cycle
 * appends makes sure that it stays so. A mark that says so already is no substitute: it goes when
 * all slots have gone that it speaks of, wherever the records are. */
static void note_expired(const struct recovery_settlement *settlement,
                         const struct recovery_entry *entry)
{
    struct expiry *expiry = &settlement->engine->expiry;
    if (entry->is_dead) {
        return;
    }
    expiry->removed++;
    expiry->until_ms = entry->expiry_ms > expiry->until_ms ? entry->expiry_ms : expiry->until_ms;
}

/* Puts the record into the index, where its key is not yet (`old` NULL) or stands at `old`. */
static enum status point_at(struct engine *engine, struct engine_keyspace *keyspace,
                            const struct recovery_entry *entry, const struct record_address *old)
{
    struct index_entry slot = {.hash = index_hash_of(entry->hash),
                               .address = {.units = entry->address},
                               .type = entry->type & 15,
                               .expiry_ms = entry->expiry_ms};
    struct segment *segment = segment_table_find(&engine->segments, slot.address);
    enum status status = segment_live_prepare(segment, keyspace->id);
    if (status == STATUS_OK) {
        status = old == NULL ? index_insert(keyspace->index, &slot)
                             : index_replace(keyspace->index, *old, &slot);
    }
    if (status == STATUS_OK) {
        segment_live_change(segment, keyspace->id, (int64_t)entry->units * SEGMENT_UNIT_SIZE,
                            false);
    }
    return status;
}

/* The newest record of a key that no index has yet. */
static enum status settle_new(struct recovery_settlement *settlement,
                              const struct recovery_entry *entry)
{
    struct engine *engine = settlement->engine;
    struct engine_keyspace *keyspace = spaces_find(&engine->spaces, recovery_entry_keyspace(entry));
    if (keyspace == NULL) {
        return STATUS_OK; /* flushed */
    }
    if (is_alive(settlement, entry)) {
        return point_at(engine, keyspace, entry, NULL);
    }
    note_expired(settlement, entry);
    return STATUS_OK;
}

/* Goes through all of the table, a power of two, with far steps. */
static struct recovery_entry *scattered(const struct recovery_table *table, size_t i)
{
    return &table->entries[i * SCATTER_STEP & (table->capacity - 1)];
}

static void prefetch_slot_of(const struct recovery_settlement *settlement,
                             const struct recovery_entry *entry)
{
    struct prefetch_slots slots = {.count = 0};
    prefetch_add_slot_locked(settlement->engine, &slots, recovery_entry_keyspace(entry),
                             index_hash_of(entry->hash));
    prefetch_slots(&slots);
}

/* Asks for the memory that settling the next entries will touch: an entry, then its slot. */
static void prefetch_entry(const struct recovery_settlement *settlement, size_t i)
{
    const struct recovery_entry *entry = scattered(settlement->table, i + PREFETCH_AHEAD);
    __builtin_prefetch(scattered(settlement->table, i + 2 * PREFETCH_AHEAD));
    if (entry->is_used) {
        prefetch_slot_of(settlement, entry);
    }
}

enum status recovery_settle_alone(struct recovery_settlement *settlement)
{
    /* Not in the table's order, which is that of the hashes: an index into which they came like
     * that would crowd at one end while it grows. */
    size_t capacity = settlement->table->capacity;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < capacity; i++) {
        prefetch_entry(settlement, i);
        struct recovery_entry *entry = scattered(settlement->table, i);
        if (entry->is_used) {
            status = settle_new(settlement, entry);
        }
    }
    return status;
}

/* --- settling ----------------------------------------------------------------------------- */

/* Was the entry's record the newest of its key up to this sequence number? A compaction, which
 * copies what is alive, says so of values; what it keeps that deletes may be older. */
static bool was_newest(const struct recovery_settlement *settlement,
                       const struct recovery_entry *entry, uint64_t sequence)
{
    const struct record_address address = {.units = entry->address};
    const struct segment *segment = segment_table_find(&settlement->engine->segments, address);
    return !entry->is_dead && segment->kind == SEGMENT_PACKED &&
           segment->judged_sequence >= sequence;
}

/* The slot's record can't be read: may it be newer than the entry's? Its place in a segment of the
 * log tells, if the entry's is there too, or its file's numbers, or that the entry's record is a
 * copy of something that is as new as all of that file (of this one, most often); in doubt it
 * stays, and reading the key is an error. */
static bool may_be_newer(const struct recovery_settlement *settlement,
                         const struct recovery_candidate *candidate)
{
    struct segment_table *segments = &settlement->engine->segments;
    const struct recovery_entry *entry = recovery_candidate_entry(settlement->table, candidate);
    const struct record_address address = {.units = candidate->address};
    const struct segment *segment = segment_table_find(segments, address);
    bool is_beside = (address.units ^ entry->address) >> segments->shift == 0;
    if (is_beside && segment->kind == SEGMENT_LOG) {
        return address.units > entry->address;
    }
    return segment->last_sequence > entry->sequence &&
           !was_newest(settlement, entry, segment->last_sequence);
}

static bool is_readable(const struct recovery_candidate *candidate)
{
    return candidate->verdict != RECOVERY_CORRUPT && candidate->verdict != RECOVERY_FAILED;
}

/* What the index points at no longer. */
static void forget_record(const struct recovery_settlement *settlement,
                          const struct recovery_candidate *candidate,
                          const struct engine_keyspace *keyspace, struct index_hash hash)
{
    struct engine *engine = settlement->engine;
    const struct record_address address = {.units = candidate->address};
    struct segment *segment = segment_table_find(&engine->segments, address);
    const struct lookup lookup = {
        .status = is_readable(candidate) ? STATUS_OK : STATUS_CORRUPT,
        .segment = segment,
        .offset = segment_offset_of(&engine->segments, segment, address),
        .size = (uint64_t)candidate->units * SEGMENT_UNIT_SIZE,
    };
    /* Which strings in pieces have died is known when all slots are: recovery_pieces.h. */
    change_forget_record_locked(engine, keyspace, hash, &lookup);
}

/* The slot's record counts as the entry's key's, and is not newer. */
static enum status settle_known(struct recovery_settlement *settlement,
                                const struct recovery_candidate *candidate)
{
    struct engine *engine = settlement->engine;
    struct recovery_entry *entry = recovery_candidate_entry(settlement->table, candidate);
    entry->is_used = 0;
    bool alive = is_alive(settlement, entry);
    if (alive && candidate->address == entry->address) {
        return STATUS_OK; /* its table was copied after it had been appended */
    }
    struct engine_keyspace *keyspace = spaces_find(&engine->spaces, recovery_entry_keyspace(entry));
    const struct record_address old = {.units = candidate->address};
    struct index_hash hash = index_hash_of(entry->hash);
    enum status status = STATUS_OK;
    if (alive) {
        status = point_at(engine, keyspace, entry, &old);
    } else {
        note_expired(settlement, entry);
        CHECK(index_remove(keyspace->index, hash, old));
    }
    if (status == STATUS_OK) {
        forget_record(settlement, candidate, keyspace, hash);
    }
    return status;
}

/* Asks for the memory that settling a candidate will touch: first its entry, then its slot. */
static void prefetch_candidates(const struct recovery_settlement *settlement,
                                const struct recovery_candidates *candidates, size_t i)
{
    const struct recovery_candidate *items = candidates->items;
    if (i + 2 * PREFETCH_AHEAD < candidates->count) {
        __builtin_prefetch(
            recovery_candidate_entry(settlement->table, &items[i + 2 * PREFETCH_AHEAD]));
    }
    if (i + PREFETCH_AHEAD < candidates->count) {
        prefetch_slot_of(settlement,
                         recovery_candidate_entry(settlement->table, &items[i + PREFETCH_AHEAD]));
    }
}

static void report_unreadable(const struct recovery_settlement *settlement,
                              const struct recovery_candidate *candidate)
{
    struct engine *engine = settlement->engine;
    const struct record_address address = {.units = candidate->address};
    const struct segment *segment = segment_table_find(&engine->segments, address);
    lookup_report_locked(engine, segment, segment_offset_of(&engine->segments, segment, address),
                         candidate->verdict == RECOVERY_FAILED ? STATUS_IO : STATUS_CORRUPT);
}

/* Goes through the candidates; those whose records can't be read are left over, at the front. */
static enum status settle_readable(struct recovery_settlement *settlement,
                                   struct recovery_candidates *candidates)
{
    enum status status = STATUS_OK;
    size_t left = 0;
    for (size_t i = 0; status == STATUS_OK && i < candidates->count; i++) {
        const struct recovery_candidate *candidate = &candidates->items[i];
        prefetch_candidates(settlement, candidates, i);
        if (!is_readable(candidate)) {
            candidates->items[left++] = *candidate;
        } else if (candidate->verdict == RECOVERY_OLDER) {
            status = settle_known(settlement, candidate);
        } else if (candidate->verdict == RECOVERY_NEWER) {
            /* A packed file may bring a tombstone that is older. */
            recovery_candidate_entry(settlement->table, candidate)->is_used = 0;
        }
    }
    candidates->count = left;
    return status;
}

/* Entries of one hash, by accident of different keys perhaps, whose slot's record can't be read. */
struct unreadable {
    const struct recovery_candidate *items;
    size_t count;
};

static struct unreadable next_unreadable(const struct recovery_candidates *candidates, size_t from)
{
    size_t end = from + 1;
    while (end < candidates->count &&
           candidates->items[end].address == candidates->items[from].address) {
        end++;
    }
    return (struct unreadable){.items = candidates->items + from, .count = end - from};
}

/* The record counts as the key's when no other record of the key was found: of one entry, for a
 * slot is given up only once. The other entries stay in the table, as of keys that had no slot.
 * Where it may be newer than one of the entries, the slot stays: so reading that key is an error.
 */
static enum status settle_unreadable(struct recovery_settlement *settlement,
                                     const struct unreadable *group)
{
    bool stays = false;
    for (size_t i = 0; i < group->count; i++) {
        struct recovery_entry *entry =
            recovery_candidate_entry(settlement->table, &group->items[i]);
        if (entry->is_used && may_be_newer(settlement, &group->items[i])) {
            entry->is_used = 0;
            stays = true;
        }
    }
    for (size_t i = 0; !stays && i < group->count; i++) {
        if (recovery_candidate_entry(settlement->table, &group->items[i])->is_used) {
            return settle_known(settlement, &group->items[i]);
        }
    }
    return STATUS_OK;
}

static enum status settle_all_unreadable(struct recovery_settlement *settlement,
                                         struct recovery_candidates *candidates)
{
    enum status status = STATUS_OK;
    struct unreadable group;
    recovery_candidates_sort_by_address(candidates);
    for (size_t i = 0; status == STATUS_OK && i < candidates->count; i += group.count) {
        group = next_unreadable(candidates, i);
        report_unreadable(settlement, group.items);
        status = settle_unreadable(settlement, &group);
    }
    return status;
}

static bool has_entries(const struct recovery_table *table)
{
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].is_used) {
            return true;
        }
    }
    return false;
}

enum status recovery_settle_on_checkpoint(struct recovery_settlement *settlement)
{
    struct recovery_candidates candidates;
    recovery_candidates_init(&candidates);
    enum status status = recovery_candidates_collect(&candidates, settlement);
    if (status == STATUS_OK) {
        status = recovery_lookup_all(settlement, &candidates);
    }
    if (status == STATUS_OK) {
        recovery_candidates_sort_by_entry(&candidates, settlement->table);
        status = settle_readable(settlement, &candidates);
    }
    if (status == STATUS_OK) {
        status = settle_all_unreadable(settlement, &candidates);
    }
    recovery_candidates_deinit(&candidates);
    if (status == STATUS_OK && has_entries(settlement->table)) {
        status = recovery_settle_alone(settlement); /* the rest: keys that were not there */
    }
    return status;
}
