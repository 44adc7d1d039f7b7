/* findings.c - see findings.h. */
#include "check/findings.h"

#include "engine/store_name.h"

#include <inttypes.h>

static void report_manifest(const struct check_store *store, struct report *report)
{
    switch (store->source) {
    case CHECK_FROM_MANIFEST:
        return;
    case CHECK_FROM_TEMPORARY:
        report_problem(report,
                       "%s. " MANIFEST_TEMPORARY_NAME " is whole: what it says is used instead",
                       store->has_manifest ? "file " MANIFEST_NAME " is not valid"
                                           : "file " MANIFEST_NAME " is missing");
        return;
    case CHECK_FROM_DIRECTORY:
        break;
    }
    report_problem(report,
                   "file %s is %s: all segments in the directory are taken for the store's, and "
                   "which database is which is known only from records",
                   MANIFEST_NAME, store->has_manifest ? "not valid" : "missing");
}

static const char *why_not_open(const struct check_file *file)
{
    if (file->open_status != STATUS_NOT_FOUND) {
        return "the file can't be opened";
    }
    return file->has_cut_file ? "the file is missing, and was durable; what a file *.cut may have "
                                "of it is not looked into"
                              : "the file is missing";
}

static void report_file(const struct check_file *file, struct report *report)
{
    if (file->is_set_aside) {
        report_note(
            report,
            "%s: a start that was interrupted has set it aside, in a file *.cut: it follows "
            "the end of the log",
            file->name);
        return;
    }
    if (file->file == NULL) {
        report_problem(report, "%s: %s", file->name, why_not_open(file));
        return;
    }
    if (!check_file_is_whole(file)) {
        report_problem(report,
                       "%s: it has %" PRIu64 " bytes, of %" PRIu64 " that the manifest knows",
                       file->name, file->size, file->entry.end);
    }
}

void findings_report(const struct check_store *store, struct report *report)
{
    report_manifest(store, report);
    if (store->has_import_mark) {
        report_problem(report, "file " STORE_NAME_IMPORT_MARK
                               ": an import has not come to its end here, so that keys may be "
                               "missing: run it again, or remove that file if the store is whole");
    }
    for (size_t i = 0; i < store->file_count; i++) {
        report_file(&store->files[i], report);
    }
    if (store->newer_segments > 0) {
        report_problem(report,
                       "%s is older than %zu segments in the directory, which are not looked "
                       "into, or the log has lost its end: put the newest one back. Of a copy of "
                       "the directory without any " MANIFEST_NAME ", repair takes all segments",
                       store->source == CHECK_FROM_MANIFEST ? MANIFEST_NAME
                                                            : MANIFEST_TEMPORARY_NAME,
                       store->newer_segments);
    }
    if (store->mute_segments > 0) {
        report_problem(report,
                       "%zu segment files that the manifest does not list can't be read: whether "
                       "they are newer than it is not known; they are not looked into",
                       store->mute_segments);
    }
    if (store->other_segments > 0) {
        report_note(report,
                    "%zu segment files in the directory do not belong to the store; they are not "
                    "looked into",
                    store->other_segments);
    }
    if (store->cut_files > 0) {
        report_note(report,
                    "%zu *.cut files hold what earlier starts have set aside; they are not looked "
                    "into",
                    store->cut_files);
    }
}

const char *findings_doubt(const struct history *history, const struct check_file *file,
                           uint64_t sequence)
{
    return history_is_in_doubt(history, file, sequence) ? "; " FINDINGS_DOUBT : "";
}

void findings_report_doubt(const struct check_file *file, uint64_t offset, const char *what,
                           struct report *report)
{
    report_note(report, "%s offset %" PRIu64 ": %s: what was there is lost, and " FINDINGS_DOUBT,
                file->name, offset, what);
}

bool findings_report_header(const struct history *history, const struct check_file *file,
                            struct report *report)
{
    /* Where nothing is found, zeros were made ready and not used. */
    bool is_used = !check_file_is_open_log(file) || history_is_in_log(history, file);
    if (file->file == NULL || file->header_status == STATUS_OK || !is_used) {
        return false;
    }
    if (history_is_torn(history, file, file->due_sequence)) {
        return true;
    }
    if (history_is_in_doubt(history, file, file->due_sequence)) {
        findings_report_doubt(file, 0, "a segment whose header is not whole", report);
    } else {
        report_problem(report, "%s offset 0: the segment's header is not valid", file->name);
    }
    return false;
}

enum history_lack findings_report_lack(const struct history *history, const struct walk *walk,
                                       uint64_t due, struct report *report)
{
    const struct check_file *file = walk->file;
    uint64_t offset;
    if (file->file == NULL || !walk_ends_clean(walk, &offset)) {
        return HISTORY_LACKS_NOTHING;
    }
    enum history_lack lack = history_find_lack(history, file, offset, due);
    if (lack == HISTORY_LACKS_DURABLE_END) {
        report_problem(report,
                       "%s offset %" PRIu64 ": the segment ends before its last durable record: "
                       "what followed from sequence number %" PRIu64 " on is lost",
                       file->name, offset, history_unsettled(history, due));
    } else if (lack == HISTORY_LACKS_END_IN_DOUBT) {
        findings_report_doubt(file, offset, "the next segment does not go on from here", report);
    }
    return lack;
}

void findings_report_gap(const struct walk *walk, struct report *report)
{
    report_problem(report, "%s offset %" PRIu64 ": no valid record in %" PRIu64 " bytes%s",
                   walk->file->name, walk->gap_from, walk->gap_to - walk->gap_from,
                   walk->gap_is_unreadable ? ", some of which the disk does not deliver" : "");
}

enum status findings_newer_record(const struct walk *walk, struct error *error)
{
    return error_set(error, STATUS_NEWER_FORMAT,
                     "%s offset %" PRIu64
                     ": this record was written by a newer version of scdb; use its scdb-check",
                     walk->file->name, walk->scanned.offset);
}

void findings_report_unfinished(const struct history *history, struct report *report)
{
    if (history->unfinished_file == NULL) {
        return;
    }
    bool is_known = history_has_manifest(history);
    report_note(report,
                "%s offset %" PRIu64 ": the log ends in the midst of a group (MULTI, MSET ...) of "
                "which %" PRIu64 " records were written: %s",
                history->unfinished_file->name, history->unfinished_offset,
                history->unfinished_records,
                is_known ? "it was never acknowledged, and counts as not there"
                         : FINDINGS_DOUBT ", and what is there of it counts");
}
