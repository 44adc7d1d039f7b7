/* history.c - what history.h tells is gathered here: what was durable, the groups that are not
 * whole, and the end. */
#include "check/history.h"

#include "base/check.h"
#include "base/compare.h"
#include "check/history_order.h"
#include "check/walk.h"
#include "engine/mark.h"

#include <stdlib.h>

struct survey {
    struct history *history;
    uint64_t due_sequence;  /* of the next record */
    uint64_t last_sequence; /* of the record before it */

    /* the group that the last record belongs to, perhaps alone */
    bool in_group; /* there is more of it to come */
    size_t group_log_index;
    uint64_t group_offset;
    uint64_t group_records;
    struct history_group group; /* broken_sequence 0: nothing is wrong with it */
};

/* --- groups that are not whole -------------------------------------------------------------- */

static enum status add_broken(struct history *history, const struct history_group *group)
{
    if (history->broken_count == history->broken_capacity) {
        size_t capacity = history->broken_capacity == 0 ? 16 : history->broken_capacity * 2;
        struct history_group *broken = realloc(history->broken, capacity * sizeof(*broken));
        if (broken == NULL) {
            return STATUS_NO_MEMORY;
        }
        history->broken = broken;
        history->broken_capacity = capacity;
    }
    history->broken[history->broken_count++] = *group;
    return STATUS_OK;
}

static int compare_groups(const void *a, const void *b)
{
    const struct history_group *left = a;
    const struct history_group *right = b;
    return compare_numbers(left->first_sequence, right->first_sequence);
}

/* Which of the broken groups were never durable is known when all marks are. */
static void keep_what_was_durable(struct history *history)
{
    size_t count = 0;
    for (size_t i = 0; i < history->broken_count; i++) {
        if (history_has_manifest(history) &&
            history->broken[i].broken_sequence > history->durable_sequence) {
            history->broken[count++] = history->broken[i];
        }
    }
    history->broken_count = count;
    if (count > 0) {
        qsort(history->broken, count, sizeof(*history->broken), compare_groups);
    }
}

static int compare_to_group(const void *key, const void *member)
{
    const uint64_t *sequence = key;
    const struct history_group *group = member;
    return *sequence < group->first_sequence ? -1 : *sequence > group->last_sequence;
}

bool history_leaves_out(const struct history *history, const struct check_file *file,
                        uint64_t sequence)
{
    return history->broken_count > 0 && check_file_is_open_log(file) &&
           bsearch(&sequence, history->broken, history->broken_count, sizeof(*history->broken),
                   compare_to_group) != NULL;
}

/* --- marks and groups --------------------------------------------------------------------- */

/* Where the record is not the one that was due, records before it are lost. */
static enum status begin_group(struct survey *survey, size_t log_index, const struct walk *walk)
{
    uint64_t sequence = walk->scanned.record.sequence;
    bool is_behind_break = sequence != survey->due_sequence;
    enum status status = STATUS_OK;
    if (survey->in_group) { /* it goes on in what is lost */
        survey->group.broken_sequence = survey->last_sequence + 1;
        status = add_broken(survey->history, &survey->group);
    }
    survey->group_log_index = log_index;
    survey->group_offset = walk->scanned.offset;
    survey->group_records = 0;
    survey->group = (struct history_group){.first_sequence = sequence,
                                           .broken_sequence = is_behind_break ? sequence - 1 : 0};
    return status;
}

static void take_mark(struct history *history, struct walk *walk)
{
    struct slice value;
    struct mark_sync mark;
    if (walk->scanned.record.kind == RECORD_SYNC_MARK && walk_value(walk, &value) == STATUS_OK &&
        mark_decode_sync(value, &mark) == STATUS_OK && mark.sequence > history->durable_sequence) {
        history->durable_sequence = mark.sequence;
    }
}

static enum status take_record(struct survey *survey, size_t log_index, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    enum status status = STATUS_OK;
    take_mark(survey->history, walk);
    if (!survey->in_group || record->sequence != survey->due_sequence) {
        status = begin_group(survey, log_index, walk);
    }
    bool is_alone = survey->group_records == 0 && !record->group_more;
    struct slice value;
    if (!is_alone && walk_value(walk, &value) == STATUS_CORRUPT) { /* no crash leaves it unread */
        survey->group.broken_sequence = record->sequence;
    }
    survey->group_records++;
    survey->group.last_sequence = record->sequence;
    survey->in_group = record->group_more;
    survey->last_sequence = record->sequence;
    survey->due_sequence = record->sequence + 1;
    if (status == STATUS_OK && !survey->in_group && survey->group.broken_sequence != 0) {
        status = add_broken(survey->history, &survey->group);
    }
    return status;
}

/* The number of the first record, if the segment continues what has been reached; else 0, which no
 * record has. */
static uint64_t due_in(const struct survey *survey, const struct check_file *file)
{
    const struct check_store *store = survey->history->store;
    if (file->header_status != STATUS_OK) {
        return survey->last_sequence + 1;
    }
    bool continues = check_store_has_file(store, file->header.previous_file)
                         ? file->header.previous_sequence == survey->last_sequence
                         : !survey->in_group; /* that one may have been compacted away */
    return continues ? file->header.first_sequence : 0;
}

static enum status survey_file(struct survey *survey, size_t log_index)
{
    struct walk walk;
    struct check_file *file = survey->history->log[log_index];
    enum status status = walk_begin(&walk, file);
    enum walk_event event = WALK_GAP;
    survey->due_sequence = due_in(survey, file);
    while (status == STATUS_OK && event != WALK_END) {
        status = walk_next(&walk, &event);
        if (status == STATUS_OK && event == WALK_RECORD) {
            status = take_record(survey, log_index, &walk);
        }
    }
    walk_end(&walk);
    return status;
}

static void note_due(const struct survey *survey, struct check_file *file)
{
    file->due_sequence =
        file->header_status == STATUS_OK ? file->header.first_sequence : survey->last_sequence + 1;
}

/* A segment in which nothing of the log is found has its place where another one goes on from it.
 * Without one it comes behind all that there is. */
static void note_due_before(const struct survey *survey, const struct check_file *follower)
{
    const struct check_store *store = survey->history->store;
    for (size_t i = 0; follower->header_status == STATUS_OK && i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        if (file->number == follower->header.previous_file && file->due_sequence == 0) {
            note_due(survey, file);
        }
    }
}

static void note_due_of_rest(const struct survey *survey)
{
    const struct check_store *store = survey->history->store;
    for (size_t i = 0; i < store->file_count; i++) {
        if (store->files[i].due_sequence == 0) {
            note_due(survey, &store->files[i]);
        }
    }
}

/* Its end is known: all in it was durable. */
static void pass_sealed(struct survey *survey, const struct check_file *file)
{
    survey->in_group = false;
    survey->last_sequence = file->entry.last_sequence;
}

/* The group that has no end is put out of sight, unless its end was durable, or may have been, and
 * is lost. */
static void cut_unfinished(struct survey *survey)
{
    struct history *history = survey->history;
    if (!survey->in_group || survey->last_sequence < history->durable_sequence) {
        return;
    }
    history->unfinished_file = history->log[survey->group_log_index];
    history->unfinished_offset = survey->group_offset;
    history->unfinished_records = survey->group_records;
    if (!history_has_manifest(history)) {
        return;
    }
    history->log[survey->group_log_index]->limit = survey->group_offset;
    for (size_t i = survey->group_log_index + 1; i < history->log_count; i++) {
        history->log[i]->limit = 0;
    }
    history->log_count = survey->group_log_index + 1;
}

/* What a start that was interrupted has set aside was never durable. */
static void judge_set_aside(const struct history *history)
{
    for (size_t i = 0; i < history->store->file_count; i++) {
        struct check_file *file = &history->store->files[i];
        if (file->is_set_aside &&
            history_find_lack(history, file, 0, file->due_sequence) == HISTORY_LACKS_DURABLE_END) {
            file->is_set_aside = false;
        }
    }
}

/* All of the log up to here was durable when a compaction looked at it (rule 5 of
 * docs/durability.md). */
static uint64_t judged_up_to(const struct check_store *store)
{
    uint64_t judged = 0;
    for (size_t i = 0; i < store->file_count; i++) {
        const struct check_file *file = &store->files[i];
        if (file->kind == SEGMENT_PACKED && file->header_status == STATUS_OK &&
            file->header.judged_sequence > judged) {
            judged = file->header.judged_sequence;
        }
    }
    return judged;
}

/* When a segment is compacted, its end is known to the manifest, and so are those of all before it.
 */
static uint64_t settled_by(const struct check_store *store)
{
    const struct manifest_position *durable = &store->manifest.durable;
    uint64_t settled = judged_up_to(store);
    bool is_compacted = !check_store_has_file(store, durable->file);
    return is_compacted && durable->sequence > settled ? durable->sequence : settled;
}

/* Segments that were sealed and judged have lost their ends with the manifest. */
static void take_directory(const struct check_store *store, struct history *history)
{
    history->durable_sequence = judged_up_to(store);
}

static void take_manifest(const struct check_store *store, struct history *history)
{
    history->settled_sequence = settled_by(store);
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
    *out = (struct history){.store = store};
    if (history_has_manifest(out)) {
        take_manifest(store, out);
    } else {
        take_directory(store, out);
    }
    enum status status = history_order_log(store, out);
    struct survey survey = {.history = out};
    for (size_t i = 0; status == STATUS_OK && i < out->log_count; i++) {
        CHECK(out->log[i] != NULL);
        note_due_before(&survey, out->log[i]);
        note_due(&survey, out->log[i]);
        if (check_file_is_open_log(out->log[i])) {
            status = survey_file(&survey, i);
        } else {
            pass_sealed(&survey, out->log[i]);
        }
    }
    note_due_of_rest(&survey);
    if (status == STATUS_OK) {
        judge_set_aside(out);
        cut_unfinished(&survey);
        keep_what_was_durable(out);
    }
    return status;
}

void history_deinit(struct history *history)
{
    free(history->log);
    free(history->broken);
    *history = (struct history){0};
}
