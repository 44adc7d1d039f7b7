/*
 * unlisted.h - a file goes that the manifest on the disk does not list, or not any more.
 *
 * Any thread; a file that a backup may be about to link wants removal_mutex (backup.h).
 */
#ifndef SCDB_ENGINE_UNLISTED_H
#define SCDB_ENGINE_UNLISTED_H

#include "engine/file.h"

/* Where that fails it is logged, and the file stays: nobody reads it, and the next start removes
 * it (remove_orphans in recovery.c). */
void unlisted_remove(struct file_system *fs, const char *name);

#endif
