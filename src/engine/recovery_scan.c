/* recovery_scan.c - see recovery_scan.h. */
#include "engine/recovery_scan.h"

#include "engine/advice.h"
#include "engine/mark.h"
#include "engine/record_scanner.h"

#include <stdlib.h>

/* --- the map ------------------------------------------------------------------------------ */

/* Copies the map of that sequence number. NO_MEMORY: the one before stays. */
static enum status set_map(struct recovery_scan *scan, uint64_t sequence, const uint64_t *ids,
                           size_t count)
{
    uint64_t *map = malloc((count + 1) * sizeof(*map));
    if (map == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (count > 0) {
        memcpy(map, ids, count * sizeof(*map));
    }
    free(scan->map);
    scan->map = map;
    scan->map_count = count;
    scan->map_sequence = sequence;
    return STATUS_OK;
}

/* Starts with the manifest's map, which is what records may change. */
static enum status start_map(struct recovery_scan *scan)
{
    const struct manifest *manifest = &scan->engine->manifest;
    scan->next_keyspace_id = manifest->next_keyspace_id;
    return set_map(scan, manifest->map_sequence, manifest->map, manifest->map_count);
}

static enum status take_map(struct recovery_scan *scan, uint64_t sequence,
                            const struct mark_keyspace_map *map)
{
    if (map->next_keyspace_id > scan->next_keyspace_id) {
        scan->next_keyspace_id = map->next_keyspace_id;
    }
    if (sequence <= scan->map_sequence) {
        return STATUS_OK;
    }
    uint64_t *ids = mark_copy_keyspace_ids(map);
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    free(scan->map);
    scan->map = ids;
    scan->map_count = map->count;
    scan->map_sequence = sequence;
    return STATUS_OK;
}

/* --- one record --------------------------------------------------------------------------- */

static enum status offer_waiting(struct recovery_scan *scan)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < scan->waiting_count; i++) {
        status = recovery_table_offer(&scan->table, &scan->waiting[i]);
    }
    scan->waiting_count = 0;
    return status;
}

static enum status take_key(struct recovery_scan *scan, const struct recovery_file *file,
                            const struct scanned_record *scanned)
{
    struct engine *engine = scan->engine;
    const struct record *record = &scanned->record;
    uint64_t id = record->keyspace_id;
    if (id >> RECOVERY_KEYSPACE_BITS != 0 || scanned->size / SEGMENT_UNIT_SIZE > UINT32_MAX) {
        return STATUS_CORRUPT;
    }
    const struct record_address address =
        segment_address_of(&engine->segments, file->segment, scanned->offset);
    struct recovery_entry entry = {
        .hash = recovery_entry_hash(engine->secret, record->key),
        .check = recovery_entry_check(engine->secret, id, record->key),
        .sequence = record->sequence,
        .expiry_ms = record->expiry_ms,
        .address = address.units & (((uint64_t)1 << SEGMENT_ADDRESS_BITS) - 1),
        .type = record->type & 15,
        .is_dead = record->kind == RECORD_TOMBSTONE,
        .keyspace_high = (id >> 32) & 0x3fff,
        .keyspace_low = (uint32_t)id,
        .units = (uint32_t)(scanned->size / SEGMENT_UNIT_SIZE),
    };
    if (id >= scan->next_keyspace_id) {
        scan->next_keyspace_id = id + 1;
    }
    recovery_table_prefetch(&scan->table, entry.hash);
    scan->waiting[scan->waiting_count++] = entry;
    return scan->waiting_count == RECOVERY_WAITING_MAX ? offer_waiting(scan) : STATUS_OK;
}

/* A header is a key's record, too. A store whose manifest does not announce such records was
 * written by another program. */
static enum status take_pieced(struct recovery_scan *scan, const struct recovery_file *file,
                               const struct scanned_record *scanned)
{
    struct engine *engine = scan->engine;
    if (engine->manifest.format_version < FORMAT_VERSION_PIECES) {
        return STATUS_NEWER_FORMAT;
    }
    const struct recovery_pieces_found found = {
        .record = &scanned->record,
        .address = segment_address_of(&engine->segments, file->segment, scanned->offset),
        .size = scanned->size,
        .hash = index_hash_of(recovery_entry_hash(engine->secret, scanned->record.key)),
    };
    enum status status = recovery_pieces_take(&scan->pieces, &found);
    return status == STATUS_OK && pieces_is_header(&scanned->record) ? take_key(scan, file, scanned)
                                                                     : status;
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

static enum status take_mark(struct recovery_scan *scan, struct record_scanner *scanner,
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
        return status == STATUS_OK ? staircase_add(&scan->marks, scanned->record.sequence, until_ms)
                                   : status;
    }
    struct mark_keyspace_map map;
    status = mark_decode_keyspace_map(value, &map);
    return status == STATUS_OK ? take_map(scan, scanned->record.sequence, &map) : status;
}

static enum status take_record(struct recovery_scan *scan, const struct recovery_file *file,
                               struct record_scanner *scanner, const struct scanned_record *scanned)
{
    switch (scanned->record.kind) {
    case RECORD_VALUE:
    case RECORD_TOMBSTONE:
        return take_key(scan, file, scanned);
    case RECORD_EXPIRY_MARK:
    case RECORD_KEYSPACE_MAP:
        return take_mark(scan, scanner, scanned);
    case RECORD_SYNC_MARK:
        return STATUS_OK;
    case RECORD_PIECED:
        return take_pieced(scan, file, scanned);
    }
    return STATUS_CORRUPT;
}

/* --- one file ----------------------------------------------------------------------------- */

static enum status damaged(const struct recovery_file *file, uint64_t offset, enum status status,
                           struct error *error)
{
    char name[FILE_NAME_SIZE_MAX];
    recovery_file_name(file, name);
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        return error_set(error, STATUS_CORRUPT,
                         "%s is damaged at offset %llu, within what was durable. " ADVICE_DAMAGED,
                         name, (unsigned long long)offset);
    }
    return error_set(error, status, "can't read %s at offset %llu: %s", name,
                     (unsigned long long)offset, status_words(status));
}

static enum status take_records(struct recovery_scan *scan, const struct recovery_file *file,
                                struct record_scanner *scanner, uint64_t *reached)
{
    struct recovery_count count = {.progress = scan->shared};
    struct scanned_record scanned;
    enum status status;
    while ((status = record_scanner_next(scanner, &scanned)) == STATUS_OK) {
        status = take_record(scan, file, scanner, &scanned);
        if (status != STATUS_OK) {
            break;
        }
        recovery_count_record(&count, scanner->offset - *reached);
        *reached = scanner->offset;
    }
    recovery_count_add(&count);
    return status;
}

enum status recovery_scan_file(struct recovery_scan *scan, const struct recovery_file *file,
                               uint64_t from, struct error *error)
{
    struct record_scanner scanner;
    enum status status = record_scanner_init(&scanner, file->segment, from, file->end, false);
    if (status != STATUS_OK) {
        return damaged(file, from, status, error);
    }
    scanner.keep_cache = true; /* the newest records are those that clients will ask for */
    uint64_t reached = from;
    status = take_records(scan, file, &scanner, &reached);
    enum status offered = offer_waiting(scan);
    record_scanner_deinit(&scanner);
    if (status == STATUS_NOT_FOUND && reached == file->end) {
        return offered;
    }
    return damaged(file, reached, status, error);
}

/* --- life --------------------------------------------------------------------------------- */

enum status recovery_scan_init(struct recovery_scan *scan, struct engine *engine)
{
    *scan = (struct recovery_scan){.engine = engine};
    recovery_table_init(&scan->table);
    staircase_init(&scan->marks);
    recovery_pieces_init(&scan->pieces);
    scan->shared = &scan->progress;
    recovery_progress_begin(&scan->progress, "read");
    return start_map(scan);
}

enum status recovery_scan_init_beside(struct recovery_scan *scan, struct recovery_scan *first)
{
    enum status status = recovery_scan_init(scan, first->engine);
    scan->shared = first->shared;
    return status;
}

void recovery_scan_deinit(struct recovery_scan *scan)
{
    recovery_table_deinit(&scan->table);
    staircase_deinit(&scan->marks);
    recovery_pieces_deinit(&scan->pieces);
    free(scan->map);
    scan->map = NULL;
}

/* --- two scans ---------------------------------------------------------------------------- */

/* The entries come in the order of their hashes: into a table that still has to grow for them they
 * would crowd at one end. */
static enum status merge_tables(struct recovery_table *into, const struct recovery_table *from)
{
    enum status status = recovery_table_reserve(into, into->count + from->count);
    for (size_t i = 0; status == STATUS_OK && i < from->capacity; i++) {
        if (from->entries[i].is_used) {
            status = recovery_table_offer(into, &from->entries[i]);
        }
    }
    return status;
}

static enum status merge_maps(struct recovery_scan *into, const struct recovery_scan *from)
{
    if (from->next_keyspace_id > into->next_keyspace_id) {
        into->next_keyspace_id = from->next_keyspace_id;
    }
    return from->map_sequence > into->map_sequence
               ? set_map(into, from->map_sequence, from->map, from->map_count)
               : STATUS_OK;
}

enum status recovery_scan_merge(struct recovery_scan *into, const struct recovery_scan *from)
{
    enum status status = merge_tables(&into->table, &from->table);
    for (size_t i = 0; status == STATUS_OK && i < from->marks.count; i++) {
        const struct staircase_step *step = &from->marks.steps[i];
        status = staircase_add(&into->marks, step->sequence, step->until_ms);
    }
    if (status == STATUS_OK) {
        status = recovery_pieces_merge(&into->pieces, &from->pieces);
    }
    return status == STATUS_OK ? merge_maps(into, from) : status;
}
