/* recovery_load.c - see recovery_load.h. */
#include "engine/recovery_load.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/checksum.h"
#include "engine/lookup.h"
#include "engine/mark.h"
#include "engine/record_scanner.h"
#include "engine/recovery_table.h"
#include "engine/staircase.h"

#include <stdlib.h>

struct load {
    struct engine *engine;
    struct recovery_table table;
    struct staircase staircase;

    /* the newest map seen */
    uint64_t map_sequence;
    uint64_t *map; /* owned */
    size_t map_count;
    uint64_t next_keyspace_id;
};

/* --- the map ------------------------------------------------------------------------------ */

/* Copies the manifest's map, which is what records may change. */
static enum status start_map(struct load *load)
{
    const struct manifest *manifest = &load->engine->manifest;
    load->map = malloc((manifest->map_count + 1) * sizeof(*load->map));
    if (load->map == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (manifest->map_count > 0) {
        memcpy(load->map, manifest->map, manifest->map_count * sizeof(*load->map));
    }
    load->map_count = manifest->map_count;
    load->map_sequence = manifest->map_sequence;
    load->next_keyspace_id = manifest->next_keyspace_id;
    return STATUS_OK;
}

static enum status take_map(struct load *load, uint64_t sequence,
                            const struct mark_keyspace_map *map)
{
    if (map->next_keyspace_id > load->next_keyspace_id) {
        load->next_keyspace_id = map->next_keyspace_id;
    }
    if (sequence <= load->map_sequence) {
        return STATUS_OK;
    }
    uint64_t *ids = malloc((map->count + 1) * sizeof(*ids));
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < map->count; i++) {
        ids[i] = mark_keyspace_id(map, i);
    }
    free(load->map);
    load->map = ids;
    load->map_count = map->count;
    load->map_sequence = sequence;
    return STATUS_OK;
}

/* --- one record --------------------------------------------------------------------------- */

static enum status take_key(struct load *load, const struct recovery_file *file,
                            const struct scanned_record *scanned)
{
    struct engine *engine = load->engine;
    const struct record *record = &scanned->record;
    uint64_t id = record->keyspace_id;
    if (id >> RECOVERY_KEYSPACE_BITS != 0 || scanned->size / SEGMENT_UNIT_SIZE > UINT32_MAX) {
        return STATUS_CORRUPT;
    }
    const struct record_address address =
        segment_address_of(&engine->segments, file->segment, scanned->offset);
    uint64_t seed = id * 0x9e3779b97f4a7c15u;
    struct recovery_entry entry = {
        .hash = checksum_keyed(record->key.data, record->key.size, engine->secret,
                               sizeof(engine->secret)),
        .check = checksum_keyed_wide(record->key.data, record->key.size, engine->secret,
                                     sizeof(engine->secret)) ^
                 seed,
        .sequence = record->sequence,
        .expiry_ms = record->expiry_ms,
        .address = address.units & (((uint64_t)1 << SEGMENT_ADDRESS_BITS) - 1),
        .type = record->type,
        .is_dead = record->kind == RECORD_TOMBSTONE,
        .keyspace_high = (id >> 32) & 0x3fff,
        .keyspace_low = (uint32_t)id,
        .units = (uint32_t)(scanned->size / SEGMENT_UNIT_SIZE),
    };
    if (id >= load->next_keyspace_id) {
        load->next_keyspace_id = id + 1;
    }
    return recovery_table_offer(&load->table, &entry);
}

/* The verified value of a mark or map; the scanner does not read values by itself here. */
static enum status read_value(struct record_scanner *scanner, const struct scanned_record *scanned,
                              struct slice *out)
{
    const uint8_t *bytes;
    size_t available;
    enum status status =
        record_scanner_bytes(scanner, scanned->offset, (size_t)scanned->size, &bytes, &available);
    if (status != STATUS_OK || available < scanned->size) {
        return status != STATUS_OK ? status : STATUS_CORRUPT;
    }
    struct record record;
    uint64_t size;
    status = record_peek(bytes, available, &record, &size);
    if (status == STATUS_OK) {
        status = record_verify_value(bytes, 0, record.value.size, scanner->seed);
    }
    if (status == STATUS_OK) {
        *out = record.value;
    }
    return status;
}

static enum status take_mark(struct load *load, struct record_scanner *scanner,
                             const struct scanned_record *scanned)
{
    struct slice value;
    enum status status = read_value(scanner, scanned, &value);
    if (status != STATUS_OK) {
        return status;
    }
    if (scanned->record.kind == RECORD_EXPIRY_MARK) {
        int64_t until_ms;
        status = mark_decode_expiry(value, &until_ms);
        return status == STATUS_OK
                   ? staircase_add(&load->staircase, scanned->record.sequence, until_ms)
                   : status;
    }
    struct mark_keyspace_map map;
    status = mark_decode_keyspace_map(value, &map);
    return status == STATUS_OK ? take_map(load, scanned->record.sequence, &map) : status;
}

static enum status take_record(struct load *load, const struct recovery_file *file,
                               struct record_scanner *scanner, const struct scanned_record *scanned)
{
    switch (scanned->record.kind) {
    case RECORD_VALUE:
    case RECORD_TOMBSTONE:
        return take_key(load, file, scanned);
    case RECORD_EXPIRY_MARK:
    case RECORD_KEYSPACE_MAP:
        return take_mark(load, scanner, scanned);
    case RECORD_SYNC_MARK:
        return STATUS_OK;
    case RECORD_DELTA:
        break;
    }
    return STATUS_NEWER_FORMAT; /* this version writes no deltas yet */
}

/* --- one file ----------------------------------------------------------------------------- */

static enum status damaged(const struct recovery_file *file, uint64_t offset, enum status status,
                           struct error *error)
{
    char name[FILE_NAME_SIZE_MAX];
    recovery_file_name(file, name);
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        return error_set(error, STATUS_CORRUPT,
                         "%s is damaged at offset %llu, within what was durable; restore it from "
                         "a backup, this version has no repair for it",
                         name, (unsigned long long)offset);
    }
    return error_set(error, status, "can't read %s at offset %llu: %s", name,
                     (unsigned long long)offset, status_words(status));
}

static enum status load_file(struct load *load, const struct recovery_file *file,
                             struct error *error)
{
    struct record_scanner scanner;
    enum status status =
        record_scanner_init(&scanner, file->segment, SEGMENT_HEADER_SIZE, file->end, false);
    if (status != STATUS_OK) {
        return damaged(file, 0, status, error);
    }
    struct scanned_record scanned;
    uint64_t offset = SEGMENT_HEADER_SIZE;
    while ((status = record_scanner_next(&scanner, &scanned)) == STATUS_OK) {
        status = take_record(load, file, &scanner, &scanned);
        if (status != STATUS_OK) {
            break;
        }
        load->engine->recovered_records++;
        offset = scanner.offset;
    }
    record_scanner_deinit(&scanner);
    if (status == STATUS_NOT_FOUND && offset == file->end) {
        return STATUS_OK;
    }
    return damaged(file, offset, status, error);
}

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

/* --- the result --------------------------------------------------------------------------- */

static bool is_alive(const struct load *load, const struct recovery_entry *entry, int64_t now_ms)
{
    if (!entry->is_used || entry->is_dead) {
        return false;
    }
    return entry->expiry_ms == EXPIRY_NONE ||
           (entry->expiry_ms > now_ms &&
            !staircase_covers(&load->staircase, entry->sequence, entry->expiry_ms));
}

static enum status insert(struct load *load, const struct recovery_entry *entry)
{
    struct engine *engine = load->engine;
    struct engine_keyspace *keyspace = spaces_find(&engine->spaces, recovery_entry_keyspace(entry));
    if (keyspace == NULL) {
        return STATUS_OK; /* flushed */
    }
    struct index_entry slot = {
        .hash = index_hash_of(entry->hash),
        .address = {.units = entry->address},
        .type = entry->type & 15,
        .expiry_ms = entry->expiry_ms,
    };
    struct segment *segment = segment_table_find(&engine->segments, slot.address);
    enum status status = segment_live_prepare(segment, keyspace->id);
    if (status == STATUS_OK) {
        status = index_insert(keyspace->index, &slot);
    }
    if (status == STATUS_OK) {
        segment_live_change(segment, keyspace->id, (int64_t)entry->units * SEGMENT_UNIT_SIZE);
    }
    return status;
}

/* What the clock has ended while nobody looked is not served; the mark that the first expiry cycle
 * appends makes sure that it stays so. */
static void note_expired(struct engine *engine, const struct recovery_entry *entry)
{
    if (spaces_find(&engine->spaces, recovery_entry_keyspace(entry)) == NULL) {
        return;
    }
    engine->expiry.removed++;
    if (entry->expiry_ms > engine->expiry.until_ms) {
        engine->expiry.until_ms = entry->expiry_ms;
    }
}

static enum status fill_indexes(struct load *load)
{
    int64_t now_ms = engine_unix_ms(load->engine);
    for (size_t i = 0; i < load->table.capacity; i++) {
        const struct recovery_entry *entry = &load->table.entries[i];
        if (is_alive(load, entry, now_ms)) {
            enum status status = insert(load, entry);
            if (status != STATUS_OK) {
                return status;
            }
        } else if (entry->is_used && !entry->is_dead &&
                   !staircase_covers(&load->staircase, entry->sequence, entry->expiry_ms)) {
            note_expired(load->engine, entry);
        }
    }
    return STATUS_OK;
}

/* The manifest gets the newest map, with as many databases as are asked for at least. */
static enum status finish_map(struct load *load)
{
    struct manifest *manifest = &load->engine->manifest;
    size_t wanted = load->engine->options.database_count;
    size_t count = load->map_count > wanted ? load->map_count : wanted;
    uint64_t *map = realloc(load->map, count * sizeof(*map));
    if (map == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = load->map_count; i < count; i++) {
        map[i] = load->next_keyspace_id++;
    }
    free(manifest->map);
    manifest->map = map;
    manifest->map_count = count;
    manifest->map_sequence = load->map_sequence;
    manifest->next_keyspace_id = load->next_keyspace_id;
    load->map = NULL;
    struct spaces *spaces = &load->engine->spaces;
    /* No limit yet: a store that was written can be opened. */
    enum status status = spaces_init(spaces, map, count, load->next_keyspace_id, 0);
    if (status == STATUS_OK) {
        spaces->map_sequence = load->map_sequence;
    }
    return status;
}

static enum status load_all(struct load *load, struct recovery_files *files, struct error *error)
{
    enum status status = start_map(load);
    for (size_t i = 0; status == STATUS_OK && i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        if (!belongs_to_history(file)) {
            continue;
        }
        status = add_to_table(load->engine, file);
        if (status == STATUS_OK) {
            status = load_file(load, file, error);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    if (status == STATUS_OK) {
        status = finish_map(load);
    }
    if (status == STATUS_OK) {
        status = fill_indexes(load);
    }
    return status == STATUS_OK
               ? status
               : error_set(error, status, "can't build the index: %s", status_words(status));
}

enum status recovery_load(struct engine *engine, struct recovery_files *files, struct error *error)
{
    struct load load = {.engine = engine};
    recovery_table_init(&load.table);
    staircase_init(&load.staircase);
    enum status status = load_all(&load, files, error);
    if (status == STATUS_OK) {
        engine->spaces.budget.limit_bytes = engine->options.index_memory_limit;
    }
    recovery_table_deinit(&load.table);
    staircase_deinit(&load.staircase);
    free(load.map);
    return status;
}
