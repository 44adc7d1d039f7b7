/*
 * live_left_out.h - records that count as not there, though they can be read: behind all that was
 * durable, where a crash has not left all of them, or of their group.
 *
 * What comes later counts all the same (history.h). So it must be known which strings in pieces
 * have lost a change in between.
 *
 * One thread, as with live.h, of whose first pass over the files this is a part.
 */
#ifndef SCDB_CHECK_LIVE_LEFT_OUT_H
#define SCDB_CHECK_LIVE_LEFT_OUT_H

#include "check/live.h"
#include "check/walk.h"

/* Leaves out the record that the walk has come to, with a line that says why. NO_MEMORY. */
enum status live_left_out_take(struct live *live, const struct walk *walk,
                               const char *reason) MUST_CHECK;

/* All records are taken. */
void live_left_out_sort(struct live *live);

/* Was a header or a piece of this string left out, and a later one not? Then its value may be one
 * that it never had. */
bool live_left_out_within(const struct live *live, const struct pieces *pieces);

void live_left_out_deinit(struct live *live);

#endif
