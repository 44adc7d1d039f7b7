/* history_order.c - see history_order.h. */
#include "check/history_order.h"

#include "base/compare.h"
#include "check/walk.h"

#include <stdlib.h>

/* A log segment, with what it is sorted by. */
struct log_place {
    struct check_file *file;
    uint64_t first_sequence;
};

/* Of a segment without a valid header: the number of its first valid record; 0 = it has none. Sets
 * begin_sequence. */
static enum status first_record_of(struct check_file *file, uint64_t *sequence)
{
    struct walk walk;
    enum status status = walk_begin(&walk, file);
    enum walk_event event = WALK_GAP;
    while (status == STATUS_OK && event == WALK_GAP) {
        status = walk_next(&walk, &event);
    }
    *sequence = status == STATUS_OK && event == WALK_RECORD ? walk.scanned.record.sequence : 0;
    file->begin_sequence = walk.scanned.offset == SEGMENT_HEADER_SIZE ? *sequence : 0;
    walk_end(&walk);
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const struct log_place *left = a;
    const struct log_place *right = b;
    return compare_numbers(left->first_sequence, right->first_sequence);
}

/* Fills `places`; those in which nothing is found are left out. */
static enum status find_places(struct check_store *store, struct log_place *places, size_t *count)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        if (file->kind != SEGMENT_LOG || file->file == NULL) {
            continue;
        }
        uint64_t sequence = file->header_status == STATUS_OK ? file->header.first_sequence
                                                             : file->entry.first_sequence;
        if (sequence == 0) {
            status = first_record_of(file, &sequence);
        }
        if (sequence != 0) {
            places[(*count)++] = (struct log_place){.file = file, .first_sequence = sequence};
        }
    }
    return status;
}

enum status history_order_log(struct check_store *store, struct history *history)
{
    struct log_place *places = calloc(store->file_count + 1, sizeof(*places));
    history->log = calloc(store->file_count + 1, sizeof(struct check_file *));
    enum status status = places == NULL || history->log == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    size_t count = 0;
    if (status == STATUS_OK) {
        status = find_places(store, places, &count);
    }
    if (status == STATUS_OK && count > 0) {
        qsort(places, count, sizeof(*places), compare_places);
        for (size_t i = 0; i < count; i++) {
            history->log[history->log_count++] = places[i].file;
        }
    }
    free(places);
    return status;
}
