/*
 * recovery_load.h - reading all records of the history, and building from them what serves.
 *
 * Used by one thread, while the store is being opened.
 */
#ifndef SCDB_ENGINE_RECOVERY_LOAD_H
#define SCDB_ENGINE_RECOVERY_LOAD_H

#include "engine/recovery_files.h"

/*
 * Puts the segments of the history into the engine's table, reads all their records, and makes the
 * engine's spaces, filled with the newest live record of each key, and the live bytes of each
 * segment. The manifest in memory gets the newest map. CORRUPT: a file is damaged within what was
 * durable, `error` says where.
 */
enum status recovery_load(struct engine *engine, struct recovery_files *files,
                          struct error *error) MUST_CHECK;

#endif
