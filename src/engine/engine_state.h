/*
 * engine_state.h - struct engine, for the engine's own files only.
 *
 * The locks, in the order in which they nest (docs/threads.md):
 *
 *   removal_mutex   held while files of the store must stay (backup.h), and while they are removed
 *   stock.making    held by the one that makes log segments ready (log_stock.h)
 *   write_mutex     held by the one that writes the tail of the log to its files
 *   lock            the execution lock: index, segments, tail, all that engine.h calls _locked
 *   manifest_mutex  the manifest in memory and on disk, and the making of log segments
 *
 * and leaves, under which no other lock is taken: sync.mutex, maintenance.mutex and the
 * standby.mutex of stock and grow guard the requests to those threads, for a few instructions;
 * zero_mutex is held while zeros are written ahead of the log, grow.growing while space for it is
 * reserved.
 *
 * The manifest's mutex may be held across a sync of a file. The execution lock is held across one
 * only where the writer needs a segment that is not ready.
 */
#ifndef SCDB_ENGINE_ENGINE_STATE_H
#define SCDB_ENGINE_ENGINE_STATE_H

#include "base/mutex.h"
#include "engine/appender.h"
#include "engine/checkpoint_take.h"
#include "engine/compaction.h"
#include "engine/compaction_pace.h"
#include "engine/doubtful.h"
#include "engine/engine.h"
#include "engine/expiry.h"
#include "engine/grow_ahead.h"
#include "engine/log_stock.h"
#include "engine/maintenance.h"
#include "engine/manifest.h"
#include "engine/presence.h"
#include "engine/reserve.h"
#include "engine/sample.h"
#include "engine/scrub.h"
#include "engine/segment.h"
#include "engine/spaces.h"
#include "engine/sync.h"

#include <stdatomic.h>

#define CORRUPT_LOGGED_MAX 64

struct engine {
    /* set at open, immutable then */
    struct file_system *fs;
    struct engine_options options;
    uint64_t segment_size;
    uint8_t store_id[STORE_ID_SIZE];
    uint8_t secret[STORE_SECRET_SIZE];

    struct mutex removal_mutex;
    struct mutex write_mutex;
    struct mutex lock;
    struct mutex manifest_mutex;
    struct mutex zero_mutex; /* zero_ahead.h: while zeros are being written */

    /* under manifest_mutex (clang can not check that for fields of C) */
    struct manifest manifest;
    struct doubtful doubtful;

    /* under the execution lock */
    struct segment_table segments;
    struct spaces spaces;
    struct appender appender;
    struct pieces *dead_pieces;          /* owned: of strings that went, perhaps still being read */
    struct part_buffer *part_buffers;    /* owned: see engine_part.h */
    struct staged *staged_first;         /* owned: all that is staged (staged.h) */
    struct staged *offered;              /* that of the command which runs; NULL: none */
    const struct verify_ahead *verified; /* the same of verify_ahead.h */
    uint64_t max_keys;
    uint64_t descriptors;   /* that are there for files; 0: enough */
    bool is_renaming;       /* between engine_rename_begin_locked() and _end_ */
    bool is_undoing;        /* between engine_undo_begin_locked() and _end_ */
    uint64_t undo_max_keys; /* the limits as they are outside of an undo */
    uint64_t undo_index_limit;
    uint64_t rest_position;     /* what the answers since engine_rest_begin_locked rest on */
    bool records_are_far;       /* prefetch.h */
    uint64_t reads_ahead;       /* records that the disk was asked for because of that */
    uint64_t deletion_position; /* behind the newest record that made a key go away: a tombstone,
                                   or one that has expired */
    uint64_t map_position;      /* behind the newest map of databases: what any of them shows */
    struct manifest_position durable_place; /* durable_position as a place in the log */
    uint64_t changes; /* keys that commands have changed since the store was opened */
    uint64_t expired_keys;
    uint64_t value_bytes; /* engine_value_bytes_locked() */
    uint64_t corrupt_records;
    struct record_address corrupt_logged[CORRUPT_LOGGED_MAX];
    struct engine_unreadable unreadable; /* engine_unreadable_locked() */
    uint64_t random_state;
    enum engine_access access; /* sample.h: what reading and writing a key does to its clock */
    unsigned access_factor;
    int64_t moment_ms; /* engine_set_moment_locked; 0 = ask the clock */

    struct log_stock stock;
    struct grow_ahead grow;
    struct sync sync;
    struct maintenance maintenance;
    struct compaction_pace pace;
    struct expiry expiry;
    struct checkpoint_state checkpoint;
    struct reserve reserve;
    struct scrub scrub;
    struct presence presence;

    uint64_t recovered_records;
    uint64_t recovered_keys;
    uint64_t recovery_ms;
};

static inline int64_t engine_unix_ms(const struct engine *engine)
{
    return engine->options.unix_ms(engine->options.unix_ms_context);
}

/* What is being answered rests on the log up to here. Lock held. */
static inline void engine_rest_on_locked(struct engine *engine, uint64_t position)
{
    if (position > engine->rest_position) {
        engine->rest_position = position;
    }
}

/* Has a key with this expiry gone, as commands see it? Lock held. */
static inline bool engine_is_past_locked(const struct engine *engine, int64_t expiry_ms)
{
    if (expiry_ms == EXPIRY_NONE) {
        return false;
    }
    return expiry_ms <= (engine->moment_ms != 0 ? engine->moment_ms : engine_unix_ms(engine));
}

/* Is the record dead because of its expiry? By the clock, or by a mark of a time when the clock was
 * ahead: its key may still have a slot (expiry_cycle goes by whole seconds, and a checkpoint may
 * have brought it back). Lock held. */
static inline bool engine_has_expired_locked(const struct engine *engine,
                                             const struct record *record)
{
    return engine_is_past_locked(engine, record->expiry_ms) ||
           (record->expiry_ms != EXPIRY_NONE &&
            staircase_covers(&engine->expiry.marks, record->sequence, record->expiry_ms));
}

#endif
