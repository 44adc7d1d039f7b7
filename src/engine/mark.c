/* mark.c - see mark.h. */
#include "engine/mark.h"

#include "base/check.h"
#include "base/little_endian.h"

#include <stdlib.h>

static const uint8_t *bytes_of(struct slice value)
{
    return (const uint8_t *)value.data;
}

void mark_encode_sync(const struct mark_sync *mark, uint8_t *into)
{
    little_endian_store64(into, mark->file);
    little_endian_store64(into + 8, mark->offset);
    little_endian_store64(into + 16, mark->sequence);
}

enum status mark_decode_sync(struct slice value, struct mark_sync *out)
{
    if (value.size != MARK_SYNC_SIZE) {
        return STATUS_CORRUPT;
    }
    out->file = little_endian_load64(bytes_of(value));
    out->offset = little_endian_load64(bytes_of(value) + 8);
    out->sequence = little_endian_load64(bytes_of(value) + 16);
    return STATUS_OK;
}

void mark_encode_expiry(int64_t until_ms, uint8_t *into)
{
    little_endian_store64(into, (uint64_t)until_ms);
}

enum status mark_decode_expiry(struct slice value, int64_t *until_ms)
{
    if (value.size != MARK_EXPIRY_SIZE) {
        return STATUS_CORRUPT;
    }
    *until_ms = (int64_t)little_endian_load64(bytes_of(value));
    return STATUS_OK;
}

void mark_encode_keyspace_map(uint64_t next_keyspace_id, const uint64_t *ids, size_t count,
                              uint8_t *into)
{
    CHECK(count <= MARK_KEYSPACE_MAP_ID_MAX);
    little_endian_store64(into, next_keyspace_id);
    little_endian_store64(into + 8, count);
    for (size_t i = 0; i < count; i++) {
        CHECK(ids[i] < next_keyspace_id);
        little_endian_store64(into + mark_keyspace_map_size(i), ids[i]);
    }
}

enum status mark_decode_keyspace_map(struct slice value, struct mark_keyspace_map *out)
{
    if (value.size < mark_keyspace_map_size(0)) {
        return STATUS_CORRUPT;
    }
    uint64_t count = little_endian_load64(bytes_of(value) + 8);
    if (count > MARK_KEYSPACE_MAP_ID_MAX || value.size != mark_keyspace_map_size((size_t)count)) {
        return STATUS_CORRUPT;
    }
    struct mark_keyspace_map map = {
        .next_keyspace_id = little_endian_load64(bytes_of(value)),
        .count = (size_t)count,
        .ids = bytes_of(value) + mark_keyspace_map_size(0),
    };
    for (size_t i = 0; i < map.count; i++) {
        if (mark_keyspace_id(&map, i) >= map.next_keyspace_id) {
            return STATUS_CORRUPT;
        }
    }
    *out = map;
    return STATUS_OK;
}

uint64_t mark_keyspace_id(const struct mark_keyspace_map *map, size_t database)
{
    CHECK(database < map->count);
    return little_endian_load64(map->ids + database * sizeof(uint64_t));
}

uint64_t *mark_copy_keyspace_ids(const struct mark_keyspace_map *map)
{
    uint64_t *ids = malloc((map->count + 1) * sizeof(*ids));
    for (size_t i = 0; ids != NULL && i < map->count; i++) {
        ids[i] = mark_keyspace_id(map, i);
    }
    return ids;
}
