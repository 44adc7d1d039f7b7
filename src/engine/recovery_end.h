/*
 * recovery_end.h - the end of the history on the disk: what precedes it becomes durable, and what
 * follows it is set aside.
 *
 * Used by one thread, while the store is being opened; making durable may have a thread of its own
 * beside another one that reads the same files. Where there is no room they make some
 * (recovery_room.h).
 */
#ifndef SCDB_ENGINE_RECOVERY_END_H
#define SCDB_ENGINE_RECOVERY_END_H

#include "engine/recovery_files.h"

/* How much of the history was replayed, and may not be durable. */
uint64_t recovery_end_replayed_bytes(const struct recovery_files *files);

/* Makes it durable. The files hold what they held, but for reserved space, which is given back. */
enum status recovery_end_make_durable(struct engine *engine,
                                      struct recovery_files *files) MUST_CHECK;

/* Then: how much of what follows the history is still to be copied, which takes as much room. */
uint64_t recovery_end_rest_bytes(const struct recovery_files *files);

/* Then, and once all records have been read: the log becomes exactly the history, and what does not
 * belong to it stays in files *.cut. On failure what could not be set aside is where it was. */
enum status recovery_end_settle(struct engine *engine, struct recovery_files *files) MUST_CHECK;

#endif
