/* history.c - see history.h. */
#include "check/history.h"

#include "base/check.h"
#include "check/walk.h"
#include "engine/mark.h"

#include <stdlib.h>

/* A log segment, with what it is sorted by. */
struct log_place {
    struct check_file *file;
    uint64_t first_sequence;
};

struct survey {
    struct history *history;
    bool in_group;
    size_t group_log_index;
    uint64_t group_offset;
    uint64_t group_records;
    uint64_t last_sequence;
};

/* Of a segment without a valid header: the number of its first valid record; 0 = it has none. */
static enum status first_record_of(struct check_file *file, uint64_t *sequence)
{
    struct walk walk;
    enum status status = walk_begin(&walk, file);
    enum walk_event event = WALK_GAP;
    while (status == STATUS_OK && event == WALK_GAP) {
        status = walk_next(&walk, &event);
    }
    *sequence = status == STATUS_OK && event == WALK_RECORD ? walk.scanned.record.sequence : 0;
    walk_end(&walk);
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const struct log_place *left = a;
    const struct log_place *right = b;
    return left->first_sequence < right->first_sequence
               ? -1
               : left->first_sequence > right->first_sequence;
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

static enum status order_log(struct check_store *store, struct history *history)
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

/* --- marks and groups --------------------------------------------------------------------- */

static void take_record(struct survey *survey, size_t log_index, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    struct slice value;
    struct mark_sync mark;
    if (record->kind == RECORD_SYNC_MARK && walk_value(walk, &value) == STATUS_OK &&
        mark_decode_sync(value, &mark) == STATUS_OK &&
        mark.sequence > survey->history->durable_sequence) {
        survey->history->durable_sequence = mark.sequence;
    }
    if (!survey->in_group || record->sequence != survey->last_sequence + 1) {
        survey->group_log_index = log_index;
        survey->group_offset = walk->scanned.offset;
        survey->group_records = 0;
    }
    survey->group_records++;
    survey->in_group = record->group_more;
    survey->last_sequence = record->sequence;
}

static enum status survey_file(struct survey *survey, size_t log_index)
{
    struct walk walk;
    enum status status = walk_begin(&walk, survey->history->log[log_index]);
    enum walk_event event = WALK_GAP;
    while (status == STATUS_OK && event != WALK_END) {
        status = walk_next(&walk, &event);
        if (status == STATUS_OK && event == WALK_RECORD) {
            take_record(survey, log_index, &walk);
        }
    }
    walk_end(&walk);
    return status;
}

/* The group that has no end is put out of sight. */
static void cut_unfinished(struct survey *survey)
{
    struct history *history = survey->history;
    if (!survey->in_group) {
        return;
    }
    history->unfinished_file = history->log[survey->group_log_index];
    history->unfinished_offset = survey->group_offset;
    history->unfinished_records = survey->group_records;
    history->log[survey->group_log_index]->limit = survey->group_offset;
    for (size_t i = survey->group_log_index + 1; i < history->log_count; i++) {
        history->log[i]->limit = 0;
    }
    history->log_count = survey->group_log_index + 1;
}

static void take_manifest(const struct check_store *store, struct history *history)
{
    history->durable_sequence = store->manifest.durable.sequence;
    for (size_t i = 0; i < store->file_count; i++) {
        const struct manifest_file *entry = &store->files[i].entry;
        if (entry->end != 0 && entry->last_sequence > history->durable_sequence) {
            history->durable_sequence = entry->last_sequence;
        }
    }
}

enum status history_survey(struct check_store *store, struct history *out)
{
    *out = (struct history){0};
    take_manifest(store, out);
    enum status status = order_log(store, out);
    struct survey survey = {.history = out};
    for (size_t i = 0; status == STATUS_OK && i < out->log_count; i++) {
        CHECK(out->log[i] != NULL);
        if (check_file_is_open_log(out->log[i])) {
            status = survey_file(&survey, i);
        } else {
            survey.in_group = false;
        }
    }
    if (status == STATUS_OK) {
        cut_unfinished(&survey);
    }
    return status;
}

void history_deinit(struct history *history)
{
    free(history->log);
    *history = (struct history){0};
}
