/*
 * name_map.h - a hash table whose items are found by a name of any bytes, in the order in which
 * they were added.
 *
 * Items are the caller's: a struct name_item stands first in each, and the map links it. The lock
 * of whoever has the map (the execution lock, everywhere in the server).
 */
#ifndef SCDB_SERVER_NAME_MAP_H
#define SCDB_SERVER_NAME_MAP_H

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct name_item {
    struct slice name; /* set by the caller, who owns the bytes; must not change in the map */
    uint64_t hash;
    struct name_item *next_in_bucket;
    struct name_item *next; /* of all, from the oldest to the newest */
    struct name_item *previous;
};

struct name_map {
    struct name_item **buckets; /* owned */
    size_t bucket_count;        /* a power of two */
    size_t count;
    struct name_item *first;
    struct name_item *last;
    uint64_t seed;
};

/* `seed` is random: it keeps clients from choosing names that collide. NO_MEMORY: nothing to
 * deinit. */
enum status name_map_init(struct name_map *map, uint64_t seed) MUST_CHECK;

/* The map is empty by now (CHECKed). */
void name_map_deinit(struct name_map *map);

/* NULL: there is none of that name. */
struct name_item *name_map_find(const struct name_map *map, struct slice name);

/* The name is not in the map yet. */
void name_map_add(struct name_map *map, struct name_item *item);
void name_map_remove(struct name_map *map, struct name_item *item);

/* Empties the map, at once. Returns what was the oldest item, and by ->next all others; NULL: there
 * was none. */
struct name_item *name_map_take_all(struct name_map *map);

#endif
