/*
 * recovery_room.h - room for opening a store on a full disk.
 *
 * A start needs some: for what it sets aside, for the manifest, for the first segment of the log.
 * The reserve has it (reserve.h). Or the session before had taken that for a compaction, and was
 * killed in its midst: then the file that the compaction made has it.
 *
 * Used by one thread at a time, while the store is being opened; another may read its files.
 */
#ifndef SCDB_ENGINE_RECOVERY_ROOM_H
#define SCDB_ENGINE_RECOVERY_ROOM_H

#include "engine/recovery_files.h"

#include <stdbool.h>

/* Gives the reserve back to the file system, and empties the files that no manifest on the disk
 * can list: they are newer than the one that was read. Their names stay, and so their numbers are
 * passed over (rule 11 of docs/durability.md). A file with a further name elsewhere, as in a
 * backup, is left alone. False: there was nothing. */
bool recovery_room_make(struct engine *engine, const struct recovery_files *files);

#endif
