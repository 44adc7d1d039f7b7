/* recovery_load.c - see recovery_load.h. */
#include "engine/recovery_load.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/change.h"
#include "engine/fault_guard.h"
#include "engine/lookup.h"
#include "engine/recovery_checkpoint.h"
#include "engine/recovery_scan.h"

#include <stdlib.h>

struct load {
    struct engine *engine;
    struct recovery_files *files;
    struct recovery_scan scan;
    struct recovery_checkpoint checkpoint;
    bool checkpoint_failed;
    int64_t now_ms; /* one moment for all keys */
};

/* --- the files ---------------------------------------------------------------------------- */

static bool belongs_to_history(const struct recovery_file *file)
{
    return !file->set_aside && file->end > SEGMENT_HEADER_SIZE &&
           (file->state == RECOVERY_PACKED || file->state == RECOVERY_SEALED ||
            file->state == RECOVERY_OPEN);
}

static enum status add_to_table(struct engine *engine, const struct recovery_file *file)
{
    struct segment *segment = file->segment;
    enum status status = segment_table_add(&engine->segments, segment);
    if (status != STATUS_OK) {
        return status;
    }
    segment_reference(segment); /* the table's; recovery keeps its own */
    segment->end = file->end;
    segment->first_sequence = file->header.first_sequence;
    segment->last_sequence = file->last_sequence;
    segment->judged_sequence = file->header.judged_sequence;
    segment->synced_end = file->end;
    segment->closed = true;
    segment->sealed = true;
    return STATUS_OK;
}

static enum status add_files(struct load *load)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < load->files->count; i++) {
        if (belongs_to_history(&load->files->files[i])) {
            status = add_to_table(load->engine, &load->files->files[i]);
        }
    }
    return status;
}

/* Reads what the checkpoint does not cover; without one, all. */
static enum status scan_files(struct load *load, struct error *error)
{
    const struct recovery_files *files = load->files;
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (belongs_to_history(&files->files[i])) {
            total_bytes +=
                files->files[i].end - recovery_checkpoint_from(&load->checkpoint, &files->files[i]);
        }
    }
    load->scan.progress.total_bytes = total_bytes;
    for (size_t i = 0; i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        uint64_t from = recovery_checkpoint_from(&load->checkpoint, file);
        if (belongs_to_history(file) && from < file->end) {
            enum status status = recovery_scan_file(&load->scan, file, from, error);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

/* --- the map ------------------------------------------------------------------------------ */

/* The manifest gets the newest map, with as many databases as are asked for at least. */
static enum status finish_map(struct load *load)
{
    struct manifest *manifest = &load->engine->manifest;
    size_t wanted = load->engine->options.database_count;
    size_t count = load->scan.map_count > wanted ? load->scan.map_count : wanted;
    uint64_t *map = realloc(load->scan.map, count * sizeof(*map));
    if (map == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = load->scan.map_count; i < count; i++) {
        map[i] = load->scan.next_keyspace_id++;
    }
    free(manifest->map);
    manifest->map = map;
    manifest->map_count = count;
    manifest->map_sequence = load->scan.map_sequence;
    manifest->next_keyspace_id = load->scan.next_keyspace_id;
    load->scan.map = NULL;
    struct spaces *spaces = &load->engine->spaces;
    /* No limit yet: a store that was written can be opened. */
    enum status status = spaces_init(spaces, map, count, load->scan.next_keyspace_id, 0);
    if (status == STATUS_OK) {
        spaces->map_sequence = load->scan.map_sequence;
    }
    return status;
}

/* --- the newest records ------------------------------------------------------------------- */

/* Has a mark declared the record dead? */
static bool is_marked(const struct load *load, const struct recovery_entry *entry)
{
    return staircase_covers(&load->scan.marks, entry->sequence, entry->expiry_ms);
}

static bool is_alive(const struct load *load, const struct recovery_entry *entry)
{
    if (entry->is_dead) {
        return false;
    }
    return entry->expiry_ms == EXPIRY_NONE ||
           (entry->expiry_ms > load->now_ms && !is_marked(load, entry));
}

/* What the clock has ended while nobody looked is not served; the mark that the first expiry cycle
 * appends makes sure that it stays so. */
static void note_expired(const struct load *load, const struct recovery_entry *entry)
{
    struct expiry *expiry = &load->engine->expiry;
    if (entry->is_dead || is_marked(load, entry)) {
        return;
    }
    expiry->removed++;
    if (entry->expiry_ms > expiry->until_ms) {
        expiry->until_ms = entry->expiry_ms;
    }
}

static struct index_entry slot_of(const struct recovery_entry *entry)
{
    return (struct index_entry){
        .hash = index_hash_of(entry->hash),
        .address = {.units = entry->address},
        .type = entry->type & 15,
        .expiry_ms = entry->expiry_ms,
    };
}

/* Puts the record into the index, where its key is not yet (`old` NULL) or stands at `old`. */
static enum status point_at(struct engine *engine, struct engine_keyspace *keyspace,
                            const struct recovery_entry *entry, const struct record_address *old)
{
    struct index_entry slot = slot_of(entry);
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

/* --- on top of a checkpoint --------------------------------------------------------------- */

struct key_read {
    const uint8_t *bytes;
    uint64_t available;
    uint64_t seed;
    struct slice key;
    enum status status;
};

static void read_key(void *context)
{
    struct key_read *read = context;
    struct record record;
    uint64_t size;
    read->status = record_decode(read->bytes, read->available, read->seed, &record, &size);
    read->key = record.key;
}

/* The key of the record that the entry is about, in the mapping. */
static enum status key_of(const struct engine *engine, const struct recovery_entry *entry,
                          struct slice *out)
{
    const struct record_address address = {.units = entry->address};
    const struct segment *segment = segment_table_find(&engine->segments, address);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    struct key_read read = {.bytes = segment->mapping + offset,
                            .available = segment->end - offset,
                            .seed = segment->seed};
    if (!fault_guard_run(read_key, &read)) {
        return STATUS_IO;
    }
    if (read.status == STATUS_OK) {
        *out = read.key;
    }
    return read.status;
}

static bool match_address(void *context, struct record_address address)
{
    return address.units == *(const uint64_t *)context;
}

/* The checkpoint's slot of the entry's key. */
struct known_slot {
    bool found;
    struct index_entry slot;
    struct lookup lookup;
};

static enum status find_known(struct engine *engine, const struct engine_keyspace *keyspace,
                              const struct recovery_entry *entry, struct known_slot *out)
{
    uint64_t address = entry->address;
    struct lookup_key wanted = {.hash = index_hash_of(entry->hash)};
    out->found = index_find(keyspace->index, wanted.hash, match_address, &address, &out->slot);
    if (out->found) { /* its table was copied after the record had been appended */
        lookup_address_locked(engine, out->slot.address, &out->lookup);
        return STATUS_OK;
    }
    enum status status = key_of(engine, entry, &wanted.key);
    if (status == STATUS_OK) {
        out->found = lookup_key_locked(engine, keyspace, &wanted, &out->slot, &out->lookup);
    }
    return status;
}

/* Is the record that the slot points at newer than the entry? A packed file may bring a tombstone
 * that is older than what the checkpoint knows. Of a slot whose record can't be read only its
 * file's numbers tell; in doubt it stays, and reading the key is an error. */
static bool is_newer(const struct known_slot *known, const struct recovery_entry *entry)
{
    if (!known->found) {
        return false;
    }
    return known->lookup.status == STATUS_OK
               ? known->lookup.record.sequence > entry->sequence
               : known->lookup.segment->last_sequence > entry->sequence;
}

/* Takes the newest record of a key that was read over into the index that the checkpoint had. */
static enum status settle_on_checkpoint(struct load *load, const struct recovery_entry *entry)
{
    struct engine *engine = load->engine;
    struct engine_keyspace *keyspace = spaces_find(&engine->spaces, recovery_entry_keyspace(entry));
    if (keyspace == NULL) {
        return STATUS_OK; /* flushed */
    }
    struct known_slot known;
    enum status status = find_known(engine, keyspace, entry, &known);
    if (status != STATUS_OK) {
        return status;
    }
    if (is_newer(&known, entry)) {
        return STATUS_OK;
    }
    bool alive = is_alive(load, entry);
    bool is_same = known.found && known.slot.address.units == entry->address;
    if (!alive) {
        note_expired(load, entry);
    }
    if ((alive && is_same) || (!alive && !known.found)) {
        return STATUS_OK;
    }
    if (alive) {
        status = point_at(engine, keyspace, entry, known.found ? &known.slot.address : NULL);
    } else {
        CHECK(index_remove(keyspace->index, known.slot.hash, known.slot.address));
    }
    if (status == STATUS_OK && known.found) {
        change_forget_locked(engine, keyspace, known.slot.hash, &known.lookup);
    }
    return status;
}

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

static void drop_marked(struct load *load, struct engine_keyspace *keyspace,
                        const struct marked_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct lookup lookup;
        lookup_address_locked(load->engine, batch->slots[i].address, &lookup);
        if (lookup.status == STATUS_OK &&
            staircase_covers(&load->scan.marks, lookup.record.sequence, lookup.record.expiry_ms)) {
            CHECK(index_remove(keyspace->index, batch->slots[i].hash, batch->slots[i].address));
            change_forget_locked(load->engine, keyspace, batch->slots[i].hash, &lookup);
        }
    }
}

/* Marks speak of slots of the checkpoint, too. As long as the clock has passed what they say, the
 * expiry cycle sees to that; a clock that was set back must not bring anything back. */
static void obey_marks(struct load *load)
{
    const struct staircase *marks = &load->scan.marks;
    struct spaces *spaces = &load->engine->spaces;
    if (marks->count == 0 || marks->steps[0].until_ms <= load->now_ms) {
        return;
    }
    for (size_t i = 0; i < spaces->count; i++) {
        struct engine_keyspace *keyspace = spaces->databases[i];
        uint64_t cursor = 0;
        do {
            /* Slots tell whole seconds, rounded up. */
            struct marked_batch batch = {.until_ms = marks->steps[0].until_ms + 999};
            index_scan(keyspace->index, &cursor, 1, collect_marked, &batch);
            drop_marked(load, keyspace, &batch);
        } while (cursor != 0);
    }
}

/* --- the result --------------------------------------------------------------------------- */

/* Without a checkpoint the table knows the newest record of every key. */
static enum status settle_alone(struct load *load, const struct recovery_entry *entry)
{
    struct engine_keyspace *keyspace =
        spaces_find(&load->engine->spaces, recovery_entry_keyspace(entry));
    if (keyspace == NULL) {
        return STATUS_OK; /* flushed */
    }
    if (is_alive(load, entry)) {
        return point_at(load->engine, keyspace, entry, NULL);
    }
    note_expired(load, entry);
    return STATUS_OK;
}

static enum status settle_entries(struct load *load)
{
    bool has_checkpoint = load->checkpoint.file != NULL;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < load->scan.table.capacity; i++) {
        const struct recovery_entry *entry = &load->scan.table.entries[i];
        if (entry->is_used) {
            status = has_checkpoint ? settle_on_checkpoint(load, entry) : settle_alone(load, entry);
        }
    }
    return status;
}

/* The marks of the checkpoint's time count, too. */
static enum status add_known_marks(struct load *load)
{
    const struct staircase *known = &load->checkpoint.facts.marks;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < known->count; i++) {
        status =
            staircase_add(&load->scan.marks, known->steps[i].sequence, known->steps[i].until_ms);
    }
    return status;
}

/* From the files' records to the index. */
static enum status build(struct load *load, struct error *error)
{
    enum status status = scan_files(load, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = finish_map(load);
    if (status == STATUS_OK && load->checkpoint.file != NULL) {
        status = add_known_marks(load);
        if (status == STATUS_OK) {
            status = recovery_checkpoint_load(&load->checkpoint);
            load->checkpoint_failed = status != STATUS_OK;
            load->engine->recovered_keys = spaces_key_count(&load->engine->spaces);
        }
    }
    if (status == STATUS_OK) {
        status = settle_entries(load);
    }
    if (status == STATUS_OK && load->checkpoint.file != NULL) {
        obey_marks(load);
    }
    return status == STATUS_OK
               ? status
               : error_set(error, status, "can't build the index: %s", status_words(status));
}

/* All that a checkpoint that turned out damaged has brought is forgotten. */
static enum status start_over(struct load *load)
{
    LOG_WARNING("the checkpoint of the index is damaged: all files are read instead");
    struct engine *engine = load->engine;
    recovery_checkpoint_close(&load->checkpoint);
    spaces_deinit(&engine->spaces);
    for (size_t i = 0; i < load->files->count; i++) {
        struct segment *segment = load->files->files[i].segment;
        if (segment != NULL) {
            segment_live_reset(segment);
            segment->damaged = false;
        }
    }
    engine->manifest.checkpoint_file = 0;
    engine->recovered_keys = 0;
    engine->expiry.removed = 0;
    engine->expiry.until_ms = INT64_MIN;
    recovery_scan_deinit(&load->scan);
    return recovery_scan_init(&load->scan, engine);
}

/* What the next checkpoint, the expiry cycle and INFO want to know. */
static void note_result(struct load *load)
{
    struct engine *engine = load->engine;
    struct checkpoint_state *state = &engine->checkpoint;
    state->sequence = load->checkpoint.file != NULL ? load->checkpoint.header.start.sequence : 0;
    state->other_bytes = load->scan.progress.done_bytes;
    engine->recovered_records = load->scan.progress.records;
    engine->expiry.marks = load->scan.marks;
    staircase_init(&load->scan.marks);
    engine->spaces.budget.limit_bytes = engine->options.index_memory_limit;
}

static enum status load_all(struct load *load, struct error *error)
{
    enum status status = add_files(load);
    if (status == STATUS_OK) {
        status = recovery_checkpoint_open(load->engine, load->files, &load->checkpoint);
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "can't build the index: %s", status_words(status));
    }
    if (load->checkpoint.file == NULL) {
        load->engine->manifest.checkpoint_file = 0;
        return build(load, error);
    }
    status = build(load, error);
    if (load->checkpoint_failed && status != STATUS_NO_MEMORY) {
        status = start_over(load);
        return status == STATUS_OK ? build(load, error) : status;
    }
    return status;
}

enum status recovery_load(struct engine *engine, struct recovery_files *files, struct error *error)
{
    struct load load = {.engine = engine, .files = files, .now_ms = engine_unix_ms(engine)};
    enum status status = recovery_scan_init(&load.scan, engine);
    if (status == STATUS_OK) {
        status = load_all(&load, error);
    } else {
        status = error_set(error, status, "can't build the index: %s", status_words(status));
    }
    if (status == STATUS_OK) {
        note_result(&load);
    }
    recovery_checkpoint_close(&load.checkpoint);
    recovery_scan_deinit(&load.scan);
    return status;
}
