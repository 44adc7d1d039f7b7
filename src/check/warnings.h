/*
 * warnings.h - what the files of a store don't tell about its keys, and somebody should know who
 * takes the keys for what they were.
 *
 * One thread.
 */
#ifndef SCDB_CHECK_WARNINGS_H
#define SCDB_CHECK_WARNINGS_H

#include "check/live.h"
#include "check/report.h"

/* Notes on what may be back that was gone, and on databases that may be other ones. `place` tells
 * where those are: "of the new store". */
void warnings_report(const struct live *live, const char *place, struct report *report);

/* Notes for those who send the keys to a server: how many databases it needs, and what is left out
 * for them without `with_strays`. */
void warnings_report_target(const struct live *live, bool with_strays, struct report *report);

#endif
