/*
 * live_older.h - repair --older: values that can't be read are passed over, so that the newest one
 * which can be read counts.
 *
 * But not where the one passed over has expired, by the clock or by a mark: then its key is gone,
 * as it is where it can be read, and nothing older comes back.
 *
 * One thread, as with live.h, of whose passes over the files this is a part.
 */
#ifndef SCDB_CHECK_LIVE_OLDER_H
#define SCDB_CHECK_LIVE_OLDER_H

#include "check/live.h"
#include "check/walk.h"

/* Takes the record of a value that can't be read. NO_MEMORY. */
enum status live_older_pass_over(struct live *live, const struct recovery_entry *entry) MUST_CHECK;

/* All marks are known: what they have ended stays so. NO_MEMORY. */
enum status live_older_end_expired(struct live *live) MUST_CHECK;

/* In the second pass: was a newer value of its key passed over than the record that the walk has
 * come to? */
bool live_older_is_older(const struct live *live, const struct walk *walk);

/* In the second pass: a line on the record that the walk has come to, if it was passed over, and
 * nothing newer could be read of its key. */
void live_older_report(struct live *live, struct walk *walk);

void live_older_deinit(struct live *live);

#endif
