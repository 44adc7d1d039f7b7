/*
 * engine.h - the persistent store, as the layers above use it.
 *
 * A store is a directory of segments, a manifest and (in memory) an index for each keyspace. All
 * that changes the store or needs a consistent view of it runs under ONE lock, the execution lock:
 * functions marked _locked want it held, and hold it briefly. What they change is in the tail of
 * the log in memory; engine_write() brings it into the page cache (one pwrite for all that is
 * pending), and replies must not leave before that: see "Positions".
 *
 * Positions. A position is a count of bytes appended since the store was opened. Each command
 * "rests on" a position: what it wrote, or the newest not yet durable record that its answer
 * depends on. engine_rest_begin_locked() and engine_rest_end_locked() around a command say which. A
 * reply may leave when the log is written up to it, and under `appendfsync always` when it is
 * durable up to it.
 *
 * Views. A struct entry borrows from the store's memory: valid until the lock is released, unless
 * pinned. A write under the same lock hold does not invalidate it, so an old value may be written
 * into a new one.
 *
 * Everything served has passed its checksum (CORRUPT otherwise, logged once with file and offset).
 */
#ifndef SCDB_ENGINE_ENGINE_H
#define SCDB_ENGINE_ENGINE_H

#include "base/mutex.h"
#include "base/slice.h"
#include "base/status.h"
#include "engine/file.h"
#include "engine/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct engine_keyspace; /* one id's index; changes with FLUSHDB and SWAPDB: ask again each time */
struct segment;
struct pieces;

/* The lock of a store's directory. */
#define ENGINE_LOCK_NAME "LOCK"

enum sync_policy { SYNC_ALWAYS, SYNC_EVERYSEC, SYNC_NO };

#define SEGMENT_SIZE_MIN     ((uint64_t)1 << 20)
#define SEGMENT_SIZE_MAX     ((uint64_t)1 << 30)
#define SEGMENT_SIZE_DEFAULT ((uint64_t)64 << 20)

struct engine_options {
    struct file_system *fs;  /* borrowed for the life of the engine; opened read-only: see below */
    unsigned database_count; /* databases 0..n-1; a store that has more keeps them */
    uint64_t segment_size;   /* for a new store; 0 = default; tests may go down to 4 KiB */
    uint64_t index_memory_limit; /* bytes, 0 = none */
    uint64_t max_keys;           /* over all databases, 0 = none */
    unsigned piece_shift;        /* tests: pieces have 2^n bytes; 0 = as it is best */
    uint64_t checkpoint_bytes;   /* tests: a checkpoint is due when opening would read as much; 0 =
                                    as it is best */
    enum sync_policy sync_policy;
    bool
        without_threads; /* tests: no sync and maintenance threads; engine_tick() does their work */
    int64_t (*unix_ms)(void *context); /* NULL = the real clock */
    void *unix_ms_context;
    uint64_t random_seed; /* tests: a new store's id and secret are made from it; 0 = real chance */
    bool repair;    /* damage to what was durable cuts the history there, with a log line, where
                       opening would else be refused */
    bool is_import; /* opens also what an unfinished import has left (import_mark.h) */

    /* All may be NULL. on_durable: called by the sync thread, no lock held, each time the durable
     * position has moved, or has failed to for good. on_expired_locked: called for each key that
     * has expired and is removed, by the cycle or by a command that comes upon it, under the lock.
     */
    void (*on_durable)(void *context);
    void (*on_expired_locked)(void *context, unsigned database, struct slice key);
    void *hook_context;
};

/*
 * Opens, creating or recovering. On failure `error` says where and what to do, nothing is left
 * open, and no file was changed that recovery had no right to. INVALID, too, where an import has
 * not come to its end.
 *
 * On a file system that was opened read-only nothing is created or changed: an unfinished end of
 * the log is passed over and stays where it is, there are no threads, and all that writes fails
 * with READ_ONLY. Several processes may have a store open like this, but none beside a writer.
 */
enum status engine_open(const struct engine_options *options, struct engine **out,
                        struct error *error) MUST_CHECK;

/* Writes and syncs all, stops the threads, frees, whatever fails. DISK_FULL, NO_MEMORY, IO,
 * WRITES_STOPPED: what was written last may not be durable. */
enum status engine_close(struct engine *engine);

/* What the store is known by: STORE_ID_SIZE bytes, the engine's. Any thread. */
const uint8_t *engine_store_id(const struct engine *engine);

/* Any thread. */
bool engine_is_read_only(const struct engine *engine);

/* --- the execution lock ------------------------------------------------------------------- */

void engine_lock(struct engine *engine);
void engine_unlock(struct engine *engine);

/* --- reading (lock held) ------------------------------------------------------------------ */

struct entry {
    struct slice key;   /* of one that was found by name: the caller's own */
    struct slice value; /* NOT verified until engine_verify_locked; empty when it is in pieces */
    uint64_t size;      /* of the value, in whatever form */
    bool is_verified;   /* true: then engine_verify_locked has nothing to do */
    int64_t expiry_ms;  /* EXPIRY_NONE = none */
    uint64_t sequence;  /* of the last write to it in this session, or that made it: never the same
                           again */
    uint8_t type;
    uint8_t encoding;
    uint8_t clock; /* of a key that was found by name: how much it is used, see sample.h */
    /* private to the engine: */
    struct segment *segment;
    const uint8_t *record;
    uint64_t seed;
    const struct pieces *pieces; /* NULL: the value is one record */
};

/* Does the value lie in one record, so that entry->value is all of it? */
static inline bool entry_is_whole(const struct entry *entry)
{
    return entry->pieces == NULL;
}

/* Who is shown entries, one after the other. The entry lasts as long as the call. */
struct entry_visitor {
    void (*visit)(void *context, const struct entry *entry);
    void *context;
};

/* The keyspace that database `database` maps to. */
struct engine_keyspace *engine_database_locked(struct engine *engine, unsigned database);
unsigned engine_database_count(const struct engine *engine);

/* The moment by which reads and writes of keys take others for expired, Unix ms: whoever runs a
 * command sets it before, so that the whole command sees one. 0 (as after opening): the clock, each
 * time it matters. */
void engine_set_moment_locked(struct engine *engine, int64_t moment_ms);

/*
 * Finds the newest live record of a key. Header and key are verified. NOT_FOUND also for a key
 * that has expired (it is dropped from the index on the way). CORRUPT, IO: the record can't be
 * read; the key can still be overwritten and deleted.
 */
enum status engine_find_locked(struct engine *engine, struct engine_keyspace *keyspace,
                               struct slice key, struct entry *out) MUST_CHECK;

/*
 * The bytes [offset, offset + size) of the entry's value, cut where it ends (SIZE_MAX: all the
 * rest), verified. Of a small value, which was verified with its key, in place, else a copy in
 * memory of the store; in either case they stay until the command is over
 * (engine_part_purge_locked), also when the key is written meanwhile. CORRUPT, IO, NO_MEMORY.
 */
enum status engine_part_locked(struct engine *engine, const struct entry *entry, uint64_t offset,
                               uint64_t size, struct slice *out) MUST_CHECK;

/* Copies the same bytes to `into`, each verified before; after a failure some have been. CORRUPT,
 * IO. */
enum status engine_part_copy_locked(struct engine *engine, const struct entry *entry,
                                    uint64_t offset, uint64_t size, char *into) MUST_CHECK;

/* Who is shown a part of a value, slice by slice. */
struct part_visitor {
    void (*visit)(void *context, struct slice part);
    void *context;
};

/* Shows the same bytes one part behind the other, each verified before; after a failure some have
 * been. A part can be read during its visit. CORRUPT, IO; never NO_MEMORY. */
enum status engine_each_part_locked(struct engine *engine, const struct entry *entry,
                                    uint64_t offset, uint64_t size,
                                    const struct part_visitor *visitor) MUST_CHECK;

/* Frees the memory in which parts were put together, and what is left of values that are gone:
 * nothing that was read before is looked at any more. Forgets what could not be read, too. To be
 * called behind each command. */
void engine_part_purge_locked(struct engine *engine);

/* A record that can't be read. */
struct engine_unreadable {
    enum status status; /* CORRUPT, IO; OK: there was none */
    char file[FILE_NAME_SIZE_MAX];
    uint64_t offset;
};

/* The newest that was met since engine_part_purge_locked: where a CORRUPT or IO comes from, when
 * its status is the same. The engine's. */
const struct engine_unreadable *engine_unreadable_locked(const struct engine *engine);

/* Verifies [offset, offset+size) of the entry's value (SIZE_MAX: all). Of a whole one that was
 * verified, `value` can be handed to what reads it under a guard of its own: a put, whose `source`
 * is the entry, or a system call. The disk may fail under it at any time. */
enum status engine_verify_locked(struct engine *engine, const struct entry *entry, size_t offset,
                                 size_t size) MUST_CHECK;

/* Keeps the entry's bytes readable beyond the lock until engine_unpin (any thread, no lock
 * needed). False: the entry lies in the tail in memory or is small; copy it instead. */
bool engine_pin_locked(struct engine *engine, const struct entry *entry);
void engine_unpin(struct segment *segment);

/* Of what is pinned in the segment: has that left the store, so that its file has room on the disk
 * only for those who pinned it? Any thread, no lock needed. */
bool engine_pin_is_of_the_past(const struct segment *segment);

uint64_t engine_count_locked(struct engine *engine, struct engine_keyspace *keyspace);
uint64_t engine_expiring_count_locked(struct engine *engine, struct engine_keyspace *keyspace);
int64_t engine_average_ttl_locked(struct engine *engine, struct engine_keyspace *keyspace);

/* Visits at least `count` keys in cursor order (index.h). Expired and unreadable records are
 * passed over. The visitor must not write. *cursor 0 = start and end. */
void engine_scan_locked(struct engine *engine, struct engine_keyspace *keyspace, uint64_t *cursor,
                        size_t count, const struct entry_visitor *visitor);

/* A random live key. NOT_FOUND when there is none. */
enum status engine_random_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                 struct entry *out) MUST_CHECK;

/* --- writing (lock held) ------------------------------------------------------------------
 * Failures: DISK_FULL, INDEX_FULL, KEY_LIMIT (a new key only), WRITES_STOPPED, READ_ONLY,
 * TOO_LARGE, NO_MEMORY, IO; the store is as it was. */

struct engine_value {
    const struct slice *parts; /* borrowed for the call */
    size_t part_count;
    const struct entry *source; /* whose value they lie in, which has been verified; NULL: they are
                                   in memory */
    int64_t expiry_ms;          /* EXPIRY_NONE = none */
    uint8_t type;
    uint8_t encoding;
};

/* Sets the key, whether it was there or not. */
enum status engine_put_locked(struct engine *engine, struct engine_keyspace *keyspace,
                              struct slice key, const struct engine_value *value) MUST_CHECK;

/*
 * A change of a part of a value: large values then lie in pieces, and only those are written that
 * the change touches, with a header where the size, the expiry or the encoding has changed. The
 * first such change of a value that is one record writes it whole, once.
 */
struct engine_patch {
    const struct entry *old;   /* found under this hold of the lock, and its key not written since;
                                  NULL: the key is not there */
    uint64_t offset;           /* of the parts, in the value; what lacks before it is zeros */
    const struct slice *parts; /* borrowed for the call; in memory */
    size_t part_count;         /* 0: no byte changes */
    int64_t expiry_ms;
    uint8_t type;
    uint8_t encoding;
};

/* May a value that will have this size be patched? It must be long, or in pieces already. */
bool engine_may_patch_locked(const struct engine *engine, const struct entry *old, uint64_t size);

/* Carries it out, all or nothing. The old entry must not be read any more, parts of it that were
 * got before stay. Failures are those of engine_put_locked, and CORRUPT: what must be read to be
 * kept is damaged. */
enum status engine_patch_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                struct slice key, const struct engine_patch *patch) MUST_CHECK;

/* Sets the key to what a value in pieces is, which gets pieces of its own: those that were never
 * written are not written here either. `copy->old` is that value, of whatever key, found under this
 * hold of the lock: it may have been overwritten since; there are no parts. Failures are those of
 * engine_patch_locked. */
enum status engine_copy_locked(struct engine *engine, struct engine_keyspace *keyspace,
                               struct slice key, const struct engine_patch *copy) MUST_CHECK;

/* Bytes of the records that this writes, for engine_reserve_locked. */
uint64_t engine_copy_size(const struct entry *from, struct slice key);

/* Deletes a live key with a tombstone. NOT_FOUND: there was none (an unreadable record counts as
 * there). */
enum status engine_delete_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                 struct slice key) MUST_CHECK;

/* Empties databases, or exchanges two: one record with the whole new map. */
enum status engine_clear_locked(struct engine *engine, unsigned database) MUST_CHECK;
enum status engine_clear_all_locked(struct engine *engine) MUST_CHECK;
enum status engine_swap_locked(struct engine *engine, unsigned a, unsigned b) MUST_CHECK;

/* After a write that failed with DISK_FULL: bytes that were missing on the disk for it. */
uint64_t engine_missing_room_locked(struct engine *engine);

/* What is written between begin and end is one group: all or nothing after a crash. Groups nest
 * (the outermost counts). The lock must be held from begin to end. */
void engine_group_begin_locked(struct engine *engine);
void engine_group_end_locked(struct engine *engine);

/*
 * For a group that is also all or nothing when a write in its midst fails: reserve room before the
 * first write, for `size` bytes of records (record_size()), those to be written and those to put
 * back; then, when one fails, put back what was there between undo_begin and undo_end, before
 * engine_group_end_locked. Undoing passes all limits, and fails only with NO_MEMORY. Failures of
 * reserving are those of writing.
 */
enum status engine_reserve_locked(struct engine *engine, uint64_t size) MUST_CHECK;
void engine_undo_begin_locked(struct engine *engine);
void engine_undo_end_locked(struct engine *engine);

/*
 * For a key that gets another name, in a group, room for both records being reserved: after the
 * first of these, which makes sure of memory, it is written under that name, which passes max-keys
 * (there will be as many as before); after the second it is deleted, first of all, and that can't
 * fail; the third ends it. NO_MEMORY: nothing has begun.
 */
enum status engine_rename_begin_locked(struct engine *engine, struct slice key) MUST_CHECK;
void engine_rename_written_locked(struct engine *engine);
void engine_rename_end_locked(struct engine *engine);

/* --- positions and durability ------------------------------------------------------------- */

/* Around a command or a batch: what do the answers in between rest on? 0 = on nothing that is not
 * yet written and durable. */
void engine_rest_begin_locked(struct engine *engine);
uint64_t engine_rest_end_locked(struct engine *engine);

/* What is being answered any change could have changed. */
void engine_rest_on_all_locked(struct engine *engine);

/* What the answers rest on so far, and back to that: for statistics, which are no promise and have
 * to be told while the disk hangs, and once it has failed. */
uint64_t engine_rest_mark_locked(const struct engine *engine);
void engine_rest_rewind_locked(struct engine *engine, uint64_t mark);

/* Brings the log into the page cache, without a gap, at least up to `position`. Lock NOT held; any
 * thread; returns at once when another has done it. DISK_FULL, NO_MEMORY, IO: not written; nothing
 * that rests on it may be acknowledged (the next call tries again). WRITES_STOPPED: nor will it be.
 */
enum status engine_write(struct engine *engine, uint64_t position) MUST_CHECK;

/* May a reply that rests on `position` (already written) leave now, under the sync policy? When
 * not, a sync is on its way and on_durable() will tell. *failed: it never will (writing has
 * stopped).
 */
bool engine_may_reply(struct engine *engine, uint64_t position, bool *failed);

/* The same for an answer that has only read what it rests on: it does not acknowledge anything, so
 * under SYNC_EVERYSEC it need not wait when syncs are late. */
bool engine_may_show(struct engine *engine, uint64_t position, bool *failed);

/* Keys changed by writes that are not durable yet: see engine_statistics. */
uint64_t engine_unsaved_changes_locked(const struct engine *engine);

/* Behind the newest record but sync marks. */
uint64_t engine_payload_position_locked(const struct engine *engine);

/* For one that waits for durability whatever the policy says: is all up to `position` durable? Any
 * thread. *failed: no, and it never will be (writing has stopped). */
bool engine_is_durable(struct engine *engine, uint64_t position, bool *failed);

/* Has writing stopped for good (WRITES_STOPPED)? Any thread. */
bool engine_has_stopped(const struct engine *engine);

/* Why writing has stopped (WRITES_STOPPED): a static string. Any thread. */
const char *engine_stop_words(const struct engine *engine);

/* And what to do about it: the same. */
const char *engine_stop_advice(const struct engine *engine);

/* Has the sync thread make durable what is appended, soon; on_durable() tells. Lock held or not. */
void engine_request_sync(struct engine *engine);

/* Makes all that is appended durable now, and waits. Lock not held. */
enum status engine_sync(struct engine *engine) MUST_CHECK;

void engine_set_sync_policy(struct engine *engine, enum sync_policy policy);
void engine_set_index_memory_limit_locked(struct engine *engine, uint64_t bytes);
/* Whether the maintenance thread removes what is due; who asks for an expired key never finds it.
 */
void engine_set_active_expiry(struct engine *engine, bool active);
/* Until this time (monotonic) nothing that is due is removed, by nobody; it isn't found all the
 * same. 0: as usual. */
void engine_pause_expiry_locked(struct engine *engine, int64_t until_ms);
void engine_set_max_keys_locked(struct engine *engine, uint64_t max_keys);
/* How many descriptors the process can spare for the store, a file each; 0, as after opening: as
 * many as it likes. When half of them are in use, large values get no segments of their own
 * (staged.h).
 */
void engine_set_descriptors_locked(struct engine *engine, uint64_t count);

/* --- maintenance -------------------------------------------------------------------------- */

struct compaction_result {
    uint64_t reclaimed_bytes; /* of files, what they took before less what they take now */
    uint64_t copied_bytes;
    uint64_t segments_removed;
};

/* Reclaims all dead bytes; blocks, others are served meanwhile; lock not held. One runs at a time;
 * a second caller waits for a run that began after its call. */
enum status engine_compact(struct engine *engine, struct compaction_result *out) MUST_CHECK;

/* The same on the maintenance thread; `done` (may be NULL) is called there at the end, no lock
 * held. */
void engine_compact_start(struct engine *engine,
                          void (*done)(void *context, enum status status,
                                       const struct compaction_result *result),
                          void *context);

/* Every `interval_s` seconds a compaction starts by itself when a sixteenth of what the files hold
 * is dead; 0 = never. */
void engine_set_compaction_interval(struct engine *engine, uint64_t interval_s);

/* Copies the index to the disk now, so that the next opening reads only what is written from here
 * on; it happens by itself, too. With threads: the maintenance thread begins it soon, and this
 * returns at once. Lock not held. */
void engine_checkpoint(struct engine *engine);

/* Every `interval_s` seconds all sealed segments are read again and verified; 0 = never. */
void engine_set_scrub_interval(struct engine *engine, uint64_t interval_s);

/* One starts at once when more than `percentage` of the closed segments is garbage (0 to 99; 0, as
 * after opening: never), or tombstones that wait for others take too much. Up to 40 the files then
 * take less than twice the live bytes and four segments. When writers outrun it they are to be
 * slowed: engine_write_delay_us(). */
void engine_set_compaction_percentage(struct engine *engine, unsigned percentage);

/* How long whoever has just written `size` bytes of values (engine_value_bytes_locked) should not
 * write any more; nearly always 0, never more than a fifth of a second. What would be less than 4
 * ms is 0, and counts for who asks next; and who waits too long gives up to 10 ms of it to them.
 * Who deletes is not slowed. Lock not needed, and not to be held while waiting. */
int64_t engine_write_delay_us(struct engine *engine, uint64_t size);

/* Are writers slowed now, so that it may be more than 0? Any thread, lock not needed. */
bool engine_slows_writers(const struct engine *engine);

/* Bytes of values' records appended since the store was opened; lock held. */
uint64_t engine_value_bytes_locked(const struct engine *engine);

/* Tests with without_threads: one round of what the threads would do (expiry, next segment,
 * compactions and sync when due). */
void engine_tick(struct engine *engine);

struct engine_statistics {
    uint64_t keys;
    uint64_t live_bytes; /* of records that are reachable */
    uint64_t file_bytes; /* of records, dead and alive, in all segments */
    uint64_t disk_bytes; /* of the files, reserve included */
    uint64_t segment_count;
    uint64_t index_bytes;
    uint64_t appended_position;
    uint64_t written_position;
    uint64_t durable_position;
    uint64_t payload_position; /* behind the newest record but sync marks, which follow each sync:
                                  all is durable when durable_position is not before it */
    uint64_t unsaved_changes;  /* keys changed by writes that are not durable yet; emptying a
                                  database changes each key in it, our own marks change none */
    uint64_t expired_keys;     /* removed by expiry since the start */
    uint64_t sync_count;       /* fdatasyncs of the log since the start */
    uint64_t sync_errors;      /* of these, how many have failed */
    uint64_t delayed_syncs;    /* everysec: syncs that were so late that writers waited */
    int64_t last_sync_unix_ms; /* when the last fdatasync ended; 0 = there was none */
    int64_t last_sync_us;      /* and how long it took; -1 */
    bool sync_running;         /* a pass of syncing is at work */
    bool write_failing;        /* the last write of the log to its files failed */
    bool compaction_failing;   /* the last that had something to do gave up */
    uint64_t compactions; /* that ended; of those that nobody asked for, those with some gain */
    uint64_t kept_bytes;  /* dead, but they still hide something: no garbage yet */
    uint64_t compaction_moved_bytes;
    uint64_t compaction_reclaimed_bytes; /* by how much the files have become smaller */
    uint64_t compaction_size;            /* of the running one's victims, 0 = none is running */
    uint64_t compaction_done;            /* of them, copied */
    uint64_t last_compaction_us;
    uint64_t last_compaction_reclaimed_bytes;
    uint64_t slowed_writes;   /* how often engine_write_delay_us() was more than 0 */
    uint64_t slowed_us;       /* what it was, added up */
    uint64_t reads_ahead;     /* records that the disk was asked for before they were read */
    uint64_t corrupt_records; /* seen since the start */
    bool scrub_running;
    uint64_t scrub_passes; /* ended since the start; as are those that follow */
    uint64_t scrub_read_bytes;
    uint64_t scrub_damaged_records;
    uint64_t scrub_damaged_segments;
    uint64_t free_disk_bytes;
    bool writes_stopped;
    bool compaction_running;
    uint64_t recovered_records; /* read when the store was opened */
    uint64_t recovered_keys;    /* taken from the checkpoint then */
    uint64_t recovery_ms;
    uint64_t checkpoints;             /* made since the start */
    uint64_t checkpoint_size_bytes;   /* of the last of them */
    uint64_t checkpoint_duration_ms;  /* it took */
    uint64_t checkpoint_behind_bytes; /* what opening would read besides */
};

void engine_statistics_locked(struct engine *engine, struct engine_statistics *out);

/* Walks every invariant (index against records, accounting against both); CHECKs. For tests;
 * lock held. */
void engine_verify_all_locked(struct engine *engine);

#endif
