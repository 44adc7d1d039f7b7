/*
 * prefetch.h - keys that will be looked up soon are brought towards the processor, a few at a time.
 *
 * A lookup waits for memory twice: for a line of the index, then for the record. Both waits overlap
 * with those of other keys when several are asked for in one go; and not too many, because what a
 * processor has no fill buffer for, it drops. So keys are gathered into small groups, whose index
 * lines are fetched first, and, some commands later, their records.
 *
 * Where not all of the files is in memory, a record may have to come from the disk, for which its
 * reader waits some hundred times as long, with the execution lock held. Then the groups are
 * larger, and the disk is asked for their records' pages, all at once. That records are so far away
 * shows in the time that they take: to ask the kernel for a page takes longer than to read one that
 * is there.
 *
 * A hint and nothing else: nothing is read that would have to be verified, nothing fails.
 *
 * Threads: functions with _locked want the execution lock; a group of keys may be kept between two
 * holds of it, and borrows nothing.
 */
#ifndef SCDB_ENGINE_PREFETCH_H
#define SCDB_ENGINE_PREFETCH_H

#include "base/slice.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

#define PREFETCH_LINE_SIZE 64

/* Keys that are asked for in one go. Measured: docs/architecture.md, section 7. */
#define PREFETCH_GROUP_SIZE 4

/* Where one command has more keys, they are a group of their own, up to so many. */
#define PREFETCH_GROUP_MAX 16

/* The same of keys whose records are far away: disks do so much at a time, and more. */
#define PREFETCH_FAR_SIZE 32
#define PREFETCH_KEYS_MAX 64

/* Of a record: its header, its key and the first of its value. Longer values are read in order,
 * which the processor foresees by itself. */
#define PREFETCH_RECORD_LINES 3

/* Of one that will be replaced: its header and a short key. */
#define PREFETCH_HEAD_LINES 2

/* --- memory --------------------------------------------------------------------------------- */

/* A function that does nothing but prefetch has no effect, says GCC, and drops the calls of it: the
 * empty piece of assembly is one. */
static inline void prefetch_line(const void *line)
{
    __builtin_prefetch(line);
    __asm__ volatile("");
}

static inline void prefetch_record(const uint8_t *record, size_t lines)
{
    for (size_t line = 0; line < lines; line++) {
        prefetch_line(record + line * PREFETCH_LINE_SIZE); /* Beyond the end it does no harm. */
    }
}

/* What slots lie in: up to PREFETCH_KEYS_MAX addresses, which are found first, so that the
 * prefetches stand close together: then their walks through the page tables overlap, too. */
struct prefetch_slots {
    const char *lines[PREFETCH_KEYS_MAX];
    size_t count;
};

/* Adds a slot of the index of a keyspace, if there is such a keyspace. */
void prefetch_add_slot_locked(const struct engine *engine, struct prefetch_slots *slots,
                              uint64_t keyspace_id, struct index_hash hash);

static inline void prefetch_slots(const struct prefetch_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++) {
        prefetch_line(slots->lines[i]);
        prefetch_line(slots->lines[i] + PREFETCH_LINE_SIZE);
    }
}

/* --- keys ----------------------------------------------------------------------------------- */

struct prefetch_key {
    unsigned database;
    bool is_written; /* its record will be replaced */
    struct index_hash hash;
};

struct prefetch_group {
    struct prefetch_key keys[PREFETCH_KEYS_MAX];
    size_t count;
    size_t left_out; /* keys of its commands for which there was no room */
};

/* So many keys are a group, and no other command's are added to them. */
size_t prefetch_group_size_locked(const struct engine *engine);

/* Adds a key; false: there was no room: it and its command's next ones are to be counted as left
 * out. */
bool prefetch_add_locked(const struct engine *engine, struct prefetch_group *group,
                         unsigned database, struct slice key, bool is_written);

/* The index lines of all keys of the group. */
void prefetch_index_locked(const struct engine *engine, const struct prefetch_group *group);

/* Their records, where the index lines, which have come by now, say. */
void prefetch_records_locked(struct engine *engine, const struct prefetch_group *group);

/* --- one record ----------------------------------------------------------------------------- */

/* The header and a short key of the record at an address that a slot has. */
void prefetch_head_locked(struct engine *engine, struct record_address address);

/* --- near or far ---------------------------------------------------------------------------- */

/* Tells that so many records have been read since, and how long all took that was done meanwhile.
 * Whether records are far away is what the last call said. */
void prefetch_note_locked(struct engine *engine, size_t records, int64_t took_us);

bool prefetch_is_far_locked(const struct engine *engine);

#endif
