/*
 * scdb_state.h - struct scdb, for the library's own files only (scdb.c, scdb_batch.c, scdb_scan.c).
 */
#ifndef SCDB_ENGINE_SCDB_STATE_H
#define SCDB_ENGINE_SCDB_STATE_H

#include "base/mutex.h"
#include "base/slice.h"
#include "engine/engine.h"
#include "engine/file.h"
#include "engine/scdb.h"

#define SCDB_DATABASE 0 /* where the library keeps its keys */
#define SCDB_TYPE     0 /* a string: the server's other types are not for this library */

struct scdb {
    struct file_system *fs;    /* owned */
    struct engine *engine;     /* owned */
    uint64_t value_bytes;      /* engine_value_bytes_locked() at scdb_begin(); under its lock */
    uint64_t payload_position; /* engine_payload_position_locked(), likewise */

    /* A leaf: the engine's hook, and those who wait for it. */
    struct mutex durable_mutex;
    struct condition durable_moved;
};

/*
 * scdb_open() on any file system, which is taken over, on failure too. Of `options` the file
 * system, the databases and the hooks are not looked at. For tests.
 */
enum status scdb_open_on(struct file_system *fs, const struct engine_options *options,
                         struct scdb **out, struct error *error) MUST_CHECK;

/* The library's number for a status of ours. */
enum scdb_status scdb_status_of(enum status status);

static inline struct slice scdb_slice(struct scdb_bytes bytes)
{
    return slice_make(bytes.data, bytes.size);
}

/* Between the two the execution lock is held. */
struct engine_keyspace *scdb_begin(struct scdb *db);

/*
 * Ends what scdb_begin() began, and waits until what was written and read in between is as safe as
 * the options ask for. `status` is what happened in between; when that was well, or nothing was
 * found, returns what the waiting led to.
 */
enum status scdb_end(struct scdb *db, enum status status) MUST_CHECK;

#endif
