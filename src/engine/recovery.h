/*
 * recovery.h - from the files of a store to an engine that can serve.
 *
 * Steps: read the manifest; open all that it lists; find where the history ends
 * (recovery_history.h); read all records up to there, the newest of each key wins
 * (recovery_load.h), and make durable what was replayed; set aside what follows the end
 * (recovery_end.h), start a new log segment with sequence numbers above all others. No file on the
 * disk becomes another before the history and all records have been read; each change may be
 * interrupted by a crash and is then done again by the next recovery.
 *
 * Called by engine_open() before there are threads; no locks.
 */
#ifndef SCDB_ENGINE_RECOVERY_H
#define SCDB_ENGINE_RECOVERY_H

#include "base/status.h"
#include "engine/engine_state.h"

/* Fills the engine's manifest, segments, spaces and appender from the directory, or makes a new
 * store there. On failure engine_open() frees what was filled in. */
enum status recovery_run(struct engine *engine, struct error *error) MUST_CHECK;

#endif
