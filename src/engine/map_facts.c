/* map_facts.c - see map_facts.h. */
#include "engine/map_facts.h"

#include <stdlib.h>

enum status map_facts_take_locked(const struct spaces *spaces, struct map_facts *out)
{
    uint64_t *ids = malloc(spaces->count * sizeof(*ids));
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < spaces->count; i++) {
        ids[i] = spaces->databases[i]->id;
    }
    *out = (struct map_facts){.sequence = spaces->map_sequence,
                              .next_keyspace_id = spaces->next_id,
                              .ids = ids,
                              .count = spaces->count};
    return STATUS_OK;
}

void map_facts_deinit(struct map_facts *facts)
{
    free(facts->ids);
    *facts = (struct map_facts){0};
}

void map_facts_give(struct map_facts *facts, struct manifest *manifest)
{
    free(manifest->map);
    manifest->map = facts->ids;
    manifest->map_count = facts->count;
    manifest->map_sequence = facts->sequence;
    manifest->next_keyspace_id = facts->next_keyspace_id;
    *facts = (struct map_facts){0};
}
