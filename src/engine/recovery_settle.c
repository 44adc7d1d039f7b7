/* recovery_settle.c - see recovery_settle.h. */
#include "engine/recovery_settle.h"

#include "base/check.h"
#include "engine/change.h"
#include "engine/checksum.h"
#include "engine/lookup.h"
#include "engine/prefetch.h"
#include "engine/record_scanner.h"
#include "engine/recovery_candidates.h"

#include <stdlib.h>

/* Old records lie apart: what is read at once around one of them. */
#define BLOCK_SIZE     ((size_t)64 * 1024)

#define PREFETCH_AHEAD 8
#define SCATTER_STEP   ((size_t)0x9e3779b1) /* odd: each place comes once */

/* --- the newest records ------------------------------------------------------------------- */

/* Has a mark declared the record dead? */
static bool is_marked(const struct recovery_settlement *settlement,
                      const struct recovery_entry *entry)
{
    return staircase_covers(settlement->marks, entry->sequence, entry->expiry_ms);
}

static bool is_alive(const struct recovery_settlement *settlement,
                     const struct recovery_entry *entry)
{
    return !entry->is_dead &&
           (entry->expiry_ms == EXPIRY_NONE ||
            (entry->expiry_ms > settlement->now_ms && !is_marked(settlement, entry)));
}

/* What the clock has ended while nobody looked is not served; the mark that the first expiry cycle
 * appends makes sure that it stays so. */
static void note_expired(const struct recovery_settlement *settlement,
                         const struct recovery_entry *entry)
{
    struct expiry *expiry = &settlement->engine->expiry;
    if (entry->is_dead || is_marked(settlement, entry)) {
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

/* --- looking them up ---------------------------------------------------------------------- */

/* The record that a slot of the checkpoint points at. */
struct known_record {
    struct segment *segment;
    enum status status; /* CORRUPT, IO: it can't be read */
    uint64_t sequence;
    uint64_t size;
    bool is_same_key;
};

/* Reads records in the order of their addresses. */
struct record_reader {
    struct engine *engine;
    struct segment *segment; /* borrowed; NULL: none yet */
    struct record_scanner scanner;
};

static enum status turn_to(struct record_reader *reader, struct segment *segment)
{
    if (reader->segment == segment) {
        return STATUS_OK;
    }
    if (reader->segment != NULL) {
        record_scanner_deinit(&reader->scanner);
    }
    reader->segment = NULL;
    enum status status =
        record_scanner_init(&reader->scanner, segment, SEGMENT_HEADER_SIZE, segment->end, false);
    if (status == STATUS_OK) {
        reader->segment = segment;
        reader->scanner.keep_cache = true;
        reader->scanner.capacity =
            reader->scanner.capacity < BLOCK_SIZE ? reader->scanner.capacity : BLOCK_SIZE;
    }
    return status;
}

static bool is_key_of(const struct engine *engine, const struct recovery_entry *entry,
                      struct slice key)
{
    return recovery_entry_hash(engine->secret, key) == entry->hash &&
           recovery_entry_check(engine->secret, recovery_entry_keyspace(entry), key) ==
               entry->check;
}

/* NO_MEMORY; that a record can't be read stands in `out`. */
static enum status read_known(struct record_reader *reader,
                              const struct recovery_candidate *candidate, struct known_record *out)
{
    struct engine *engine = reader->engine;
    const struct record_address address = {.units = candidate->address};
    struct segment *segment = segment_table_find(&engine->segments, address);
    enum status status = turn_to(reader, segment);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    struct scanned_record scanned;
    reader->scanner.offset = offset;
    status = record_scanner_next(&reader->scanner, &scanned);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    *out = (struct known_record){.segment = segment, .status = status};
    if (status == STATUS_OK) {
        out->sequence = scanned.record.sequence;
        out->size = scanned.size;
        out->is_same_key = is_key_of(engine, candidate->entry, scanned.record.key);
    } else {
        lookup_report_locked(engine, segment, offset, status);
    }
    return STATUS_OK;
}

/* --- settling ----------------------------------------------------------------------------- */

/* Is the slot's record newer than the entry's? A packed file may bring a tombstone that is older.
 * Where it can't be read, its place in a segment of the log tells, if the entry's is there too, or
 * its file's numbers; in doubt it stays, and reading the key is an error. */
static bool is_newer(const struct recovery_settlement *settlement,
                     const struct recovery_candidate *candidate, const struct known_record *known)
{
    const struct recovery_entry *entry = candidate->entry;
    unsigned shift = settlement->engine->segments.shift;
    if (known->status == STATUS_OK) {
        return known->sequence > entry->sequence;
    }
    bool is_beside = (candidate->address ^ entry->address) >> shift == 0;
    return is_beside && known->segment->kind == SEGMENT_LOG
               ? candidate->address > entry->address
               : known->segment->last_sequence > entry->sequence;
}

/* The slot's record is of the entry's key: which of the two counts? */
static enum status settle_known(struct recovery_settlement *settlement,
                                const struct recovery_candidate *candidate,
                                const struct known_record *known)
{
    struct engine *engine = settlement->engine;
    struct recovery_entry *entry = candidate->entry;
    entry->is_used = 0;
    if (is_newer(settlement, candidate, known)) {
        return STATUS_OK;
    }
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
        const struct lookup lookup = {
            .status = known->status, .segment = known->segment, .size = known->size};
        /* Which strings in pieces have died is known when all slots are: recovery_pieces.h. */
        change_forget_record_locked(engine, keyspace, hash, &lookup);
    }
    return status;
}

/* Asks for the memory that settling a candidate will touch: first its entry, then its slot. */
static void prefetch_candidates(const struct recovery_settlement *settlement,
                                const struct recovery_candidates *candidates, size_t i)
{
    if (i + 2 * PREFETCH_AHEAD < candidates->count) {
        __builtin_prefetch(candidates->items[i + 2 * PREFETCH_AHEAD].entry);
    }
    if (i + PREFETCH_AHEAD < candidates->count) {
        const struct recovery_entry *entry = candidates->items[i + PREFETCH_AHEAD].entry;
        prefetch_slot_of(settlement, entry);
    }
}

/* Goes through the candidates; those whose records can't be read are left over, at the front. */
static enum status settle_readable(struct recovery_settlement *settlement,
                                   struct recovery_candidates *candidates)
{
    struct record_reader reader = {.engine = settlement->engine};
    enum status status = STATUS_OK;
    size_t left = 0;
    for (size_t i = 0; status == STATUS_OK && i < candidates->count; i++) {
        const struct recovery_candidate *candidate = &candidates->items[i];
        struct known_record known;
        prefetch_candidates(settlement, candidates, i);
        status = read_known(&reader, candidate, &known);
        if (status == STATUS_OK && known.status != STATUS_OK) {
            candidates->items[left++] = *candidate;
        } else if (status == STATUS_OK && known.is_same_key) {
            status = settle_known(settlement, candidate, &known);
        }
    }
    if (reader.segment != NULL) {
        record_scanner_deinit(&reader.scanner);
    }
    candidates->count = left;
    return status;
}

/* Entries of one hash, by accident of different keys perhaps, whose slot's record can't be read. */
struct unreadable {
    const struct recovery_candidate *items;
    size_t count;
    struct known_record known;
};

static struct unreadable next_unreadable(const struct recovery_settlement *settlement,
                                         const struct recovery_candidates *candidates, size_t from)
{
    const struct record_address address = {.units = candidates->items[from].address};
    struct segment_table *segments = &settlement->engine->segments;
    size_t end = from + 1;
    while (end < candidates->count && candidates->items[end].address == address.units) {
        end++;
    }
    return (struct unreadable){
        .items = candidates->items + from,
        .count = end - from,
        .known = {.segment = segment_table_find(segments, address), .status = STATUS_CORRUPT}};
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
        struct recovery_entry *entry = group->items[i].entry;
        if (entry->is_used && is_newer(settlement, &group->items[i], &group->known)) {
            entry->is_used = 0;
            stays = true;
        }
    }
    for (size_t i = 0; !stays && i < group->count; i++) {
        if (group->items[i].entry->is_used) {
            return settle_known(settlement, &group->items[i], &group->known);
        }
    }
    return STATUS_OK;
}

static enum status settle_all_unreadable(struct recovery_settlement *settlement,
                                         const struct recovery_candidates *candidates)
{
    enum status status = STATUS_OK;
    struct unreadable group;
    for (size_t i = 0; status == STATUS_OK && i < candidates->count; i += group.count) {
        group = next_unreadable(settlement, candidates, i);
        status = settle_unreadable(settlement, &group);
    }
    return status;
}

/* --- marks -------------------------------------------------------------------------------- */

#define MARKED_BATCH 64

/* Slots of one hash that a mark may concern. */
struct marked_batch {
    struct index_entry slots[MARKED_BATCH];
    size_t count;
    int64_t until_ms;
};

static void collect_marked(void *context, const struct index_entry *slot)
{
    struct marked_batch *batch = context;
    if (slot->expiry_ms <= batch->until_ms && batch->count < MARKED_BATCH) {
        batch->slots[batch->count++] = *slot;
    }
}

static void drop_marked(struct recovery_settlement *settlement, struct engine_keyspace *keyspace,
                        const struct marked_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct lookup lookup;
        lookup_address_locked(settlement->engine, batch->slots[i].address, &lookup);
        if (lookup.status == STATUS_OK &&
            staircase_covers(settlement->marks, lookup.record.sequence, lookup.record.expiry_ms)) {
            CHECK(index_remove(keyspace->index, batch->slots[i].hash, batch->slots[i].address));
            change_forget_record_locked(settlement->engine, keyspace, batch->slots[i].hash,
                                        &lookup);
        }
    }
}

/* Marks speak of slots of the checkpoint, too. As long as the clock has passed what they say, the
 * expiry cycle sees to that; a clock that was set back must not bring anything back. */
static void obey_marks(struct recovery_settlement *settlement)
{
    const struct staircase *marks = settlement->marks;
    struct spaces *spaces = &settlement->engine->spaces;
    if (marks->count == 0 || marks->steps[0].until_ms <= settlement->now_ms) {
        return;
    }
    for (size_t i = 0; i < spaces->count; i++) {
        struct engine_keyspace *keyspace = spaces->databases[i];
        uint64_t cursor = 0;
        do {
            /* Slots tell whole seconds, rounded up. */
            struct marked_batch batch = {.until_ms = marks->steps[0].until_ms + 999};
            index_scan(keyspace->index, &cursor, 1, collect_marked, &batch);
            drop_marked(settlement, keyspace, &batch);
        } while (cursor != 0);
    }
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
        status = settle_readable(settlement, &candidates);
    }
    if (status == STATUS_OK) {
        status = settle_all_unreadable(settlement, &candidates);
    }
    recovery_candidates_deinit(&candidates);
    if (status == STATUS_OK && has_entries(settlement->table)) {
        status = recovery_settle_alone(settlement); /* the rest: keys that were not there */
    }
    if (status == STATUS_OK) {
        obey_marks(settlement);
    }
    return status;
}
