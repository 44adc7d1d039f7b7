/*
 * segment.h - one segment file, open and mapped, and the table that finds it by address.
 *
 * Addresses (index.h) number units of 8 bytes over one linear space. A segment with handle h owns
 * the units [h << shift, (h + 1) << shift); one that is larger than a segment usually is owns
 * several handles in a row. Handles are used again, but only after nobody holds a reference to the
 * segment that had them: so an address means one record for as long as its segment is referenced.
 *
 * Threads: fields and functions want the execution lock, but for the references, the immutable
 * fields (marked) and segment_unreference(), which any thread may use. Ownership: the table holds
 * one reference to each of its segments; the last reference unmaps, closes and frees.
 */
#ifndef SCDB_ENGINE_SEGMENT_H
#define SCDB_ENGINE_SEGMENT_H

#include "base/check.h"
#include "base/status.h"
#include "engine/file.h"
#include "engine/index.h"
#include "engine/live_map.h"
#include "engine/segment_header.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_ADDRESS_BITS 40 /* of units: 8 TiB that are live at a time */
#define SEGMENT_UNIT_SIZE    8

/* Bytes of live records of one keyspace in a segment, padding included. */
struct segment_live {
    uint64_t keyspace_id;
    uint64_t bytes;
    int64_t since_copy; /* of them, what came (or went, below 0) for slots that had been copied into
                           the checkpoint that is being made */
};

struct segment {
    atomic_uint references;
    atomic_bool is_retired; /* out of the table: its file has no name any more, or will have none */

    /* immutable once the segment is in the table */
    uint64_t number;
    enum segment_kind kind;
    struct file *file;      /* owned */
    const uint8_t *mapping; /* owned, `capacity` bytes */
    uint64_t capacity;      /* bytes that the file may grow to */
    uint64_t seed;          /* of its checksums */
    uint32_t handle;
    uint32_t handle_count;
    uint64_t base_position; /* position (engine.h) of its first byte */
    bool of_this_session;   /* false: all of it was durable when the store was opened */
    bool in_table;

    /* under the execution lock */
    struct segment_table *counted_in; /* whose live_bytes have its own; NULL: none's */
    uint64_t end;                     /* behind the last record; 0 = not even the header is there */
    uint64_t reserved;                /* bytes of the file that surely have room on the disk */
    uint64_t first_sequence;          /* 0 = no records */
    uint64_t last_sequence;
    uint64_t judged_sequence; /* see segment_header.h */
    uint64_t zeroed_end;      /* zeros were written up to here, see zero_ahead.h */
    uint64_t synced_end;      /* bytes before this are durable */
    uint64_t tail_from;       /* records from here on may lie in the tail in memory */
    uint64_t faulted_end;     /* the mapping's pages were faulted in up to here; write mutex */
    bool in_unsynced;         /* stands in the list of what the next sync must cover, or the
                                 running one has to bring to its end */
    struct segment *next_unsynced;
    bool closed;            /* no record will be added */
    bool sealed;            /* closed, durable, its end known to the manifest in memory */
    bool damaged;           /* a compaction could not read it: not picked again */
    bool misplaced;         /* its file was found to be gone or cut (presence.h) */
    bool in_pass;           /* had records when the pass at hand began (compaction_begin_pass) */
    uint64_t kept_bytes;    /* of its dead records, those that a compaction had to keep */
    uint64_t kept_sequence; /* the newest of them */
    uint64_t waiting_bytes; /* and such of them that only time lets go: expiry marks that were young
                               (expiry_is_done_locked). Nothing is to be gained from them now */

    struct live_map *live_map; /* owned; NULL: the segment has none */
    struct segment_live *live; /* owned */
    size_t live_count;
    size_t live_capacity;
    uint64_t live_bytes; /* the sum */
};

/* A segment to be made: `reserve` bytes of its file are reserved, `capacity` bytes are mapped. */
struct segment_plan {
    enum segment_kind kind;
    uint64_t number;
    uint64_t capacity;
    uint64_t reserve;
};

/*
 * Creates the planned segment's file. The name is not durable yet. On failure no file is left. On
 * success the caller owns the one reference.
 */
enum status segment_create(struct file_system *fs, const struct segment_plan *plan,
                           struct segment **out) MUST_CHECK;

/* Opens and maps an existing file. NOT_FOUND when it is missing. `capacity` 0 = the file's size. */
enum status segment_open(struct file_system *fs, enum segment_kind kind, uint64_t number,
                         uint64_t capacity, struct segment **out) MUST_CHECK;

void segment_reference(struct segment *segment);
void segment_unreference(struct segment *segment);

/* A checkpoint begins: no slot has been copied. */
void segment_live_begin_copy(struct segment *segment);

/* The live bytes as the slots of the checkpoint have them, once all are copied. */
static inline uint64_t segment_live_in_copy(const struct segment_live *live)
{
    return live->bytes - (uint64_t)live->since_copy;
}

/* Counts live bytes of a keyspace from now on, 0 at first. NO_MEMORY. */
enum status segment_live_add(struct segment *segment, uint64_t keyspace_id) MUST_CHECK;

/* The live bytes of a keyspace, NULL when they are not counted. */
static inline struct segment_live *segment_live_find(const struct segment *segment,
                                                     uint64_t keyspace_id)
{
    for (size_t i = 0; i < segment->live_count; i++) {
        if (segment->live[i].keyspace_id == keyspace_id) {
            return &segment->live[i];
        }
    }
    return NULL;
}

/* Makes sure that segment_live_change() for this keyspace can't fail. NO_MEMORY. */
static inline MUST_CHECK enum status segment_live_prepare(struct segment *segment,
                                                          uint64_t keyspace_id)
{
    return segment_live_find(segment, keyspace_id) != NULL ? STATUS_OK
                                                           : segment_live_add(segment, keyspace_id);
}

/* Forgets all keyspaces: nothing is known to be alive. */
void segment_live_reset(struct segment *segment);

/* Forgets a keyspace: all its bytes are dead. */
void segment_live_drop(struct segment *segment, uint64_t keyspace_id);

/* The dead bytes among the records. */
uint64_t segment_dead_bytes(const struct segment *segment);

/* --- the table ---------------------------------------------------------------------------- */

struct segment_table {
    unsigned shift;           /* units of one handle, as a power of two */
    struct segment **handles; /* owned; several entries may name one segment */
    size_t handle_capacity;   /* entries in the array */
    size_t segment_count;     /* segments in the table, retired ones not counted */
    struct segment **retired; /* owned; removed, but perhaps still referenced by somebody */
    size_t retired_count;
    size_t retired_capacity;
    uint64_t live_bytes; /* of the segments in the table, retired ones not counted */
};

/* Changes the sum of a segment's live bytes, and that over all segments with it: who asks for the
 * latter asks before every write. */
static inline void segment_change_sum(struct segment *segment, uint64_t bytes)
{
    segment->live_bytes += bytes;
    if (segment->counted_in != NULL) {
        segment->counted_in->live_bytes += bytes;
    }
}

/* Adds to (or takes from) the live bytes of a keyspace, which is prepared or has bytes. `copied`:
 * the slot was copied into the checkpoint that is being made (checkpoint_has_copied). */
static inline void segment_live_change(struct segment *segment, uint64_t keyspace_id, int64_t bytes,
                                       bool copied)
{
    struct segment_live *live = segment_live_find(segment, keyspace_id);
    CHECK(live != NULL);
    CHECK(bytes >= 0 || live->bytes >= (uint64_t)-bytes);
    live->bytes += (uint64_t)bytes;
    live->since_copy += copied ? bytes : 0;
    segment_change_sum(segment, (uint64_t)bytes);
}

/* `segment_size` is what one handle must be able to span. */
void segment_table_init(struct segment_table *table, uint64_t segment_size);

/* Drops the table's references. */
void segment_table_deinit(struct segment_table *table);

/* Gives the segment its handles; the table takes the caller's reference over. NO_MEMORY, DISK_FULL
 * (the address space is used up): the caller keeps it. */
enum status segment_table_add(struct segment_table *table, struct segment *segment) MUST_CHECK;

/* Takes a segment that has never held a record out again; the reference is the caller's. */
void segment_table_withdraw(struct segment_table *table, struct segment *segment);

/* Takes a segment to which no slot points any more out of use; its handles are free again when the
 * last reference but the table's is gone, see segment_table_take_unused(). */
void segment_table_retire(struct segment_table *table, struct segment *segment);

/* A retired segment that nobody references any more, NULL when there is none. The reference is the
 * caller's, to be dropped without the lock: unmapping and closing a large file that has been
 * removed takes milliseconds. */
struct segment *segment_table_take_unused(struct segment_table *table);

/* The segment that owns `address`; never NULL for an address that a slot holds. */
static inline struct segment *segment_table_find(const struct segment_table *table,
                                                 struct record_address address)
{
    return table->handles[address.units >> table->shift];
}

/* Goes through all segments: *handle 0 to start with; NULL at the end. */
struct segment *segment_table_next(const struct segment_table *table, size_t *handle);

static inline uint64_t segment_offset_of(const struct segment_table *table,
                                         const struct segment *segment,
                                         struct record_address address)
{
    return (address.units - ((uint64_t)segment->handle << table->shift)) * SEGMENT_UNIT_SIZE;
}

static inline struct record_address segment_address_of(const struct segment_table *table,
                                                       const struct segment *segment,
                                                       uint64_t offset)
{
    return (struct record_address){.units = ((uint64_t)segment->handle << table->shift) +
                                            offset / SEGMENT_UNIT_SIZE};
}

#endif
