/*
 * findings.h - what is to be said of a store's files, whichever way they are gone through.
 *
 * One thread.
 */
#ifndef SCDB_CHECK_FINDINGS_H
#define SCDB_CHECK_FINDINGS_H

#include "check/history.h"
#include "check/report.h"
#include "check/store.h"
#include "check/walk.h"

/* Manifest, missing and short files: each a line. */
void findings_report(const struct check_store *store, struct report *report);

/* What a line ends with that is about a place in doubt. */
#define FINDINGS_DOUBT "without a manifest it is not known whether it was durable"

/* "; " and that, if the record with this number is in doubt; else "". */
const char *findings_doubt(const struct history *history, const struct check_file *file,
                           uint64_t sequence);

/* A note on a place that is in doubt. */
void findings_report_doubt(const struct check_file *file, uint64_t offset, const char *what,
                           struct report *report);

/* A line on the header of a segment that was used, if it is not valid, and was durable, or that is
 * in doubt. True: it is not valid, as after a crash; that is returned only. */
bool findings_report_header(const struct history *history, const struct check_file *file,
                            struct report *report);

/* A line where something durable, or in doubt, is missing behind the last record of a file, which
 * the walk has come to; `due` is the number of the next. What else is missing there is returned
 * only. Of a file that is missing, or ends in a gap, that is said already. */
enum history_lack findings_report_lack(const struct history *history, const struct walk *walk,
                                       uint64_t due, struct report *report);

/* A line on the gap that the walk has come to, which is damage. */
void findings_report_gap(const struct walk *walk, struct report *report);

/* Says that the record that the walk has come to is of a kind we do not know. NEWER_FORMAT. */
enum status findings_newer_record(const struct walk *walk, struct error *error) MUST_CHECK;

/* A line on the group that the log ends in the midst of, if it does. */
void findings_report_unfinished(const struct history *history, struct report *report);

#endif
