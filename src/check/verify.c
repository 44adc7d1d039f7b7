/*
 * verify.c - see verify.h.
 *
 * The log is walked in its order. What is missing or out of turn is damage where something at or
 * behind it was durable; behind all that was durable the first such place is the torn end of a
 * crash, where the server would end the history too, and a note. Without a manifest each such place
 * is in doubt, and has a note of its own.
 */
#include "check/verify.h"

#include "check/checkpoint_file.h"
#include "check/findings.h"
#include "check/live_pieces.h"
#include "check/progress.h"
#include "check/verify_pieces.h"
#include "check/walk.h"
#include "engine/mark.h"

#include <inttypes.h>
#include <string.h>

/* What was counted in one file. */
struct tally {
    uint64_t records;
    uint64_t values;
    uint64_t tombstones;
    uint64_t marks; /* and maps */
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t smallest_sequence;
    uint64_t greatest_sequence;
    uint64_t end;       /* behind the last record */
    bool tells_of_lack; /* there is a line on what is missing behind that */
};

struct verify {
    const struct check_store *store;
    const struct history *history;
    struct report *report;
    struct progress progress;
    uint64_t bytes_done;
    struct tally tally;
    struct verify_pieces pieces; /* that are damaged */

    /* the log, so far */
    const struct check_file *previous;
    uint64_t reached_sequence;
    uint64_t reached_end;
    bool reached_tells_of_lack;
    bool has_ended; /* at a torn end: one place, one note */
};

/* --- findings ----------------------------------------------------------------------------- */

/* The number that the next record of the log should have. */
static uint64_t due_sequence(const struct verify *verify, const struct check_file *file)
{
    return verify->tally.records > 0 ? verify->tally.last_sequence + 1 : file->due_sequence;
}

static void end_history(struct verify *verify, const struct check_file *file, uint64_t offset,
                        const char *why)
{
    if (!verify->has_ended) {
        report_note(verify->report,
                    "%s offset %" PRIu64
                    ": the log ends here, as after a crash (%s). Nothing behind "
                    "it was ever reported durable; the next start cuts it off",
                    file->name, offset, why);
        verify->has_ended = true;
    }
}

/* What is not as it should be where the record with this number was due has its note, unless it is
 * damage. */
static bool is_excused(struct verify *verify, const struct check_file *file, uint64_t sequence,
                       uint64_t offset, const char *why)
{
    if (history_is_torn(verify->history, file, sequence)) {
        end_history(verify, file, offset, why);
        return true;
    }
    if (history_is_in_doubt(verify->history, file, sequence)) {
        findings_report_doubt(file, offset, why, verify->report);
        return true;
    }
    return false;
}

static void take_gap(struct verify *verify, const struct walk *walk)
{
    const struct check_file *file = walk->file;
    if (walk->gap_is_zero && check_file_is_open_log(file)) {
        return;
    }
    if (!walk->gap_is_unreadable &&
        is_excused(verify, file, due_sequence(verify, file), walk->gap_from, "no valid record")) {
        return;
    }
    findings_report_gap(walk, verify->report);
}

/* What is not durable and missing is told of where the next segment does not go on from it. */
static void take_end(struct verify *verify, const struct walk *walk)
{
    enum history_lack lack = findings_report_lack(verify->history, walk,
                                                  due_sequence(verify, walk->file), verify->report);
    verify->tally.tells_of_lack =
        lack == HISTORY_LACKS_DURABLE_END || lack == HISTORY_LACKS_END_IN_DOUBT;
}

/* In the log, each record has its predecessor's number plus one. */
static void check_turn(struct verify *verify, const struct walk *walk)
{
    uint64_t sequence = walk->scanned.record.sequence;
    uint64_t due = due_sequence(verify, walk->file);
    bool is_known = verify->tally.records > 0 || walk->file->header_status == STATUS_OK;
    if (walk->file->kind != SEGMENT_LOG || !is_known || sequence == due) {
        return;
    }
    if (!is_excused(verify, walk->file, due, walk->scanned.offset, "a record is out of turn")) {
        report_problem(verify->report,
                       "%s offset %" PRIu64 ": sequence number %" PRIu64 " where %" PRIu64
                       " is due%s",
                       walk->file->name, walk->scanned.offset, sequence, due,
                       sequence > due ? ": what lies between is lost" : "");
    }
}

static bool is_mark_valid(const struct record *record, struct slice value)
{
    struct mark_sync sync;
    struct mark_keyspace_map map;
    int64_t until_ms;
    switch (record->kind) {
    case RECORD_SYNC_MARK:
        return mark_decode_sync(value, &sync) == STATUS_OK;
    case RECORD_EXPIRY_MARK:
        return mark_decode_expiry(value, &until_ms) == STATUS_OK;
    case RECORD_KEYSPACE_MAP:
        return mark_decode_keyspace_map(value, &map) == STATUS_OK;
    case RECORD_PIECED: {
        struct pieces_shape shape;
        return pieces_is_header(record) ? pieces_decode_shape(record->place, &shape) == STATUS_OK
                                        : value.size <= (size_t)1 << PIECES_SHIFT_MAX;
    }
    case RECORD_VALUE:
    case RECORD_TOMBSTONE:
        break;
    }
    return true;
}

/* What the value is; `key` has it where the record has a key. */
static const char *name_value(const struct record *record, char key[REPORT_KEY_SIZE])
{
    key[0] = '\0';
    switch (record->kind) {
    case RECORD_SYNC_MARK:
        return "sync mark";
    case RECORD_EXPIRY_MARK:
        return "expiry mark";
    case RECORD_KEYSPACE_MAP:
        return "map of the databases";
    case RECORD_PIECED:
    case RECORD_VALUE:
    case RECORD_TOMBSTONE:
        break;
    }
    (void)report_key(record->key, key);
    return "value of key ";
}

static void report_value(struct verify *verify, const struct walk *walk, enum status status)
{
    const struct record *record = &walk->scanned.record;
    char key[REPORT_KEY_SIZE];
    const char *name = name_value(record, key);
    report_problem(verify->report,
                   "%s offset %" PRIu64 ": the %s%s (keyspace %" PRIu64 ", sequence number %" PRIu64
                   ") %s%s",
                   walk->file->name, walk->scanned.offset, name, key, record->keyspace_id,
                   record->sequence, status == STATUS_IO ? "can't be read" : "fails its checksum",
                   findings_doubt(verify->history, walk->file, record->sequence));
}

static enum status check_value(struct verify *verify, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    struct slice value;
    enum status status = walk_value(walk, &value);
    if (status == STATUS_OK && is_mark_valid(record, value)) {
        return STATUS_OK;
    }
    if (status == STATUS_CORRUPT &&
        history_is_torn(verify->history, walk->file, record->sequence)) {
        end_history(verify, walk->file, walk->scanned.offset, "a value that was not written whole");
        return STATUS_OK;
    }
    if (record->kind == RECORD_PIECED && !pieces_is_header(record)) {
        return verify_pieces_add(&verify->pieces, walk, status);
    }
    report_value(verify, walk, status);
    return STATUS_OK;
}

/* --- one file ----------------------------------------------------------------------------- */

static void count(struct tally *tally, const struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    tally->values += record->kind == RECORD_VALUE || record->kind == RECORD_PIECED ? 1 : 0;
    tally->tombstones += record->kind == RECORD_TOMBSTONE ? 1 : 0;
    tally->marks += record->kind > RECORD_TOMBSTONE ? 1 : 0;
    if (tally->records == 0) {
        tally->first_sequence = record->sequence;
        tally->smallest_sequence = record->sequence;
    }
    if (record->sequence < tally->smallest_sequence) {
        tally->smallest_sequence = record->sequence;
    }
    if (record->sequence > tally->greatest_sequence) {
        tally->greatest_sequence = record->sequence;
    }
    tally->last_sequence = record->sequence;
    tally->end = walk->scanned.offset + walk->scanned.size;
    tally->records++;
}

static enum status take_record(struct verify *verify, struct walk *walk, struct error *error)
{
    if (walk->scanned.record.kind == RECORD_PIECED && !live_pieces_are_announced(verify->store)) {
        return findings_newer_record(walk, error);
    }
    check_turn(verify, walk);
    enum status status = check_value(verify, walk);
    count(&verify->tally, walk);
    return status;
}

/* What the manifest and the header say of the file's records. */
static void check_claims(struct verify *verify, const struct check_file *file)
{
    const struct tally *tally = &verify->tally;
    const struct manifest_file *entry = &file->entry;
    if (entry->end == 0 || tally->records == 0) {
        return;
    }
    if (tally->smallest_sequence != entry->first_sequence ||
        tally->greatest_sequence != entry->last_sequence) {
        report_problem(verify->report,
                       "%s: it holds sequence numbers %" PRIu64 " to %" PRIu64
                       ", the manifest says %" PRIu64 " to %" PRIu64,
                       file->name, tally->smallest_sequence, tally->greatest_sequence,
                       entry->first_sequence, entry->last_sequence);
    }
}

static const char *state_of(const struct check_file *file)
{
    if (file->kind == SEGMENT_PACKED) {
        return "packed";
    }
    return check_file_is_open_log(file) ? "log, open" : "log, sealed";
}

static void print_file(const struct verify *verify, const struct check_file *file)
{
    const struct tally *tally = &verify->tally;
    (void)fprintf(verify->report->out,
                  "%s: %s, %" PRIu64 " bytes, %" PRIu64 " records (%" PRIu64 " values, %" PRIu64
                  " tombstones, %" PRIu64 " marks)",
                  file->name, state_of(file), file->size, tally->records, tally->values,
                  tally->tombstones, tally->marks);
    if (tally->records > 0) {
        (void)fprintf(verify->report->out, ", sequence numbers %" PRIu64 " to %" PRIu64,
                      tally->smallest_sequence, tally->greatest_sequence);
    }
    (void)fputc('\n', verify->report->out);
}

static enum status walk_file(struct verify *verify, struct check_file *file, struct error *error)
{
    struct walk walk;
    enum status status = walk_begin(&walk, file);
    enum walk_event event = WALK_GAP;
    verify->tally = (struct tally){.end = SEGMENT_HEADER_SIZE};
    while (status == STATUS_OK && event != WALK_END) {
        status = walk_next(&walk, &event);
        if (status == STATUS_OK && event == WALK_RECORD) {
            status = take_record(verify, &walk, error);
        } else if (status == STATUS_OK && event == WALK_GAP) {
            take_gap(verify, &walk);
        } else if (status == STATUS_OK) {
            take_end(verify, &walk);
        }
        progress_at(&verify->progress, verify->bytes_done + walk.scanner.offset);
    }
    walk_end(&walk);
    verify->bytes_done += check_file_record_bytes(file);
    return status;
}

/* A header that is not valid, where the file was used. */
static void check_header(struct verify *verify, const struct check_file *file)
{
    if (findings_report_header(verify->history, file, verify->report)) {
        end_history(verify, file, 0, "a segment whose header is not whole");
    }
}

static enum status verify_file(struct verify *verify, struct check_file *file, struct error *error)
{
    check_header(verify, file);
    enum status status = walk_file(verify, file, error);
    if (status == STATUS_OK) {
        check_claims(verify, file);
        print_file(verify, file);
    }
    return status;
}

/* --- the log ------------------------------------------------------------------------------ */

/* Does the segment continue the one before it? That one may have been compacted away. */
static void check_chain(struct verify *verify, const struct check_store *store,
                        const struct check_file *file)
{
    const struct segment_header *header = &file->header;
    if (file->header_status != STATUS_OK || !check_store_has_file(store, header->previous_file)) {
        return;
    }
    bool is_next = verify->previous != NULL && verify->previous->number == header->previous_file;
    if (is_next && verify->reached_end == header->previous_end &&
        verify->reached_sequence == header->previous_sequence) {
        return;
    }
    bool is_lost_between = verify->reached_sequence < header->previous_sequence;
    if (is_next && is_lost_between && verify->reached_tells_of_lack) {
        return;
    }
    uint64_t due = is_lost_between ? verify->reached_sequence + 1 : header->first_sequence;
    if (is_excused(verify, file, due, 0, "a segment that does not continue what is there")) {
        return;
    }
    report_problem(
        verify->report,
        "%s: it continues segment %" PRIu64 " at offset %" PRIu64 " behind sequence number %" PRIu64
        "; what is there ends at %s offset %" PRIu64 " with %" PRIu64,
        file->name, header->previous_file, header->previous_end, header->previous_sequence,
        verify->previous == NULL ? "no segment," : verify->previous->name, verify->reached_end,
        verify->reached_sequence);
}

static enum status verify_log(struct verify *verify, struct check_store *store, struct error *error)
{
    const struct history *history = verify->history;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < history->log_count; i++) {
        struct check_file *file = history->log[i];
        check_chain(verify, store, file);
        status = verify_file(verify, file, error);
        verify->previous = file;
        verify->reached_tells_of_lack = verify->tally.tells_of_lack;
        if (!check_file_is_open_log(file)) {
            verify->reached_end = file->entry.end;
            verify->reached_sequence = file->entry.last_sequence;
            continue;
        }
        verify->reached_end = verify->tally.end;
        if (verify->tally.records > 0) { /* else it adds nothing to the log */
            verify->reached_sequence = verify->tally.last_sequence;
        }
    }
    return status;
}

/* A group that has no end, unless the log has ended before it. */
static void check_unfinished(struct verify *verify)
{
    if (!verify->has_ended && verify->history->unfinished_file != NULL) {
        findings_report_unfinished(verify->history, verify->report);
        verify->has_ended = true;
    }
}

/* Packed segments, and log segments in which nothing was found: zeros were made ready and not used.
 */
static enum status verify_others(struct verify *verify, struct check_store *store,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        if (file->file == NULL || history_is_in_log(verify->history, file)) {
            continue;
        }
        if (file->kind == SEGMENT_PACKED || file->entry.end != 0) {
            status = verify_file(verify, file, error);
            continue;
        }
        status = walk_file(verify, file, error);
        if (status == STATUS_OK) {
            (void)fprintf(verify->report->out, "%s: log, nothing in it yet, %" PRIu64 " bytes\n",
                          file->name, file->size);
        }
    }
    return status;
}

/* The next manifest is written under that name: what lies there instead can keep a server from
 * starting. */
static enum status check_temporary(const struct check_store *store, struct error *error)
{
    struct file *file;
    enum status status = fs_open(store->fs, MANIFEST_TEMPORARY_NAME, FILE_MODE_READ, &file);
    if (status == STATUS_OK) {
        file_close(file);
    }
    if (status == STATUS_NOT_A_FILE) {
        return error_set(error, status,
                         "something else has the name '" MANIFEST_TEMPORARY_NAME
                         "', under which a server writes its next manifest: where it can't be "
                         "removed as a file can, no server starts. Move it out of the directory");
    }
    return STATUS_OK; /* what cannot be read there is removed at the next start */
}

static void print_manifest(const struct check_store *store, struct report *report)
{
    const struct manifest *manifest = &store->manifest;
    if (store->source == CHECK_FROM_DIRECTORY) {
        return;
    }
    (void)fprintf(
        report->out,
        "%s: generation %" PRIu64 ", %zu files, %zu databases, segments of %" PRIu64 " bytes\n",
        store->source == CHECK_FROM_MANIFEST ? MANIFEST_NAME : MANIFEST_TEMPORARY_NAME,
        manifest->generation, manifest->file_count, manifest->map_count, manifest->segment_size);
}

enum status verify_store(struct check_store *store, const struct history *history, bool is_quiet,
                         struct report *report, struct error *error)
{
    struct verify verify = {.store = store, .history = history, .report = report};
    error->text[0] = '\0';
    progress_begin(&verify.progress, "verifying", store->size, is_quiet);
    print_manifest(store, report);
    findings_report(store, report);
    enum status status = verify_log(&verify, store, error);
    if (status == STATUS_OK) {
        check_unfinished(&verify);
        status = verify_others(&verify, store, error);
    }
    if (status == STATUS_OK) {
        status = checkpoint_file_verify(store, report, error);
    }
    if (status == STATUS_OK) {
        status = check_temporary(store, error);
    }
    progress_end(&verify.progress);
    if (status == STATUS_OK) {
        status = verify_pieces_report(&verify.pieces, history, report);
    }
    verify_pieces_deinit(&verify.pieces);
    if (status != STATUS_OK && error->text[0] == '\0') {
        (void)error_set(error, status, "can't read the store: %s", status_words(status));
    }
    return status;
}
