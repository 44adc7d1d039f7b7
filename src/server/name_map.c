/* name_map.c - see name_map.h. */
#include "server/name_map.h"

#include "base/check.h"
#include "engine/checksum.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 16

enum status name_map_init(struct name_map *map, uint64_t seed)
{
    struct name_item **buckets = calloc(BUCKETS_MIN, sizeof(struct name_item *));
    if (buckets == NULL) {
        return STATUS_NO_MEMORY;
    }
    *map = (struct name_map){.buckets = buckets, .bucket_count = BUCKETS_MIN, .seed = seed};
    return STATUS_OK;
}

void name_map_deinit(struct name_map *map)
{
    CHECK(map->count == 0);
    free(map->buckets);
    *map = (struct name_map){0};
}

static struct name_item **bucket_of(const struct name_map *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static uint64_t hash_of(const struct name_map *map, struct slice name)
{
    return checksum_of(name.data, name.size, map->seed);
}

struct name_item *name_map_find(const struct name_map *map, struct slice name)
{
    if (map->count == 0) {
        return NULL;
    }
    uint64_t hash = hash_of(map, name);
    struct name_item *item = *bucket_of(map, hash);
    while (item != NULL && (item->hash != hash || !slice_equal(item->name, name))) {
        item = item->next_in_bucket;
    }
    return item;
}

static void put_into_bucket(struct name_map *map, struct name_item *item)
{
    struct name_item **bucket = bucket_of(map, item->hash);
    item->next_in_bucket = *bucket;
    *bucket = item;
}

/* Chains grow longer when there is no memory for more of them. */
static void grow(struct name_map *map)
{
    size_t count = map->bucket_count * 2;
    struct name_item **buckets = calloc(count, sizeof(struct name_item *));
    if (buckets == NULL) {
        return;
    }
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
    for (struct name_item *item = map->first; item != NULL; item = item->next) {
        put_into_bucket(map, item);
    }
}

void name_map_add(struct name_map *map, struct name_item *item)
{
    if (map->count >= map->bucket_count) {
        grow(map);
    }
    item->hash = hash_of(map, item->name);
    put_into_bucket(map, item);
    item->next = NULL;
    item->previous = map->last;
    *(map->last == NULL ? &map->first : &map->last->next) = item;
    map->last = item;
    map->count++;
}

void name_map_remove(struct name_map *map, struct name_item *item)
{
    struct name_item **link = bucket_of(map, item->hash);
    while (*link != item) {
        CHECK(*link != NULL);
        link = &(*link)->next_in_bucket;
    }
    *link = item->next_in_bucket;
    *(item->previous == NULL ? &map->first : &item->previous->next) = item->next;
    *(item->next == NULL ? &map->last : &item->next->previous) = item->previous;
    map->count--;
}

struct name_item *name_map_take_all(struct name_map *map)
{
    struct name_item *first = map->first;
    struct name_item **buckets = calloc(BUCKETS_MIN, sizeof(struct name_item *));
    if (buckets != NULL) {
        free(map->buckets);
        map->buckets = buckets;
        map->bucket_count = BUCKETS_MIN;
    } else {
        memset(map->buckets, 0, map->bucket_count * sizeof(struct name_item *));
    }
    map->first = NULL;
    map->last = NULL;
    map->count = 0;
    return first;
}
