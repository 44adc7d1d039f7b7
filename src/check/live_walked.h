/*
 * live_walked.h - the record that a walk has come to, as live.h sees it.
 *
 * One thread, as with live.h, of whose passes over the files this is a part.
 */
#ifndef SCDB_CHECK_LIVE_WALKED_H
#define SCDB_CHECK_LIVE_WALKED_H

#include "check/live.h"
#include "check/walk.h"

/* Of a record that has a key: what stands in the table when it is the newest. */
struct recovery_entry live_walked_entry(const struct live *live, const struct walk *walk);

/* Is it of a kind that gives its key a value? */
bool live_walked_has_value(const struct record *record);

/* Why the record counts as not there; NULL: it counts. */
const char *live_walked_objection(const struct live *live, struct walk *walk);

/* A line on its value, which was not to be had, as `status` says. */
void live_walked_report_value(const struct live *live, const struct walk *walk, enum status status);

#endif
