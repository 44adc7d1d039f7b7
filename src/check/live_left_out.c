/* live_left_out.c - see live_left_out.h. */
#include "check/live_left_out.h"

#include "base/compare.h"
#include "check/live_walked.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- taking ------------------------------------------------------------------------------- */

static enum status remember(struct live_left_out *left_out, const struct record *record)
{
    if (left_out->count == left_out->capacity) {
        size_t capacity = left_out->capacity * 2 + 16;
        struct live_left_piece *pieces = realloc(left_out->pieces, capacity * sizeof(*pieces));
        if (pieces == NULL) {
            return STATUS_NO_MEMORY;
        }
        left_out->pieces = pieces;
        left_out->capacity = capacity;
    }
    left_out->pieces[left_out->count++] =
        (struct live_left_piece){.id = record->pieces_id, .sequence = record->sequence};
    return STATUS_OK;
}

static const char *words_of(const struct record *record)
{
    switch (record->kind) {
    case RECORD_SYNC_MARK:
    case RECORD_EXPIRY_MARK:
        break;
    case RECORD_KEYSPACE_MAP:
        return "map of the databases";
    case RECORD_PIECED:
        return pieces_is_header(record) ? "header of key " : "piece of a value";
    case RECORD_VALUE:
        return "value of key ";
    case RECORD_TOMBSTONE:
        return "deletion of key ";
    }
    return "mark";
}

static void report(const struct live *live, const struct walk *walk, const char *reason)
{
    const struct record *record = &walk->scanned.record;
    char key[REPORT_KEY_SIZE] = "";
    bool has_key = live_walked_has_value(record) || record->kind == RECORD_TOMBSTONE;
    report_note(live->report,
                "%s offset %" PRIu64 ": the %s%s (keyspace %" PRIu64 ", sequence number %" PRIu64
                ") is left out: %s, and was never reported durable",
                walk->file->name, walk->scanned.offset, words_of(record),
                has_key ? report_key(record->key, key) : "", record->keyspace_id, record->sequence,
                reason);
}

enum status live_left_out_take(struct live *live, const struct walk *walk, const char *reason)
{
    const struct record *record = &walk->scanned.record;
    if (record->kind == RECORD_SYNC_MARK) {
        return STATUS_OK; /* it has been listened to */
    }
    if (record->kind == RECORD_KEYSPACE_MAP) {
        live->holes++;
        live->torn++;
    }
    report(live, walk, reason);
    return record->kind == RECORD_PIECED ? remember(&live->left_out, record) : STATUS_OK;
}

/* --- asking ------------------------------------------------------------------------------- */

static int compare_pieces(const void *a, const void *b)
{
    const struct live_left_piece *left = a;
    const struct live_left_piece *right = b;
    int order = compare_numbers(left->id, right->id);
    return order != 0 ? order : compare_numbers(left->sequence, right->sequence);
}

void live_left_out_sort(struct live *live)
{
    if (live->left_out.count > 0) {
        qsort(live->left_out.pieces, live->left_out.count, sizeof(*live->left_out.pieces),
              compare_pieces);
    }
}

void live_left_out_deinit(struct live *live)
{
    free(live->left_out.pieces);
    live->left_out = (struct live_left_out){.pieces = NULL};
}

/* The smallest sequence number of what was left out of the string; 0: nothing was. */
static uint64_t first_of(const struct live_left_out *left_out, uint64_t id)
{
    size_t from = 0;
    size_t end = left_out->count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (left_out->pieces[middle].id < id) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    bool is_found = from < left_out->count && left_out->pieces[from].id == id;
    return is_found ? left_out->pieces[from].sequence : 0;
}

bool live_left_out_within(const struct live *live, const struct pieces *pieces)
{
    uint64_t first = first_of(&live->left_out, pieces->id);
    bool has_later = pieces->header_sequence > first;
    for (uint64_t i = 0; first > 0 && !has_later && pieces_next(pieces, &i); i++) {
        has_later = pieces_get(pieces, i).sequence > first;
    }
    return first > 0 && has_later;
}
