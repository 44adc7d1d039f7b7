/* live.c - see live.h. */
#include "check/live.h"

#include "base/random.h"
#include "check/findings.h"
#include "check/live_databases.h"
#include "check/live_left_out.h"
#include "check/live_older.h"
#include "check/live_pieces.h"
#include "check/live_walked.h"
#include "check/progress.h"
#include "engine/mark.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- one record --------------------------------------------------------------------------- */

static enum status take_key(struct live *live, struct walk *walk)
{
    struct recovery_entry entry = live_walked_entry(live, walk);
    struct slice value;
    enum status status = walk_value(walk, &value);
    entry.is_unreadable = status != STATUS_OK;
    return entry.is_unreadable && live->options.older ? live_older_pass_over(live, &entry)
                                                      : recovery_table_offer(&live->table, &entry);
}

/* A header stands among the keys, too. */
static enum status take_pieced(struct live *live, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    struct recovery_entry entry = live_walked_entry(live, walk);
    enum status status = live_pieces_take(live, walk, index_hash_of(entry.hash));
    if (status == STATUS_CORRUPT) {
        live->holes++;
        report_problem(
            live->report,
            "%s offset %" PRIu64 ": the %s with sequence number %" PRIu64 " is not valid: %s",
            walk->file->name, walk->scanned.offset, pieces_is_header(record) ? "header" : "piece",
            record->sequence, status_words(status));
        return STATUS_OK;
    }
    return status == STATUS_OK && pieces_is_header(record)
               ? recovery_table_offer(&live->table, &entry)
               : status;
}

static enum status take_mark(struct live *live, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    struct slice value;
    struct mark_keyspace_map map;
    int64_t until_ms;
    enum status status = walk_value(walk, &value);
    if (status == STATUS_OK && record->kind == RECORD_EXPIRY_MARK) {
        status = mark_decode_expiry(value, &until_ms);
        if (status == STATUS_OK) {
            return staircase_add(&live->staircase, record->sequence, until_ms);
        }
    } else if (status == STATUS_OK && record->kind == RECORD_KEYSPACE_MAP) {
        status = mark_decode_keyspace_map(value, &map);
        if (status == STATUS_OK) {
            return live_databases_take_map(live, record->sequence, &map);
        }
    }
    if (status != STATUS_OK) {
        live->holes++;
        report_problem(
            live->report,
            "%s offset %" PRIu64 ": %s with sequence number %" PRIu64 " is not valid: %s",
            walk->file->name, walk->scanned.offset,
            record->kind == RECORD_KEYSPACE_MAP ? "the map of the databases" : "the expiry mark",
            record->sequence, status_words(status));
    }
    return STATUS_OK;
}

static enum status take_record(struct live *live, struct walk *walk, struct error *error)
{
    live->records++;
    live->record_bytes += walk->scanned.size;
    const char *reason = live_walked_objection(live, walk);
    if (reason != NULL) {
        return live_left_out_take(live, walk, reason);
    }
    switch (walk->scanned.record.kind) {
    case RECORD_VALUE:
    case RECORD_TOMBSTONE:
        return take_key(live, walk);
    case RECORD_EXPIRY_MARK:
    case RECORD_KEYSPACE_MAP:
        return take_mark(live, walk);
    case RECORD_SYNC_MARK:
        return STATUS_OK;
    case RECORD_PIECED:
        if (live_pieces_are_announced(live->store)) {
            return take_pieced(live, walk);
        }
        break;
    }
    return findings_newer_record(walk, error);
}

/* --- one file ----------------------------------------------------------------------------- */

/* The record with number `due` should have been there. */
static void take_gap(struct live *live, const struct walk *walk, uint64_t due)
{
    if (walk->gap_is_zero && check_file_is_open_log(walk->file)) {
        return;
    }
    bool is_torn = history_is_torn(live->history, walk->file, due) && !walk->gap_is_unreadable;
    bool is_end = is_torn && history_ends_before(live->history, walk->file, walk->gap_to);
    live->holes += is_end ? 0 : 1;
    live->torn += is_torn && !is_end ? 1 : 0;
    if (is_torn) {
        report_note(live->report,
                    "%s offset %" PRIu64 ": no valid record in %" PRIu64
                    " bytes, as after a crash: nothing there was ever reported durable; a server "
                    "that starts ends the log there",
                    walk->file->name, walk->gap_from, walk->gap_to - walk->gap_from);
        return;
    }
    if (history_is_in_doubt(live->history, walk->file, due) && !walk->gap_is_unreadable) {
        findings_report_doubt(walk->file, walk->gap_from, "no valid record", live->report);
        return;
    }
    findings_report_gap(walk, live->report);
}

/* Behind its last record, of which `due` is the successor, a file ends, or has zeros. */
static void take_end(struct live *live, const struct walk *walk, uint64_t due)
{
    enum history_lack lack = findings_report_lack(live->history, walk, due, live->report);
    live->holes += lack == HISTORY_LACKS_NOTHING ? 0 : 1;
    live->torn += lack == HISTORY_LACKS_TORN_END ? 1 : 0;
    if (lack == HISTORY_LACKS_TORN_END) {
        report_note(live->report,
                    "%s: the next segment does not go on from its end, as after a crash: what lay "
                    "between was never reported durable; a server that starts ends the log there",
                    walk->file->name);
    }
}

static void check_header(struct live *live, const struct check_file *file)
{
    if (findings_report_header(live->history, file, live->report)) {
        report_note(live->report,
                    "%s offset 0: the segment's header is not whole, as after a crash: nothing "
                    "behind it was ever reported durable; a server that starts ends the log before "
                    "it",
                    file->name);
    }
}

/* What follows a segment that was set aside is taken for what a crash has torn, too. */
static void count_lost_file(struct live *live, const struct check_file *file)
{
    bool is_torn = file->is_set_aside && history_goes_on_behind(live->history, file);
    bool is_lost = !check_file_is_whole(file) && !file->is_set_aside;
    live->holes += is_lost || is_torn ? 1 : 0;
    live->torn += is_torn ? 1 : 0;
}

static enum status read_file(struct live *live, struct check_file *file, struct progress *progress,
                             struct error *error)
{
    struct walk walk;
    enum status status = walk_begin(&walk, file);
    enum walk_event event = WALK_GAP;
    uint64_t before = progress->done;
    uint64_t due = file->due_sequence;
    check_header(live, file);
    while (status == STATUS_OK && event != WALK_END) {
        status = walk_next(&walk, &event);
        if (status == STATUS_OK && event == WALK_RECORD) {
            status = take_record(live, &walk, error);
            due = walk.scanned.record.sequence + 1;
        } else if (status == STATUS_OK && event == WALK_GAP) {
            take_gap(live, &walk, due);
        } else if (status == STATUS_OK) {
            take_end(live, &walk, due);
        }
        progress_at(progress, before + walk.scanner.offset);
    }
    walk_end(&walk);
    progress_at(progress, before + check_file_record_bytes(file));
    return status;
}

/* --- counting ----------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct live *live, const struct recovery_entry *entry)
{
    return (uint64_t)entry->units * RECORD_ALIGNMENT + live_pieces_size(live, entry->address);
}

static enum status count_entry(struct live *live, struct recovery_entry *entry)
{
    struct live_database *database;
    uint64_t keyspace_id = recovery_entry_keyspace(entry);
    bool is_lost = live_databases_lack(live, keyspace_id);
    live->has_lost_map = live->has_lost_map || is_lost;
    enum status status =
        live_databases_find(live, keyspace_id, is_lost && !entry->is_dead, &database);
    if (status != STATUS_OK || database == NULL || entry->is_dead) {
        entry->is_dead = 1;
        return status;
    }
    if (entry->expiry_ms != EXPIRY_NONE &&
        (entry->expiry_ms <= live->options.now_ms ||
         staircase_covers(&live->staircase, entry->sequence, entry->expiry_ms))) {
        entry->is_dead = 1;
        live->expired_keys++;
        return STATUS_OK;
    }
    if (entry->is_unreadable) {
        live->unreadable_keys++;
        return STATUS_OK;
    }
    database->keys++;
    database->expiring += entry->expiry_ms != EXPIRY_NONE ? 1 : 0;
    database->bytes += bytes_of(live, entry);
    live->keys++;
    live->live_bytes += bytes_of(live, entry);
    return STATUS_OK;
}

static enum status count_all(struct live *live)
{
    enum status status = live_pieces_sort(live);
    for (size_t i = 0; status == STATUS_OK && i < live->table.capacity; i++) {
        if (live->table.entries[i].is_used) {
            status = count_entry(live, &live->table.entries[i]);
        }
    }
    live_databases_sort_strays(live);
    return status;
}

/* --- both passes -------------------------------------------------------------------------- */

/* Keys are told apart by a secret of our own: the store's may be lost. */
static void choose_secret(struct live *live)
{
    random_fill(live->secret, sizeof(live->secret));
}

enum status live_build(const struct history *history, const struct live_options *options,
                       struct report *report, struct live *live, struct error *error)
{
    struct check_store *store = history->store;
    *live =
        (struct live){.history = history, .store = store, .report = report, .options = *options};
    recovery_table_init(&live->table);
    recovery_table_init(&live->passed.newest);
    staircase_init(&live->staircase);
    recovery_pieces_init(&live->pieces);
    choose_secret(live);
    error->text[0] = '\0';
    struct progress progress;
    progress_begin(&progress, "reading", store->size, options->is_quiet);
    enum status status = live_databases_init(live);
    for (size_t i = 0; status == STATUS_OK && i < store->file_count; i++) {
        count_lost_file(live, &store->files[i]);
        status = read_file(live, &store->files[i], &progress, error);
    }
    progress_end(&progress);
    live_left_out_sort(live);
    if (status == STATUS_OK) {
        status = live_older_end_expired(live);
    }
    if (status == STATUS_OK) {
        status = count_all(live);
    }
    if (status != STATUS_OK && error->text[0] == '\0') {
        (void)error_set(error, status, "can't read the store: %s", status_words(status));
    }
    return status;
}

void live_deinit(struct live *live)
{
    recovery_table_deinit(&live->table);
    staircase_deinit(&live->staircase);
    recovery_pieces_deinit(&live->pieces);
    free(live->by_header);
    live->by_header = NULL;
    live_older_deinit(live);
    live_left_out_deinit(live);
    free(live->databases);
    live->databases = NULL;
}

/* The entry of the record's key, if this record is the one that counts for it. */
static struct recovery_entry *winner(const struct live *live, const struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    if (!live_walked_has_value(record)) {
        return NULL;
    }
    struct recovery_entry entry = live_walked_entry(live, walk);
    const struct recovery_entry *found = recovery_table_find(&live->table, entry.hash, entry.check);
    bool is_it = found != NULL && found->address == entry.address && !found->is_dead;
    return is_it ? &live->table.entries[found - live->table.entries] : NULL;
}

/* The value of the record that the walk has come to; of a header it is put together in memory that
 * is the caller's, or (NULL) only looked at. What can't be read is reported. */
static enum status value_of(struct live *live, struct walk *walk, char **together,
                            struct slice *out)
{
    size_t size = 0;
    if (walk->scanned.record.kind == RECORD_PIECED) {
        enum status status = live_pieces_read(live, walk, together, &size);
        *out = slice_make(together == NULL ? NULL : *together, size);
        return status;
    }
    enum status status = walk_value(walk, out);
    if (status != STATUS_OK) {
        live_walked_report_value(live, walk, status);
    }
    return status;
}

/* Its value turned out to be unreadable. */
static void count_out(struct live *live, struct recovery_entry *entry,
                      struct live_database *database)
{
    if (entry->is_unreadable || database == NULL) {
        return;
    }
    entry->is_unreadable = 1;
    live->unreadable_keys++;
    live->keys--;
    live->live_bytes -= bytes_of(live, entry);
    database->keys--;
    database->expiring -= entry->expiry_ms != EXPIRY_NONE ? 1 : 0;
    database->bytes -= bytes_of(live, entry);
}

/* Without a visitor the value is only looked at. */
static enum status show(struct live *live, struct walk *walk, live_visitor *visit, void *context)
{
    struct recovery_entry *entry = winner(live, walk);
    struct live_record shown = {.record = &walk->scanned.record};
    bool was_read = visit == NULL && shown.record->kind != RECORD_PIECED;
    if (entry == NULL && live->options.older) {
        live_older_report(live, walk);
    }
    if (entry == NULL || (was_read && !entry->is_unreadable)) {
        return STATUS_OK;
    }
    char *together = NULL;
    enum status status = value_of(live, walk, visit == NULL ? NULL : &together, &shown.value);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    struct live_database *database;
    enum status found = live_databases_find(live, shown.record->keyspace_id, false, &database);
    if (found == STATUS_OK && status != STATUS_OK) {
        count_out(live, entry, database);
    } else if (found == STATUS_OK && database != NULL && visit != NULL) {
        shown.database = (unsigned)(database - live->databases);
        found = visit(context, &shown);
    }
    free(together);
    return found;
}

enum status live_try_values(struct live *live)
{
    bool is_all_read = live->by_header_count == 0 && live->unreadable_keys == 0;
    return is_all_read ? STATUS_OK : live_visit(live, NULL, NULL);
}

enum status live_visit(struct live *live, live_visitor *visit, void *context)
{
    struct check_store *store = live->store;
    struct progress progress;
    progress_begin(&progress, visit == NULL ? "reading values" : "writing", store->size,
                   live->options.is_quiet);
    enum status status = STATUS_OK;
    uint64_t before = 0;
    for (size_t i = 0; status == STATUS_OK && i < store->file_count; i++) {
        struct walk walk;
        status = walk_begin(&walk, &store->files[i]);
        enum walk_event event = WALK_GAP;
        while (status == STATUS_OK && event != WALK_END) {
            status = walk_next(&walk, &event);
            if (status == STATUS_OK && event == WALK_RECORD) {
                status = show(live, &walk, visit, context);
            }
            progress_at(&progress, before + walk.scanner.offset);
        }
        walk_end(&walk);
        before += check_file_record_bytes(&store->files[i]);
    }
    progress_end(&progress);
    return status;
}
