/*
 * staged.h - a large value is written to a log segment of its own before its command runs.
 *
 * To checksum and to write 64 MB takes as long as thousands of commands. So who is about to put a
 * large value has it written first, without the execution lock, at its place in a log segment that
 * nobody uses yet. When its put comes, under the lock, the log rolls to that segment, and only the
 * head of the record is still to be written (appender.c). Whether the put comes is open: a command
 * that puts something else, or nothing, goes its usual way, and the segment is removed.
 *
 * A batch (MSET) may have several large values, and small ones between: they are written to one
 * segment, each where it will lie when all its records follow each other from the segment's
 * beginning on. The log rolls to it when the batch reserves its room, and each record that then
 * comes to its place finds its value there. Should one not come to its place, it is written like
 * any other.
 *
 * It is known by the place of its bytes in memory which put is meant. So these must stay where they
 * are, as they are, until the value is dropped.
 *
 * The segment is made in the order of docs/durability.md, rule 1: what can be found in it after a
 * crash is a log segment without a header, which was never used.
 *
 * Threads: see each function. A staged value belongs to the engine, whose close ends it; until then
 * it is the business of the one that had it written.
 */
#ifndef SCDB_ENGINE_STAGED_H
#define SCDB_ENGINE_STAGED_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct append;
struct engine;
struct segment;

/* Values from here on are worth a segment and the syncs that make one. */
#define STAGED_SIZE_MIN ((uint64_t)4 << 20)

/* While there are so many segments, or half as many as there are descriptors for, only values that
 * take more than half of a usual segment get theirs, of which no two have room in one anyway: the
 * number of files that a process may map, and keep open, is limited. */
#define STAGED_SEGMENTS_MAX 8192

/* How many large values of a batch are written ahead; the others are written in their turn. */
#define STAGED_VALUES_MAX 8

/* A value that will be put. */
struct staged_value {
    struct slice value; /* borrowed */
    size_t key_size;
    bool has_expiry;
    uint64_t before;    /* bytes of the records in front of its own in the segment */
    uint64_t head_size; /* from here on staged_write() fills in */
    uint64_t value_checksum;
};

/* What will be put. */
struct staged_plan {
    struct staged_value values[STAGED_VALUES_MAX];
    size_t count;
    uint64_t batch_size; /* what the batch will reserve (engine_reserve_locked); 0: it is one put */
};

struct staged {
    struct staged *next; /* of the engine's */
    struct staged_plan plan;
    struct segment *segment; /* owned; NULL: the log has rolled to it */
    uint64_t begun_file;     /* its number, once that has happened */
    size_t used_count;       /* values that were appended since */
};

/* Lock held. Is a value of this size worth it? */
bool staged_is_wanted_locked(const struct engine *engine, uint64_t value_size);

/* No lock held; takes as long as it takes to write the value. A failure has changed nothing, and is
 * no reason not to try the put, which will say what is wrong. */
enum status staged_write(struct engine *engine, const struct staged_plan *plan,
                         struct staged **out) MUST_CHECK;

/* Lock held. Until NULL is offered, puts of just these bytes use what was staged. What a batch that
 * has failed leaves of its values behind the end of the log is cut off: the log rolls. */
void staged_offer_locked(struct engine *engine, struct staged *staged);

/* No lock held. It is not offered any more; a segment that was not used is removed. */
void staged_drop(struct engine *engine, struct staged *staged);

/* While the engine is closed: drops what nobody has dropped. */
void staged_drop_all(struct engine *engine);

/* Lock held. Does the log have to roll to what is offered, for this record, or for a batch of
 * records of this size? NULL: it does not. Who lets it roll calls staged_begin_locked(). */
struct staged *staged_for_record_locked(const struct engine *engine, const struct append *append);
struct staged *staged_for_batch_locked(const struct engine *engine, uint64_t size);

/* Lock held. The segment, which is the caller's from now on. */
struct segment *staged_begin_locked(struct staged *staged);

/* Lock held. The value that is to be appended at this place of the active segment, if it is there
 * already; else NULL. */
const struct staged_value *staged_find_locked(struct engine *engine, const struct append *append,
                                              uint64_t offset);

#endif
