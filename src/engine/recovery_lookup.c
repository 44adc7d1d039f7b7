/* recovery_lookup.c - see recovery_lookup.h. */
#include "engine/recovery_lookup.h"

#include "engine/record_scanner.h"
#include "engine/recovery_threads.h"

#include <stdatomic.h>

/* Old records lie apart: what is read at once around one of them. */
#define BLOCK_SIZE ((size_t)64 * 1024)

/* Candidates that a thread takes at a time: their records fill some megabytes of a file. */
#define PART_COUNT ((size_t)16 * 1024)

/* About what reading one costs, in bytes of a log that is read in order. */
#define READ_COST_BYTES 1024

#define PREFETCH_AHEAD  8

/* What both threads take their parts from. */
struct parts {
    const struct recovery_settlement *settlement;
    struct recovery_candidates *candidates;
    _Atomic size_t next;
    _Atomic bool has_failed;
};

/* One of the threads: reads records in the order of their addresses. */
struct reader {
    RECOVERY_APART struct parts *parts;
    struct segment *segment; /* borrowed; NULL: none yet */
    struct record_scanner scanner;
    enum status status;
};

static void turn_away(struct reader *reader)
{
    if (reader->segment != NULL) {
        record_scanner_deinit(&reader->scanner);
    }
    reader->segment = NULL;
}

static enum status turn_to(struct reader *reader, struct segment *segment)
{
    if (reader->segment == segment) {
        return STATUS_OK;
    }
    turn_away(reader);
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

static void judge(const struct engine *engine, const struct recovery_entry *entry,
                  const struct scanned_record *scanned, struct recovery_candidate *candidate)
{
    candidate->units = (uint32_t)(scanned->size / SEGMENT_UNIT_SIZE);
    if (!is_key_of(engine, entry, scanned->record.key)) {
        candidate->verdict = RECOVERY_OTHER_KEY;
    } else {
        candidate->verdict =
            scanned->record.sequence > entry->sequence ? RECOVERY_NEWER : RECOVERY_OLDER;
    }
}

/* NO_MEMORY; that a record can't be read is a verdict. */
static enum status look_up(struct reader *reader, struct recovery_candidate *candidate)
{
    const struct recovery_settlement *settlement = reader->parts->settlement;
    const struct engine *engine = settlement->engine;
    const struct record_address address = {.units = candidate->address};
    struct segment *segment = segment_table_find(&engine->segments, address);
    enum status status = turn_to(reader, segment);
    if (status != STATUS_OK) {
        return status;
    }
    struct scanned_record scanned;
    reader->scanner.offset = segment_offset_of(&engine->segments, segment, address);
    status = record_scanner_next(&reader->scanner, &scanned);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status == STATUS_OK && scanned.size / SEGMENT_UNIT_SIZE <= UINT32_MAX) {
        judge(engine, recovery_candidate_entry(settlement->table, candidate), &scanned, candidate);
    } else {
        candidate->verdict = status == STATUS_IO ? RECOVERY_FAILED : RECOVERY_CORRUPT;
    }
    return STATUS_OK;
}

static enum status look_up_part(struct reader *reader, size_t from, size_t end)
{
    const struct parts *parts = reader->parts;
    struct recovery_candidate *items = parts->candidates->items;
    enum status status = STATUS_OK;
    for (size_t i = from; status == STATUS_OK && i < end; i++) {
        if (i + PREFETCH_AHEAD < end) {
            __builtin_prefetch(
                recovery_candidate_entry(parts->settlement->table, &items[i + PREFETCH_AHEAD]));
        }
        status = look_up(reader, &items[i]);
    }
    return status;
}

static void look_up_parts(void *argument)
{
    struct reader *reader = argument;
    struct parts *parts = reader->parts;
    size_t count = parts->candidates->count;
    while (reader->status == STATUS_OK && !atomic_load(&parts->has_failed)) {
        size_t from = atomic_fetch_add(&parts->next, PART_COUNT);
        if (from >= count) {
            break;
        }
        reader->status =
            look_up_part(reader, from, count - from < PART_COUNT ? count : from + PART_COUNT);
    }
    if (reader->status != STATUS_OK) {
        atomic_store(&parts->has_failed, true);
    }
    turn_away(reader);
}

enum status recovery_lookup_all(const struct recovery_settlement *settlement,
                                struct recovery_candidates *candidates)
{
    struct parts parts = {.settlement = settlement, .candidates = candidates};
    struct reader first = {.parts = &parts};
    struct reader second = {.parts = &parts};
    if (recovery_threads_pay(settlement->engine, candidates->count * READ_COST_BYTES)) {
        recovery_threads_run(look_up_parts, &first, look_up_parts, &second);
    } else {
        look_up_parts(&first);
    }
    return first.status != STATUS_OK ? first.status : second.status;
}
