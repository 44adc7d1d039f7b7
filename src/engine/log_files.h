/*
 * log_files.h - the manifest's dealings with the segments of the log: making a segment ready,
 * handing it to the writer, and sealing it when it is full and durable.
 *
 * A log segment is made in this order: file created, space reserved, file synced, directory
 * synced, manifest replaced by one that lists it. Its header is written when the first record
 * comes; a listed log segment that is all zeros was never used.
 *
 * Threads: each function says which locks it wants. The manifest in memory belongs to
 * manifest_mutex, which comes after the execution lock.
 */
#ifndef SCDB_ENGINE_LOG_FILES_H
#define SCDB_ENGINE_LOG_FILES_H

#include "base/mutex.h"
#include "engine/engine_state.h"

/* What the manifest should say of the log; gathered under the execution lock, given to the
 * manifest later. */
struct log_facts {
    struct manifest_position durable;
    uint64_t next_sequence;
};

/* Execution lock held. */
struct log_facts log_files_facts_locked(const struct engine *engine);

/* Brings the facts into the manifest in memory; older ones than it has change nothing. */
void log_files_apply(struct engine *engine, const struct log_facts *facts)
    REQUIRES(engine->manifest_mutex);

/* Makes, durably, a log segment that the manifest lists. On failure the store is as it was; an
 * empty file is left when the manifest on the disk may list it. It is not in anybody's stock. */
enum status log_files_make(struct engine *engine, const struct log_facts *facts, uint64_t capacity,
                           struct segment **out) MUST_CHECK REQUIRES(engine->manifest_mutex);

/* Several at once. */
struct log_batch {
    struct segment *segments[LOG_STOCK_MAX];
    size_t count;
};

/* The same with up to batch->count of them, which becomes the number made; OK: at least one. */
enum status log_files_make_several(struct engine *engine, const struct log_facts *facts,
                                   uint64_t capacity, struct log_batch *batch) MUST_CHECK
    REQUIRES(engine->manifest_mutex);

/* No lock held. A log segment of which nobody has heard: its space is reserved, nothing is synced.
 */
enum status log_files_create(struct engine *engine, uint64_t capacity, uint64_t reserve,
                             struct segment **out) MUST_CHECK;

/* No lock held. Removes it again. */
void log_files_abandon(struct engine *engine, struct segment *segment);

/* No lock held. The manifest lists it from now on, durably; its file has been synced. On failure
 * it is gone. */
enum status log_files_list(struct engine *engine, struct segment *segment) MUST_CHECK;

/* Takes over a listed segment that the log has not come to, and removes it; where the manifest
 * can't be replaced, it stays, and takes no room. */
void log_files_discard(struct engine *engine, struct segment *segment);

/* Execution lock held. A segment of `capacity` bytes for the writer: from the stock if there is
 * one that will do, without waiting for the manifest; else one is made now. The caller owns it. */
enum status log_files_take_locked(struct engine *engine, uint64_t capacity,
                                  struct segment **out) MUST_CHECK;

/* Execution lock held. An unused segment whose turn has not come, taken over: goes to the stock if
 * that has a place for it, else it is removed. */
void log_files_put_back_locked(struct engine *engine, struct segment *segment);

/* No lock held, maintenance thread. Closed segments that are durable: gives back the space that
 * they reserved and did not use, and tells the manifest in memory where they end. */
void log_files_seal(struct engine *engine);

/* No lock held, no threads left, everything is durable: leaves no reserved space and no unused
 * segment behind, and a manifest that knows where the log ends. What fails is left for the next
 * start. */
void log_files_close(struct engine *engine);

/* Bytes that must be free for the next segment of the log to be made. */
uint64_t log_files_least_reserve(const struct engine *engine);

#endif
