/*
 * newer_packs.h - packed segments that the manifest does not list, and that are newer than all that
 * it does: it is an older one that was put back, or a backup was copied over the store. The server
 * refuses such a store (engine/recovery_unlisted.h).
 *
 * One thread.
 */
#ifndef SCDB_CHECK_NEWER_PACKS_H
#define SCDB_CHECK_NEWER_PACKS_H

#include "check/history.h"

/* Tells newer ones from older ones: adds them to the store's newer_segments and other_segments, and
 * empties its pack_sequences. NO_MEMORY. */
enum status newer_packs_tell(struct check_store *store, const struct history *history) MUST_CHECK;

#endif
