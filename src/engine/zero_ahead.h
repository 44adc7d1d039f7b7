/*
 * zero_ahead.h - zeros in front of the log, so that syncing it is cheaper.
 *
 * Reserved space (fallocate) has blocks, but the file system has to note of each, when it is first
 * written to, that it holds something: an fdatasync then waits for its journal. Where zeros were
 * written and synced before, an fdatasync brings the data to the disk and nothing else: it takes
 * two thirds of the time (docs/benchmarks.md). So under `appendfsync always` a pass of syncing
 * writes zeros behind the end of the log whenever few are left there, and its own fdatasync covers
 * them.
 *
 * Zeros stand there anyway, as far as anybody can read: nothing depends on whether, or when, they
 * are written. They must only never be written over a record, nor into a file that is sealed:
 *
 * - The place is chosen under the execution lock, behind the end of the log. What is in the tail
 *   then comes later, because the write mutex is held until the zeros are written.
 * - A large record goes to the file at once, under the execution lock only; and a file is sealed
 *   under neither. Before both, zero_ahead_settle() waits for what is being written.
 */
#ifndef SCDB_ENGINE_ZERO_AHEAD_H
#define SCDB_ENGINE_ZERO_AHEAD_H

struct engine;

/* Writes zeros if it is worth it. For the one that runs a pass of syncing; no lock held. */
void zero_ahead(struct engine *engine);

/* Returns when nothing is being written at a place that was chosen before the call. With the
 * execution lock or without; no other. */
void zero_ahead_settle(struct engine *engine);

#endif
