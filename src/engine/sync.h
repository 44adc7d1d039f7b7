/*
 * sync.h - when the log becomes durable.
 *
 * One pass of syncing: write what is pending, note how far the log is written (an end between
 * groups), fdatasync the segments that are not durable up to there, in the order of the log, move
 * the durable position, append a sync mark that says so, call on_durable. Only one pass runs at a
 * time: the sync thread's, or with engine_options.without_threads the caller's.
 *
 * If an fdatasync fails, the kernel may have dropped the very pages that it could not write and
 * call them clean: a later fdatasync that succeeds proves nothing. So the first failure is for
 * good: the durable position stays, writes are refused, reading goes on. The same holds when the
 * disk reports an error to a write of the log, for then nobody knows what the page cache holds, and
 * when a sync of the directory fails, for then nobody knows which names will last; and when
 * somebody else has come to write to the store, or removed or cut the file of its log (presence.h).
 *
 * Threads: see each function. sync.mutex is a leaf: nothing else is locked while it is held.
 */
#ifndef SCDB_ENGINE_SYNC_H
#define SCDB_ENGINE_SYNC_H

#include "base/mutex.h"
#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;

/* everysec: how often a sync starts, and when writers begin to wait for one. */
#define SYNC_INTERVAL_MS 1000
#define SYNC_STALL_MS    2000

#define SYNC_MEND        "mend the disk, then restart"

/* X(NAME, "what has failed", "what to do", both for clients and the log) */
#define SYNC_STOP_LIST(X)                                                                          \
    X(NONE, "nothing has failed", "")                                                              \
    X(FDATASYNC, "an fdatasync of the log failed, and the disk may have lost data", SYNC_MEND)     \
    X(WRITE, "a write to the log failed, and the disk may have lost data", SYNC_MEND)              \
    X(NAMES, "a sync of the store's directory failed, and the disk may have lost data", SYNC_MEND) \
    X(LOCK, "another process has locked the store, too", "stop both")                              \
    X(LOG_FILE, "the file of the log was removed, moved, replaced or cut",                         \
      "follow what the log says of that file, then restart")

/* Why writing has stopped for good. */
enum sync_stop {
#define SYNC_STOP_ENUM(name, words, advice) SYNC_STOP_##name,
    SYNC_STOP_LIST(SYNC_STOP_ENUM)
#undef SYNC_STOP_ENUM
};

struct sync {
    _Atomic uint64_t durable_position;
    uint64_t durable_changes;         /* engine.changes as they were there; execution lock */
    _Atomic int policy;               /* enum sync_policy */
    atomic_int failed;                /* enum sync_stop: why writing has stopped; 0 = it has not */
    atomic_bool failed_late;          /* writers waited for a late sync then: in vain */
    atomic_bool wanted;               /* somebody waits for on_durable() */
    _Atomic int64_t running_since_ms; /* unsynced_since_ms of what the running pass covers; 0 */
    _Atomic uint64_t count;           /* fdatasyncs */
    _Atomic uint64_t errors;          /* that failed */
    _Atomic uint64_t delayed;         /* passes that writers had to wait for under everysec */
    atomic_bool delay_counted;        /* the pass that is due is among them */
    _Atomic int64_t last_unix_ms;     /* the end of the last fdatasync; 0 = none */
    _Atomic int64_t last_us;          /* its duration; -1 */
    atomic_bool passing;              /* a pass is at work */

    struct mutex mutex;
    struct condition wake;   /* of the thread */
    struct condition done;   /* of those in sync_now() */
    uint64_t tickets;        /* handed out by sync_now() */
    uint64_t served;         /* tickets that a finished pass has covered */
    enum status last_status; /* of the last pass */
    bool stop;
    bool running; /* the thread is there */
    pthread_t thread;
};

void sync_init(struct sync *sync, int policy);
void sync_deinit(struct sync *sync);

/* Starts and stops the sync thread. NO_MEMORY: it could not be started. */
enum status sync_start(struct engine *engine) MUST_CHECK;
void sync_stop(struct engine *engine);

/* Makes all that is appended durable and waits for it. No lock held; any thread but the sync
 * thread. WRITES_STOPPED, IO, DISK_FULL: it is not. */
enum status sync_now(struct engine *engine) MUST_CHECK;

/* At the end, without threads: everything becomes durable, marks included, and no mark is added. */
enum status sync_last(struct engine *engine) MUST_CHECK;

/* Stops writing for good; the first reason counts, and is logged. Any lock may be held but
 * sync.mutex. */
void sync_stop_writing(struct engine *engine, enum sync_stop reason);

static inline bool sync_has_stopped(const struct sync *sync)
{
    return atomic_load_explicit(&sync->failed, memory_order_relaxed) != SYNC_STOP_NONE;
}

/* Stops writing if a sync of the directory has failed. */
void sync_heed_names(struct engine *engine);

/* engine_may_show() and engine_may_reply(). */
bool sync_may_show(struct engine *engine, uint64_t position, bool *failed);
bool sync_may_reply(struct engine *engine, uint64_t position, bool *failed);

/* engine_request_sync(). */
void sync_request(struct engine *engine);

void sync_set_policy(struct engine *engine, int policy);

/* One round without threads: a pass when one is due. */
void sync_tick(struct engine *engine);

#endif
