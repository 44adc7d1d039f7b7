/*
 * appender.h - the end of the log: where new records go.
 *
 * Appending has two steps, so that a write can fail in the middle and leave the store as it was:
 * appender_prepare_locked() finds the place and makes sure that there is room (rolling to the next
 * segment, reserving space), and brings the record there: behind the end of the tail in memory, or
 * a large value straight to the file. appender_commit_locked() moves the end behind it and can't
 * fail. Between the two the caller changes the index. What is written may lie in a mapping whose
 * disk fails; then preparing does, and it is the write's failure alone.
 *
 * appender_write() brings the tail to the files. A position (engine.h) is written when all before
 * it is, without a gap.
 *
 * A group is a run of records that carry RECORD_FLAG_GROUP_MORE, but for the last. The end of the
 * written log always lies between groups, because it is only ever moved to an end of the log that
 * was seen under the execution lock while no group was open.
 *
 * Threads: see each function. All state is the engine's (engine_state.h).
 */
#ifndef SCDB_ENGINE_APPENDER_H
#define SCDB_ENGINE_APPENDER_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/index.h"
#include "engine/manifest.h"
#include "engine/record.h"
#include "engine/segment.h"
#include "engine/tail.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/* Records of at least this size are written straight to the file. */
#define APPENDER_THROUGH_SIZE 65536

/* The first step of a segment's reserved space. */
#define APPENDER_RESERVE_FIRST ((uint64_t)1 << 20)

/* Room at the end of the reserved space that only tombstones, marks and maps may use, so that
 * deleting works on a full disk. Smaller for tiny segments: a sixteenth. */
#define APPENDER_DELETION_RESERVE ((uint64_t)64 * 1024)

/* That the log grows is noted by those who work ahead of it in steps of such a part of what is
 * reserved. */
#define APPENDER_GROWTH_STEPS 64

/* How much may wait in memory while the disk refuses to take it. */
#define APPENDER_PENDING_MAX_WHILE_FAILING ((uint64_t)4 << 20)

/* A stretch of the log that one call of file_write brings to its file. */
struct append_run {
    struct segment *segment;
    uint64_t offset;
    uint64_t end;
    size_t first_part; /* in appender.parts */
    size_t part_count;
};

struct appender {
    /* under the execution lock */
    struct segment *active; /* NULL only in a store that was opened read-only; borrowed from the
                               table, but owned as long as it is not there yet (unused) */
    struct tail tail;
    uint64_t position;                 /* of the end of the log */
    _Atomic uint64_t payload_position; /* behind the newest record that is not a sync mark */
    uint64_t next_sequence;
    struct manifest_position place; /* behind the last record */
    uint64_t noted_end;             /* that the active segment grows has been noted up to here */
    struct segment
        *unsynced_first; /* the segments with records that are not durable, in log order */
    struct segment *unsynced_last;
    _Atomic int64_t unsynced_since_ms; /* monotonic time of the oldest record that no sync has
                                          begun to cover; 0 = there is none */

    unsigned group_depth;
    bool group_open;     /* the last record carries GROUP_MORE */
    uint8_t *group_last; /* that record in the tail; NULL when it went straight to the file */
    uint64_t group_seed;
    uint64_t room_refused;    /* bytes that the last write found no room for on the disk */
    bool must_not_fail;       /* room for all that is appended was reserved, and memory has to agree
                                 with the disk: while a group is undone, while the pieces of a patch
                                 are written, and while a key that was renamed is deleted */
    atomic_bool room_is_kept; /* values take no more room: a compaction on a full disk needs it */

    /* under the write mutex */
    _Atomic uint64_t written_position; /* readable by all */
    struct manifest_position written_place;
    uint64_t written_changes; /* engine.changes as they were at written_position */
    struct slice *parts;      /* owned: what is being written */
    size_t part_count;
    size_t part_capacity;
    struct append_run *runs; /* owned */
    size_t run_count;
    size_t run_capacity;
    _Atomic int failing; /* enum status of the last write; WRITES_STOPPED stays; readable by all */
};

/* A record on its way. The caller fills the first part. */
struct append {
    struct record record; /* value, sequence and group_more are filled in by prepare */
    const struct slice *parts;
    size_t part_count;
    const struct entry *source; /* as in struct engine_value */
    bool stays_in_memory;       /* even when it is large: the room in the tail is reserved */

    struct segment *segment;
    uint64_t offset;
    uint64_t size;
    uint64_t head_size;
    uint64_t value_size;
    uint8_t *encoded; /* where it lies in memory; NULL: it went through */
    bool through;
    const struct staged_value *staged; /* its value is there already (staged.h); NULL: it is not */
};

/* Room at the end of a segment, and of what is reserved, for what deletes. */
uint64_t appender_deletion_reserve(const struct engine *engine);

void appender_init(struct appender *appender);
void appender_deinit(struct appender *appender);

/* Makes `segment`, which is unused and not in the table, the one that is appended to, and takes it
 * over. Lock held. */
void appender_start_locked(struct engine *engine, struct segment *segment);

/* The capacity of a segment whose first record is so large. */
uint64_t appender_capacity_for(const struct engine *engine, uint64_t size);

/* Lock held. DISK_FULL, IO, NO_MEMORY, WRITES_STOPPED, READ_ONLY, SOURCE_LOST (a part lies in a
 * mapping, and can't be read): nothing was appended. While `must_not_fail` is set, NO_MEMORY and
 * SOURCE_LOST are left of these. After success the next call about the log must be
 * appender_commit_locked, or nothing (the record is then forgotten). */
enum status appender_prepare_locked(struct engine *engine, struct append *append) MUST_CHECK;

/* Lock held. Encodes the record into the tail, where `encoded` says, or writes it through. Failures
 * are those of preparing. For the appender's own files. */
enum status appender_bring_locked(struct engine *engine, const struct append *append) MUST_CHECK;

/* engine_reserve_locked(). Lock held. While `must_not_fail` is set the room is there already. */
enum status appender_reserve_locked(struct engine *engine, uint64_t size) MUST_CHECK;

/*
 * Lock held. Makes sure that records of values of one keyspace, `size` bytes together, can be
 * appended without a failure, while `must_not_fail` is set. Failures are those of preparing.
 */
enum status appender_reserve_all_locked(struct engine *engine, uint64_t keyspace_id,
                                        uint64_t size) MUST_CHECK;

/* Lock held. Returns the record's address. */
struct record_address appender_commit_locked(struct engine *engine, struct append *append);

/* Closes the active segment, unless it is unused, and starts the next one. Lock held. */
enum status appender_roll_locked(struct engine *engine) MUST_CHECK;

/*
 * Lock held. Is the active segment one that was made for a batch of writes, which is in it (or has
 * failed), and is there room left? A batch reserves as much again as it replaces, to be undone in.
 * No bound counts that room; and if the log went on there, nothing in the segment could be
 * compacted until all of it were full.
 */
bool appender_may_leave_locked(const struct engine *engine);

/* Lock held. Then the log goes on in a segment that is ready (true); if none is, it stays. A sync
 * seals what was left, and gives back its room. */
bool appender_leave_locked(struct engine *engine);

/* Lock held. Appends a sync mark for what is durable. Declines (false) where that would need more
 * room than there is. */
bool appender_try_sync_mark_locked(struct engine *engine);

/* Lock held. The record at (segment, offset), which a slot points to: in memory when it is still
 * there, else in the mapping (*mapped). *available bytes may be read. */
const uint8_t *appender_bytes_locked(const struct engine *engine, const struct segment *segment,
                                     uint64_t offset, uint64_t *available, bool *mapped);

void appender_group_begin_locked(struct engine *engine);
void appender_group_end_locked(struct engine *engine);

/* Lock held, and the last record of a group was written to its file as one that has a successor:
 * appends a sync mark that says nothing new to be that successor. */
enum status appender_close_group_locked(struct engine *engine) MUST_CHECK;

/* engine_write(): brings the log to the files, at least up to `position`. Neither lock held. */
enum status appender_write(struct engine *engine, uint64_t position) MUST_CHECK;

/* Passes on the status of a write to the log. When the disk has reported an error, nobody knows
 * what is in the file's pages: nothing is written to the log any more, and the status is
 * WRITES_STOPPED. Any lock may be held. */
enum status appender_heed_write(struct engine *engine, enum status status) MUST_CHECK;

/* No lock held: tries again what the disk refused, writes sync marks that no write has taken along,
 * frees the part of the tail that is written. */
void appender_maintain(struct engine *engine);

#endif
