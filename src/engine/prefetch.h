/*
 * prefetch.h - keys that will be looked up soon are brought towards the processor, a few at a time.
 *
 * A lookup waits for memory twice: for a line of the index, then for the record. Both waits overlap
 * with those of other keys when several are asked for in one go; and not too many, because what a
 * processor has no fill buffer for, it drops. So keys are gathered into small groups, whose index
 * lines are fetched first, and, some commands later, their records.
 *
 * A hint and nothing else: nothing is read that would have to be verified, nothing fails.
 *
 * Threads: functions with _locked want the execution lock; a group may be kept between two holds of
 * it. The keys' bytes are borrowed until the group is cleared.
 */
#ifndef SCDB_ENGINE_PREFETCH_H
#define SCDB_ENGINE_PREFETCH_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/* Measured: docs/benchmarks.md. */
#define PREFETCH_GROUP_SIZE 4
#define PREFETCH_LINE_SIZE  64

struct prefetch_key {
    unsigned database;
    uint64_t hash;
};

struct prefetch_group {
    struct prefetch_key keys[PREFETCH_GROUP_SIZE];
    size_t count;
};

static inline bool prefetch_is_full(const struct prefetch_group *group)
{
    return group->count == PREFETCH_GROUP_SIZE;
}

/* Adds a key of a group that is not full. */
void prefetch_add_locked(const struct engine *engine, struct prefetch_group *group,
                         unsigned database, struct slice key);

/* Up to PREFETCH_GROUP_SIZE places of an index (index_line), one right behind the other: then their
 * walks through the page tables overlap, too. */
static inline void prefetch_lines(const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(lines[i]);
        __builtin_prefetch(lines[i] + PREFETCH_LINE_SIZE); /* Beyond the end it does no harm. */
    }
}

/* The index lines of all keys of the group. */
void prefetch_index_locked(const struct engine *engine, const struct prefetch_group *group);

/* Their records, where the index lines, which have come by now, say. */
void prefetch_records_locked(const struct engine *engine, const struct prefetch_group *group);

#endif
