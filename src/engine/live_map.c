/* live_map.c - see live_map.h. */
#include "engine/live_map.h"

#include <stdlib.h>

struct live_map *live_map_create(uint64_t capacity)
{
    size_t words = (size_t)(capacity / LIVE_MAP_STRETCH / LIVE_MAP_WORD) + 1;
    struct live_map *map = calloc(1, sizeof(*map) + words * sizeof(map->words[0]));
    if (map != NULL) {
        map->word_count = words;
    }
    return map;
}

void live_map_destroy(struct live_map *map)
{
    free(map);
}

uint64_t live_map_count(const struct live_map *map)
{
    uint64_t count = 0;
    for (size_t i = 0; i < map->word_count; i++) {
        uint64_t word = atomic_load_explicit(&map->words[i], memory_order_relaxed);
        count += (unsigned)__builtin_popcountll(word);
    }
    return count;
}
