/* verify_pieces.c - see verify_pieces.h. */
#include "check/verify_pieces.h"

#include "base/compare.h"
#include "check/findings.h"
#include "engine/pieces.h"

#include <inttypes.h>
#include <stdlib.h>

struct verify_piece {
    const struct check_file *file;
    uint64_t offset;
    uint64_t id;
    uint64_t ordinal;
    uint64_t keyspace_id;
    uint64_t sequence;
    enum status status;
};

/* Whose pieces they are. */
struct owner {
    uint64_t id;
    uint64_t sequence; /* of its header; 0: none was found */
    char key[REPORT_KEY_SIZE];
};

struct owners {
    struct owner *owners; /* by their ids */
    size_t count;
};

/* --- gathering ------------------------------------------------------------------------------ */

void verify_pieces_deinit(struct verify_pieces *found)
{
    free(found->pieces);
    *found = (struct verify_pieces){0};
}

enum status verify_pieces_add(struct verify_pieces *found, const struct walk *walk,
                              enum status status)
{
    const struct record *record = &walk->scanned.record;
    if (found->count == found->capacity) {
        size_t capacity = found->capacity * 2 + 16;
        struct verify_piece *pieces = realloc(found->pieces, capacity * sizeof(*pieces));
        if (pieces == NULL) {
            return STATUS_NO_MEMORY;
        }
        found->pieces = pieces;
        found->capacity = capacity;
    }
    found->pieces[found->count++] = (struct verify_piece){.file = walk->file,
                                                          .offset = walk->scanned.offset,
                                                          .id = record->pieces_id,
                                                          .ordinal = record->place,
                                                          .keyspace_id = record->keyspace_id,
                                                          .sequence = record->sequence,
                                                          .status = status};
    return STATUS_OK;
}

/* --- whose they are ------------------------------------------------------------------------- */

static int compare_owners(const void *a, const void *b)
{
    uint64_t left = ((const struct owner *)a)->id;
    uint64_t right = ((const struct owner *)b)->id;
    return compare_numbers(left, right);
}

/* One for each id. */
static enum status list_owners(const struct verify_pieces *found, struct owners *out)
{
    struct owner *owners = calloc(found->count, sizeof(*owners));
    if (owners == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < found->count; i++) {
        owners[i].id = found->pieces[i].id;
    }
    qsort(owners, found->count, sizeof(*owners), compare_owners);
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++) {
        if (i == 0 || owners[i].id != owners[count - 1].id) {
            owners[count++] = owners[i];
        }
    }
    *out = (struct owners){.owners = owners, .count = count};
    return STATUS_OK;
}

static struct owner *find_owner(const struct owners *owners, uint64_t id)
{
    const struct owner wanted = {.id = id};
    return bsearch(&wanted, owners->owners, owners->count, sizeof(*owners->owners), compare_owners);
}

static void take_record(const struct owners *owners, const struct record *record)
{
    if (record->kind != RECORD_PIECED || !pieces_is_header(record)) {
        return;
    }
    struct owner *owner = find_owner(owners, record->pieces_id);
    if (owner != NULL && record->sequence > owner->sequence) {
        owner->sequence = record->sequence;
        (void)report_key(record->key, owner->key);
    }
}

static enum status read_headers(const struct owners *owners, struct check_file *file)
{
    struct walk walk;
    enum status status = walk_begin(&walk, file);
    enum walk_event event = WALK_GAP;
    while (status == STATUS_OK && event != WALK_END) {
        status = walk_next(&walk, &event);
        if (status == STATUS_OK && event == WALK_RECORD) {
            take_record(owners, &walk.scanned.record);
        }
    }
    walk_end(&walk);
    return status;
}

/* --- telling -------------------------------------------------------------------------------- */

static const char *words_of(enum status status)
{
    if (status == STATUS_OK) {
        return "is not valid";
    }
    return status == STATUS_CORRUPT ? "fails its checksum" : "can't be read";
}

static void report_piece(const struct verify_piece *piece, const struct owners *owners,
                         const struct history *history, struct report *report)
{
    const struct owner *owner = find_owner(owners, piece->id);
    bool has_key = owner != NULL && owner->sequence > 0;
    report_problem(report,
                   "%s offset %" PRIu64 ": piece %" PRIu64
                   " of the value of %s%s (keyspace %" PRIu64 ", sequence number %" PRIu64 ") %s%s",
                   piece->file->name, piece->offset, piece->ordinal,
                   has_key ? "key " : "a key that no header tells", has_key ? owner->key : "",
                   piece->keyspace_id, piece->sequence, words_of(piece->status),
                   findings_doubt(history, piece->file, piece->sequence));
}

enum status verify_pieces_report(const struct verify_pieces *found, const struct history *history,
                                 struct report *report)
{
    if (found->count == 0) {
        return STATUS_OK;
    }
    struct owners owners;
    enum status status = list_owners(found, &owners);
    if (status != STATUS_OK) {
        return status;
    }
    const struct check_store *store = history->store;
    for (size_t i = 0; status == STATUS_OK && i < store->file_count; i++) {
        status = read_headers(&owners, &store->files[i]);
    }
    for (size_t i = 0; status == STATUS_OK && i < found->count; i++) {
        report_piece(&found->pieces[i], &owners, history, report);
    }
    free(owners.owners);
    return status;
}
