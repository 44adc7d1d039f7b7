/* recovery_history.c - see recovery_history.h. */
#include "engine/recovery_history.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/advice.h"
#include "engine/fault_guard.h"
#include "engine/mark.h"
#include "engine/record_scanner.h"
#include "engine/recovery_progress.h"

#include <stdlib.h>

/* A place in the log between two records. */
struct place {
    size_t log_index; /* in recovery_files.log; log_count = behind the last one */
    uint64_t offset;
    uint64_t last_sequence; /* of the record before it, in this segment or earlier */
};

/* A value that fails its checksum, or that the disk does not deliver. The first ends the history
 * unless a later mark covers it; of the second nobody knows whether it would. */
struct suspect {
    uint64_t sequence;
    bool is_unread;
    struct place group; /* where its group starts */
};

struct history {
    struct engine *engine;
    struct recovery_files *files;
    uint64_t covered;         /* the greatest sequence number that a sync mark seen covers */
    struct mark_sync mark;    /* that sync mark; all 0 = none was seen */
    bool in_group;            /* the last record has GROUP_MORE */
    struct place group;       /* where the group that the last record belongs to starts */
    struct place reached;     /* behind the last record */
    struct suspect *suspects; /* owned; in the order of the log */
    size_t suspect_count;
    size_t suspect_capacity;
    struct recovery_progress progress;
    bool is_broken;        /* the walk ended before the log did */
    bool is_broken_inside; /* within a segment, not between two */
};

/* --- one segment -------------------------------------------------------------------------- */

struct value_check {
    const uint8_t *bytes;
    uint64_t value_size;
    uint64_t seed;
    enum status status;
};

static void check_value(void *context)
{
    struct value_check *check = context;
    check->status = record_verify_value(check->bytes, 0, check->value_size, check->seed);
}

/* OK, CORRUPT, or IO. Values that are too large for the scanner's buffer are read through the
 * mapping. */
static enum status verify_value(const struct recovery_file *file,
                                const struct scanned_record *scanned)
{
    struct value_check check = {.bytes = scanned->bytes,
                                .value_size = scanned->record.value.size,
                                .seed = file->segment->seed};
    if (scanned->has_value) {
        check_value(&check);
        return check.status;
    }
    check.bytes = file->segment->mapping + scanned->offset;
    return fault_guard_run(check_value, &check) ? check.status : STATUS_IO;
}

static enum status add_suspect(struct history *history, const struct scanned_record *scanned,
                               bool is_unread)
{
    if (history->suspect_count == history->suspect_capacity) {
        size_t capacity = history->suspect_capacity == 0 ? 16 : history->suspect_capacity * 2;
        struct suspect *suspects =
            realloc(history->suspects, capacity * sizeof(*history->suspects));
        if (suspects == NULL) {
            return STATUS_NO_MEMORY;
        }
        history->suspects = suspects;
        history->suspect_capacity = capacity;
    }
    history->suspects[history->suspect_count++] = (struct suspect){
        .sequence = scanned->record.sequence, .is_unread = is_unread, .group = history->group};
    return STATUS_OK;
}

static enum status take_record(struct history *history, size_t log_index,
                               const struct recovery_file *file,
                               const struct scanned_record *scanned)
{
    const struct record *record = &scanned->record;
    if (!history->in_group) {
        history->group = history->reached;
        history->group.log_index = log_index;
        history->group.offset = scanned->offset;
    }
    history->in_group = record->group_more;
    history->reached = (struct place){.log_index = log_index,
                                      .offset = scanned->offset + scanned->size,
                                      .last_sequence = record->sequence};
    enum status status = verify_value(file, scanned);
    if (status != STATUS_OK) {
        return add_suspect(history, scanned, status == STATUS_IO);
    }
    struct mark_sync mark;
    if (record->kind == RECORD_SYNC_MARK && mark_decode_sync(record->value, &mark) == STATUS_OK &&
        mark.sequence > history->covered) {
        history->covered = mark.sequence;
        history->mark = mark;
    }
    return STATUS_OK;
}

/* The segment after log[i], when it names log[i] as the one before it. */
static const struct recovery_file *successor_of(const struct recovery_files *files, size_t i)
{
    const struct recovery_file *next = i + 1 < files->log_count ? files->log[i + 1] : NULL;
    bool is_next = next != NULL && next->header.previous_file == files->log[i]->entry.number;
    return is_next ? next : NULL;
}

/* Walks through log[i], whose end is not known. Sets is_broken where it can't go on. */
static enum status walk_segment(struct history *history, size_t i)
{
    struct recovery_file *file = history->files->log[i];
    const struct recovery_file *next = successor_of(history->files, i);
    uint64_t limit = next != NULL && next->header.previous_end <= file->file_size
                         ? next->header.previous_end
                         : file->file_size;
    struct record_scanner scanner;
    enum status status =
        record_scanner_init(&scanner, file->segment, SEGMENT_HEADER_SIZE, limit, true);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t expected = file->header.first_sequence;
    history->reached.log_index = i;
    history->reached.offset = SEGMENT_HEADER_SIZE;
    if (expected != history->reached.last_sequence + 1) {
        history->reached.last_sequence =
            expected - 1; /* between two times that the store was open */
    }
    struct recovery_count count = {.progress = &history->progress};
    struct scanned_record scanned;
    while ((status = record_scanner_next(&scanner, &scanned)) == STATUS_OK &&
           scanned.record.sequence == expected) {
        status = take_record(history, i, file, &scanned);
        if (status != STATUS_OK) {
            break;
        }
        recovery_count_record(&count, scanned.size);
        expected++;
    }
    recovery_count_add(&count);
    bool at_limit = status == STATUS_NOT_FOUND;
    bool is_zero = true;
    if (status == STATUS_OK || status == STATUS_CORRUPT || at_limit) {
        /* An all-zero rest is the usual end of the newest segment only. */
        status = next != NULL ? STATUS_OK
                              : record_scanner_is_zero(&scanner, history->reached.offset, &is_zero);
        history->is_broken = next != NULL ? !at_limit : !is_zero;
        history->is_broken_inside = history->is_broken;
    }
    record_scanner_deinit(&scanner);
    return status;
}

/* --- the chain ---------------------------------------------------------------------------- */

/* Does log[i] continue what the walk has reached? The segment before it may have been compacted
 * away; then all before it was durable. */
static bool continues(const struct history *history, size_t i)
{
    const struct recovery_files *files = history->files;
    const struct segment_header *header = &files->log[i]->header;
    if (recovery_files_find(files, header->previous_file) == NULL) {
        return !history->in_group;
    }
    return i > 0 && files->log[i - 1]->entry.number == header->previous_file &&
           history->reached.offset == header->previous_end &&
           history->reached.last_sequence == header->previous_sequence;
}

/* Of what is sealed the manifest knows the end. */
static uint64_t bytes_to_walk(const struct recovery_files *files)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->log_count; i++) {
        bytes += files->log[i]->state == RECOVERY_SEALED ? 0 : files->log[i]->file_size;
    }
    return bytes;
}

static enum status walk(struct history *history)
{
    const struct recovery_files *files = history->files;
    recovery_progress_begin(&history->progress, "of the log's end verified");
    history->progress.total_bytes = bytes_to_walk(files);
    for (size_t i = 0; i < files->log_count && !history->is_broken; i++) {
        const struct recovery_file *file = files->log[i];
        if (!continues(history, i)) {
            history->is_broken = true;
            break;
        }
        if (file->state == RECOVERY_SEALED) {
            history->reached = (struct place){
                .log_index = i, .offset = file->end, .last_sequence = file->last_sequence};
            history->in_group = false;
            continue;
        }
        enum status status = walk_segment(history, i);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* --- what was durable --------------------------------------------------------------------- */

/* The greatest sequence number that a sync mark anywhere in [offset, file's end) covers; every
 * multiple of 8 bytes is looked at, as nothing there is known to be in order. */
static enum status search_marks(const struct recovery_file *file, uint64_t offset,
                                uint64_t *covered)
{
    struct record_scanner scanner;
    enum status status =
        record_scanner_init(&scanner, file->segment, offset, file->file_size, false);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t mark_size = record_size(0, MARK_SYNC_SIZE, false, false);
    for (; offset + mark_size <= file->file_size; offset += RECORD_ALIGNMENT) {
        const uint8_t *bytes;
        size_t available;
        status = record_scanner_bytes(&scanner, offset, (size_t)mark_size, &bytes, &available);
        if (status != STATUS_OK || available < mark_size) {
            break;
        }
        struct record record;
        uint64_t size;
        struct mark_sync mark;
        if (record_peek(bytes, available, &record, &size) == STATUS_OK &&
            record.kind == RECORD_SYNC_MARK && record.key.size == 0 && size == mark_size &&
            record_verify_head(bytes, &record, file->segment->seed) == STATUS_OK &&
            record_verify_value(bytes, 0, MARK_SYNC_SIZE, file->segment->seed) == STATUS_OK &&
            mark_decode_sync(record.value, &mark) == STATUS_OK && mark.sequence > *covered) {
            *covered = mark.sequence;
        }
    }
    record_scanner_deinit(&scanner);
    return status;
}

/* Looks for marks in all that lies behind the end of what could be walked. */
static enum status search_behind(const struct history *history, const struct place *from,
                                 uint64_t *covered)
{
    const struct recovery_files *files = history->files;
    enum status status = STATUS_OK;
    for (size_t i = from->log_index; status == STATUS_OK && i < files->log_count; i++) {
        status = search_marks(files->log[i], i == from->log_index ? from->offset : 0, covered);
    }
    for (size_t i = 0; status == STATUS_OK && i < files->count; i++) {
        if (files->files[i].state == RECOVERY_BROKEN) {
            status = search_marks(&files->files[i], 0, covered);
        }
    }
    return status;
}

static size_t log_index_of(const struct recovery_files *files, const struct recovery_file *file)
{
    size_t i = 0;
    while (i < files->log_count && files->log[i] != file) {
        i++;
    }
    return i;
}

/* Does the manifest say that something at or behind `place` was durable? */
static bool manifest_covers(const struct history *history, const struct place *place)
{
    const struct manifest_position *durable = &history->engine->manifest.durable;
    const struct recovery_file *file = recovery_files_find(history->files, durable->file);
    if (file == NULL) {
        return false; /* compacted away: all that is left of the log came later */
    }
    size_t index =
        log_index_of(history->files, file); /* log_count when it can't be walked at all */
    return index > place->log_index ||
           (index == place->log_index && durable->offset > place->offset);
}

/* A segment without a valid header, NULL when there is none; one that has something else in place
 * of it rather than one that has nothing there. */
static const struct recovery_file *broken_file(const struct recovery_files *files)
{
    const struct recovery_file *found = NULL;
    for (size_t i = 0; i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        bool is_better = found == NULL || (found->has_no_header && !file->has_no_header);
        if (file->state == RECOVERY_BROKEN && is_better) {
            found = file;
        }
    }
    return found;
}

/* Where the walk has ended between two segments: the one whose header is damaged. It is the one
 * that the next segment goes on from; others without a header may be values that were written
 * ahead. */
static const struct recovery_file *damaged_between(const struct recovery_files *files,
                                                   const struct place *place)
{
    for (size_t i = place->log_index; i < files->log_count; i++) {
        const struct recovery_file *before =
            recovery_files_find(files, files->log[i]->header.previous_file);
        if (before != NULL && before->state == RECOVERY_BROKEN) {
            return before;
        }
    }
    return broken_file(files);
}

static enum status refuse(const struct history *history, const struct place *place,
                          struct error *error)
{
    const struct recovery_files *files = history->files;
    const struct recovery_file *broken =
        history->is_broken_inside ? NULL : damaged_between(files, place);
    char name[FILE_NAME_SIZE_MAX] = "the log";
    uint64_t offset = place->offset;
    if (broken != NULL) {
        recovery_file_name(broken, name);
        offset = 0;
    } else if (place->log_index < files->log_count) {
        recovery_file_name(files->log[place->log_index], name);
    }
    return error_set(
        error, STATUS_CORRUPT,
        "%s is damaged at offset %llu, behind sequence number %llu: what follows there was durable "
        "once, so this is not the torn end of a crash. " ADVICE_DAMAGED,
        name, (unsigned long long)offset, (unsigned long long)place->last_sequence);
}

/* --- the verdict -------------------------------------------------------------------------- */

/* Where the history ends, after the walk, when marks behind it cover what is up to `behind`: they
 * count as those that it met, for a torn place in front of a mark takes nothing from what it says.
 * IO: that depends on a value which can't be read. Suspects are in the order of the log. */
static enum status find_end(const struct history *history, uint64_t behind, struct place *out)
{
    uint64_t covered = behind > history->covered ? behind : history->covered;
    for (size_t i = 0; i < history->suspect_count; i++) {
        const struct suspect *suspect = &history->suspects[i];
        bool is_durable = suspect->sequence <= covered || manifest_covers(history, &suspect->group);
        if (!is_durable && suspect->is_unread) {
            return STATUS_IO;
        }
        if (!is_durable) {
            *out = suspect->group;
            return STATUS_OK;
        }
        LOG_WARNING("the value of record %llu %s; its key can't be read",
                    (unsigned long long)suspect->sequence,
                    suspect->is_unread ? "is not delivered by the disk" : "fails its checksum");
    }
    *out = history->in_group ? history->group : history->reached;
    return STATUS_OK;
}

/* Cuts the log at `end`. Where what was durable is damaged, nothing passes for unused. */
static void apply_end(struct recovery_files *files, const struct place *end, bool is_damage)
{
    for (size_t i = 0; i < files->log_count; i++) {
        struct recovery_file *file = files->log[i];
        if (i > end->log_index || (i == end->log_index && end->offset < SEGMENT_HEADER_SIZE)) {
            file->set_aside = true;
        } else if (i == end->log_index) {
            file->end = end->offset;
            file->last_sequence = end->last_sequence;
        } else if (file->state == RECOVERY_OPEN) {
            const struct segment_header *next = &files->log[i + 1]->header;
            bool is_next = next->previous_file == file->entry.number;
            CHECK(is_next);
            file->end = next->previous_end;
            file->last_sequence = next->previous_sequence;
        }
    }
    for (size_t i = 0; i < files->count; i++) {
        struct recovery_file *file = &files->files[i];
        if (file->state == RECOVERY_BROKEN && file->has_no_header && !is_damage) {
            file->state = RECOVERY_UNUSED;
        } else if (file->state == RECOVERY_BROKEN) {
            file->set_aside = true;
        }
    }
}

/* All of the log before this place was durable. */
static void note_durable(struct recovery_files *files, uint64_t number, uint64_t offset)
{
    const struct recovery_file *last = recovery_files_find(files, number);
    size_t index = last == NULL ? files->log_count : log_index_of(files, last);
    if (index == files->log_count) {
        return;
    }
    for (size_t i = 0; i <= index; i++) {
        struct recovery_file *file = files->log[i];
        uint64_t end = i < index || offset > file->end ? file->end : offset;
        file->durable_end = end > file->durable_end ? end : file->durable_end;
    }
}

static void note_what_was_durable(const struct history *history) NO_THREAD_SAFETY_ANALYSIS
{
    const struct manifest_position *durable = &history->engine->manifest.durable;
    note_durable(history->files, history->mark.file, history->mark.offset);
    note_durable(history->files, durable->file, durable->offset);
}

/* All of the log up to this sequence number was closed and sealed when a compaction looked at it:
 * it is in sealed and packed segments, which are whole, or are found out elsewhere. */
static uint64_t judged_up_to(const struct recovery_files *files)
{
    uint64_t judged = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        if (file->state == RECOVERY_PACKED && file->header.judged_sequence > judged) {
            judged = file->header.judged_sequence;
        }
    }
    return judged;
}

enum status recovery_find_history(struct engine *engine, struct recovery_files *files,
                                  struct error *error)
{
    struct history history = {.engine = engine, .files = files};
    for (size_t i = 0; i < files->count; i++) {
        /* What was compacted came before what is left of the log. */
        if (files->files[i].state == RECOVERY_PACKED &&
            files->files[i].last_sequence > history.reached.last_sequence &&
            files->log_count == 0) {
            history.reached.last_sequence = files->files[i].last_sequence;
        }
    }
    enum status status = walk(&history);
    if (status != STATUS_OK) {
        free(history.suspects);
        return error_set(error, status, "can't read the log: %s", status_words(status));
    }
    uint64_t behind = 0; /* what the marks cover that the walk has not come to */
    if (history.is_broken || history.in_group || broken_file(files) != NULL) {
        status = search_behind(&history, &history.reached, &behind);
    }
    struct place end = history.reached;
    if (status == STATUS_OK) {
        status = find_end(&history, behind, &end);
    }
    bool is_damage = (behind > history.reached.last_sequence && behind > judged_up_to(files)) ||
                     manifest_covers(&history, &history.reached);
    free(history.suspects);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't read the log: %s", status_words(status));
    }
    if (is_damage && !engine->options.repair) {
        return refuse(&history, &history.reached, error);
    }
    apply_end(files, &end, is_damage);
    note_what_was_durable(&history);
    return STATUS_OK;
}
