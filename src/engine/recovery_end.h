/*
 * recovery_end.h - the end of the history on the disk: what precedes it becomes durable, and what
 * follows it is set aside.
 *
 * Used by one thread, while the store is being opened; making durable may have a thread of its own
 * beside another one that reads the same files.
 */
#ifndef SCDB_ENGINE_RECOVERY_END_H
#define SCDB_ENGINE_RECOVERY_END_H

#include "engine/recovery_files.h"

/* How much of the history was replayed, and may not be durable. */
uint64_t recovery_end_replayed_bytes(const struct recovery_files *files);

/* Makes it durable. The files hold what they held, but for reserved space, which is given back. */
enum status recovery_end_make_durable(struct recovery_files *files) MUST_CHECK;

/* Then, and once all records have been read: the log becomes exactly the history, and what does not
 * belong to it stays in files *.cut. */
enum status recovery_end_settle(struct engine *engine, struct recovery_files *files) MUST_CHECK;

#endif
