/*
 * backup.h - a copy of an open store that copies no data.
 *
 * The files of a store are never changed once they are full. So a backup is a directory of hard
 * links to them, with a manifest of its own: the log is rolled at one moment, synced up to there,
 * all that the manifest listed at that moment is linked, and the new manifest comes last. A backup
 * that was interrupted has no manifest, and is refused like any store that has lost it; nor has its
 * directory got its name.
 *
 * The copy is the store as it was at that moment, neither more nor less, and opens like any other.
 * It has the same id; the numbers of the files that it will make are far from those that the
 * original will make, so that no file of the one can ever pass for a file of the other. Both may be
 * written, compacted and removed without harm to the other: they share bytes, which neither
 * changes.
 *
 * Threads: any, no lock held; one backup at a time per directory is the caller's business. Others
 * are served meanwhile; a compaction waits with the removal of files until they are linked.
 */
#ifndef SCDB_ENGINE_BACKUP_H
#define SCDB_ENGINE_BACKUP_H

#include "base/status.h"
#include "engine/file.h"

struct engine;

/*
 * Makes the backup in `to`, an empty directory on the same disk. On failure `error` says why, and
 * what was linked is removed again as far as possible. INVALID: `to` lies on another file system;
 * EXISTS: it is not empty; CORRUPT: a file of the store is no longer what it was (is logged);
 * READ_ONLY, DISK_FULL, IO, NO_MEMORY, WRITES_STOPPED.
 */
enum status backup_run(struct engine *engine, struct file_system *to,
                       struct error *error) MUST_CHECK;

/* The same for a directory of the real disk, which is not there, or empty. It gets its name when it
 * is whole, and is called `path`.partial before that; a failure removes it. INVALID also where it
 * would lie in the store's own directory, under a name that is the store's. */
enum status backup_to_path(struct engine *engine, const char *path, struct error *error) MUST_CHECK;

#endif
