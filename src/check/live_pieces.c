/* live_pieces.c - see live_pieces.h. */
#include "check/live_pieces.h"

#include "base/compare.h"
#include "check/findings.h"
#include "check/live_left_out.h"
#include "check/live_older.h"
#include "engine/fault_guard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool live_pieces_are_announced(const struct check_store *store)
{
    return store->source == CHECK_FROM_DIRECTORY ||
           store->manifest.format_version >= FORMAT_VERSION_PIECES;
}

static uint64_t address_of(const struct walk *walk)
{
    return (walk->file->first_unit + walk->scanned.offset / RECORD_ALIGNMENT) & PIECE_ADDRESS_MAX;
}

/* Of a piece and its copy, which have one sequence number, a readable one counts. The walk has come
 * to the second of them: is that one not? The first was not looked at so far. */
static bool is_unreadable_copy(const struct live *live, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    const struct pieces *pieces = pieces_table_find(&live->pieces.table, record->pieces_id);
    struct slice value;
    return !pieces_is_header(record) && pieces != NULL &&
           pieces_get(pieces, record->place).sequence == record->sequence &&
           walk_value(walk, &value) != STATUS_OK;
}

enum status live_pieces_take(struct live *live, struct walk *walk, struct index_hash hash)
{
    if (is_unreadable_copy(live, walk)) {
        return STATUS_OK;
    }
    const struct recovery_pieces_found found = {.record = &walk->scanned.record,
                                                .address = {.units = address_of(walk)},
                                                .size = walk->scanned.size,
                                                .hash = hash};
    return recovery_pieces_take(&live->pieces, &found);
}

/* --- counting ----------------------------------------------------------------------------- */

static int compare_headers(const void *a, const void *b)
{
    uint64_t left = (*(const struct pieces *const *)a)->header.units;
    uint64_t right = (*(const struct pieces *const *)b)->header.units;
    return compare_numbers(left, right);
}

enum status live_pieces_sort(struct live *live)
{
    size_t count = live->pieces.table.count;
    live->by_header = malloc((count + 1) * sizeof(const struct pieces *));
    if (live->by_header == NULL) {
        return STATUS_NO_MEMORY;
    }
    const struct pieces *pieces = NULL;
    while ((pieces = pieces_table_next(&live->pieces.table, pieces)) != NULL) {
        if (pieces->header_sequence > 0) {
            live->by_header[live->by_header_count++] = pieces;
        }
    }
    qsort(live->by_header, live->by_header_count, sizeof(const struct pieces *), compare_headers);
    return STATUS_OK;
}

uint64_t live_pieces_size(const struct live *live, uint64_t address)
{
    const struct pieces wanted = {.header = {.units = address}};
    const struct pieces *key = &wanted;
    const struct pieces *const *found =
        live->by_header_count == 0 ? NULL
                                   : bsearch(&key, live->by_header, live->by_header_count,
                                             sizeof(const struct pieces *), compare_headers);
    uint64_t size = 0;
    for (uint64_t i = 0; found != NULL && pieces_next(*found, &i); i++) {
        size += (uint64_t)pieces_get(*found, i).units * RECORD_ALIGNMENT;
    }
    return size;
}

/* --- reading ------------------------------------------------------------------------------ */

struct piece_reading {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t seed;
    char *into; /* NULL: it is only verified */
    size_t room;
    bool may_be_longer; /* than `room`: the rest is left out */
    enum status status;
};

/* Where records are lost, or a crash has torn the log, a header may be missing that has made its
 * string longer: then newer pieces may lie beyond the end that the one before tells. */
static bool may_lack_header(const struct live *live, const struct check_file *file,
                            const struct piece *piece)
{
    return live->holes > 0 || live->store->source == CHECK_FROM_DIRECTORY ||
           history_is_torn(live->history, file, piece->sequence);
}

/* Under the fault guard: verifies and copies. */
static void read_piece(void *context)
{
    struct piece_reading *reading = context;
    struct record record;
    reading->status = record_decode_whole(reading->bytes, reading->size, reading->seed, &record);
    bool is_longer = reading->status == STATUS_OK && record.value.size > reading->room;
    size_t size = is_longer ? reading->room : record.value.size;
    if (is_longer && !reading->may_be_longer) {
        reading->status = STATUS_CORRUPT;
    }
    if (reading->status == STATUS_OK && reading->into != NULL && size > 0) {
        memcpy(reading->into, record.value.data, size);
    }
}

static struct check_file *file_at(const struct check_store *store, uint64_t address)
{
    for (size_t i = 0; i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        uint64_t units = file->limit / RECORD_ALIGNMENT;
        if (address >= file->first_unit && address - file->first_unit < units) {
            return file;
        }
    }
    return NULL;
}

/* Copies piece `ordinal` to where it belongs in `into`, which is of `size` bytes. */
static enum status copy_piece(struct live *live, const struct pieces *pieces, uint64_t ordinal,
                              char *into, size_t size)
{
    const struct piece piece = pieces_get(pieces, ordinal);
    struct check_file *file = file_at(live->store, piece.address);
    uint64_t start = ordinal << pieces->shape.shift;
    const uint8_t *mapping = file != NULL ? check_file_map(file) : NULL;
    if (mapping == NULL) {
        return STATUS_IO;
    }
    bool may_lie_beyond = may_lack_header(live, file, &piece);
    if (start >= size) {
        return may_lie_beyond ? STATUS_OK : STATUS_CORRUPT;
    }
    uint64_t offset = (piece.address - file->first_unit) * RECORD_ALIGNMENT;
    size_t whole = (size_t)1 << pieces->shape.shift;
    struct piece_reading reading = {.bytes = mapping + offset,
                                    .size = (uint64_t)piece.units * RECORD_ALIGNMENT,
                                    .seed = file->seed,
                                    .into = into == NULL ? NULL : into + start,
                                    .room = size - start < whole ? size - (size_t)start : whole,
                                    .may_be_longer = may_lie_beyond};
    if (!fault_guard_run(read_piece, &reading)) {
        reading.status = STATUS_IO;
    }
    return reading.status;
}

static void report_piece(const struct live *live, const struct record *header,
                         const struct piece *piece, uint64_t ordinal, enum status status)
{
    char key[REPORT_KEY_SIZE];
    const struct check_file *file = file_at(live->store, piece->address);
    bool is_found = file != NULL;
    report_problem(live->report,
                   "%s offset %" PRIu64 ": piece %" PRIu64
                   " of the value of key %s (keyspace %" PRIu64 ", sequence number %" PRIu64
                   ") %s%s",
                   is_found ? file->name : "a segment at an unknown",
                   is_found ? (piece->address - file->first_unit) * RECORD_ALIGNMENT : 0, ordinal,
                   report_key(header->key, key), header->keyspace_id, piece->sequence,
                   status == STATUS_CORRUPT ? "fails its checksum" : "can't be read",
                   is_found ? findings_doubt(live->history, file, piece->sequence) : "");
}

/* The header says what can't be. */
static void report_header(const struct live *live, const struct walk *walk)
{
    char key[REPORT_KEY_SIZE];
    const struct record *header = &walk->scanned.record;
    report_problem(live->report,
                   "%s offset %" PRIu64 ": the header of key %s (keyspace %" PRIu64
                   ", sequence number %" PRIu64 ") is not valid",
                   walk->file->name, walk->scanned.offset, report_key(header->key, key),
                   header->keyspace_id, header->sequence);
}

/* What was lost can't be told from what was never written. Of a segment that is gone nobody knows
 * without a manifest; and to a compaction all pieces of an older value are dead. */
static void report_doubt(const struct live *live, const struct walk *walk,
                         const struct pieces *pieces)
{
    char key[REPORT_KEY_SIZE];
    const struct record *header = &walk->scanned.record;
    bool has_lost_place = live->holes > live->torn;
    if (live_older_is_older(live, walk)) {
        report_problem(live->report,
                       "the older value of key %s (keyspace %" PRIu64
                       ") that is taken lies in pieces; a compaction may have dropped newer ones, "
                       "and where it has, it has older bytes or zeros",
                       report_key(header->key, key), header->keyspace_id);
    } else if (has_lost_place || live->store->source == CHECK_FROM_DIRECTORY) {
        report_problem(live->report,
                       "the value of key %s (keyspace %" PRIu64
                       ") lies in pieces; newer ones may be lost with %s, and where they are, it "
                       "has older bytes or zeros",
                       report_key(header->key, key), header->keyspace_id,
                       has_lost_place ? "what could not be read"
                                      : "a segment that only the manifest would have named");
    } else if (live->torn > 0 || live_left_out_within(live, pieces)) {
        report_note(live->report,
                    "the value of key %s (keyspace %" PRIu64
                    ") lies in pieces; newer ones may have been where a crash has torn the log, "
                    "and where they were, it has older bytes or zeros",
                    report_key(header->key, key), header->keyspace_id);
    }
}

/* Copies all pieces to where they belong, up to the first that can't be read. */
static enum status copy_all(struct live *live, const struct record *header,
                            const struct pieces *pieces, char *into, size_t size)
{
    enum status status = STATUS_OK;
    for (uint64_t i = 0; status == STATUS_OK && pieces_next(pieces, &i); i++) {
        status = copy_piece(live, pieces, i, into, size);
        if (status != STATUS_OK) {
            const struct piece piece = pieces_get(pieces, i);
            report_piece(live, header, &piece, i, status);
        }
    }
    return status;
}

enum status live_pieces_read(struct live *live, const struct walk *walk, char **out, size_t *size)
{
    const struct record *header = &walk->scanned.record;
    const struct pieces *pieces = pieces_table_find(&live->pieces.table, header->pieces_id);
    struct pieces_shape shape;
    enum status status = pieces_decode_shape(header->place, &shape);
    if (status != STATUS_OK || pieces == NULL) {
        report_header(live, walk);
        return STATUS_CORRUPT;
    }
    char *bytes = out == NULL ? NULL : calloc(1, (size_t)shape.size + 1);
    if (out != NULL && bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    status = copy_all(live, header, pieces, bytes, (size_t)shape.size);
    if (status != STATUS_OK) {
        free(bytes);
        return status;
    }
    report_doubt(live, walk, pieces);
    *size = (size_t)shape.size;
    if (out != NULL) {
        *out = bytes;
    }
    return STATUS_OK;
}
