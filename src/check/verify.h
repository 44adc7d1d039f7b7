/*
 * verify.h - `scdb-check verify`: every file, every record, every checksum, and how they hang
 * together. One thread; memory does not grow with the store.
 */
#ifndef SCDB_CHECK_VERIFY_H
#define SCDB_CHECK_VERIFY_H

#include "check/history.h"
#include "check/report.h"
#include "check/store.h"

/* A line for each file, and one for whatever is wrong. NO_MEMORY, NEWER_FORMAT. */
enum status verify_store(struct check_store *store, const struct history *history, bool is_quiet,
                         struct report *report, struct error *error) MUST_CHECK;

#endif
