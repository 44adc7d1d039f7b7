/*
 * live_map.h - which records of a segment slots point at: one bit for each.
 *
 * A compaction asks this of every record, and the index would answer from a random place of its
 * memory, under the execution lock. Here the answers for a segment stand in the order in which the
 * segment is read, and no lock is needed: a bit that was cleared before the reader last held the
 * lock is seen as cleared. A bit that is still seen as set means no more than what the index said a
 * moment ago would: moves are published only if their slots still point at the old record.
 *
 * A segment has a map if it was made in this session and there was memory for it; of others, the
 * index is asked. It takes a 384th of the segment's size, as far as there are records.
 *
 * Threads: changes want the execution lock; live_map_has() and live_map_is_lost() want nothing.
 */
#ifndef SCDB_ENGINE_LIVE_MAP_H
#define SCDB_ENGINE_LIVE_MAP_H

#include "engine/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No record is smaller, so no two begin in one such stretch of a file. */
#define LIVE_MAP_STRETCH RECORD_HEADER_SIZE
#define LIVE_MAP_WORD    64

struct live_map {
    atomic_bool is_lost; /* slots went without their bits: only the index knows */
    size_t word_count;
    _Atomic uint64_t words[];
};

/* For a file of up to `capacity` bytes, to which no slot points. NULL without memory. */
struct live_map *live_map_create(uint64_t capacity);
void live_map_destroy(struct live_map *map);

/* How many records slots point at. */
uint64_t live_map_count(const struct live_map *map);

static inline void live_map_write(struct live_map *map, uint64_t offset, bool is_live)
{
    if (map == NULL) {
        return;
    }
    uint64_t bit = offset / LIVE_MAP_STRETCH;
    _Atomic uint64_t *word = &map->words[bit / LIVE_MAP_WORD];
    uint64_t mask = (uint64_t)1 << bit % LIVE_MAP_WORD;
    uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, is_live ? before | mask : before & ~mask, memory_order_relaxed);
}

/* A slot points at the record at `offset` of the file. `map` may be NULL. */
static inline void live_map_set(struct live_map *map, uint64_t offset)
{
    live_map_write(map, offset, true);
}

/* None does any more. */
static inline void live_map_clear(struct live_map *map, uint64_t offset)
{
    live_map_write(map, offset, false);
}

/* Where its bit stands; NULL without a map. */
static inline const void *live_map_line(const struct live_map *map, uint64_t offset)
{
    return map == NULL ? NULL
                       : (const void *)&map->words[offset / LIVE_MAP_STRETCH / LIVE_MAP_WORD];
}

static inline void live_map_lose(struct live_map *map)
{
    if (map != NULL) {
        atomic_store_explicit(&map->is_lost, true, memory_order_relaxed);
    }
}

/* Is there nothing that the map knows? */
static inline bool live_map_is_lost(const struct live_map *map)
{
    return map == NULL || atomic_load_explicit(&map->is_lost, memory_order_relaxed);
}

static inline bool live_map_has(const struct live_map *map, uint64_t offset)
{
    uint64_t bit = offset / LIVE_MAP_STRETCH;
    uint64_t word = atomic_load_explicit(&map->words[bit / LIVE_MAP_WORD], memory_order_relaxed);
    return (word >> bit % LIVE_MAP_WORD & 1) != 0;
}

#endif
