/*
 * checkpoint_file.h - is the checkpoint of the index that the manifest names whole?
 *
 * It is never the only place of anything: one that is damaged costs a start its time, no data. One
 * thread.
 */
#ifndef SCDB_CHECK_CHECKPOINT_FILE_H
#define SCDB_CHECK_CHECKPOINT_FILE_H

#include "check/report.h"
#include "check/store.h"

/* A line on the checkpoint, if there should be one; whatever is wrong with it goes to the report.
 * NO_MEMORY. REFUSED, NOT_A_FILE: it may be sound, and can't be opened; `error` says so. */
enum status checkpoint_file_verify(const struct check_store *store, struct report *report,
                                   struct error *error) MUST_CHECK;

#endif
