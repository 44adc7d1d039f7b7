/* live_databases.c - see live_databases.h. */
#include "check/live_databases.h"

#include "base/compare.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_DATABASES 16

/* Room for `count` databases whose keyspaces are ids[i], or 1, 2, ... without `ids`. */
static enum status set_map(struct live *live, const uint64_t *ids, size_t count)
{
    struct live_database *databases = calloc(count + 1, sizeof(*databases));
    if (databases == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        databases[i].keyspace_id = ids == NULL ? i + 1 : ids[i];
    }
    free(live->databases);
    live->databases = databases;
    live->database_count = count;
    live->mapped_count = count;
    return STATUS_OK;
}

enum status live_databases_init(struct live *live)
{
    const struct manifest *manifest = &live->store->manifest;
    live->has_map = live->store->source != CHECK_FROM_DIRECTORY;
    if (!live->has_map) {
        live->next_keyspace_id = DEFAULT_DATABASES + 1;
        return set_map(live, NULL, DEFAULT_DATABASES);
    }
    live->map_sequence = manifest->map_sequence;
    live->next_keyspace_id = manifest->next_keyspace_id;
    return set_map(live, manifest->map, manifest->map_count);
}

enum status live_databases_take_map(struct live *live, uint64_t sequence,
                                    const struct mark_keyspace_map *map)
{
    if (sequence <= live->map_sequence) {
        return STATUS_OK;
    }
    uint64_t *ids = mark_copy_keyspace_ids(map);
    if (ids == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = set_map(live, ids, map->count);
    free(ids);
    if (status == STATUS_OK) {
        live->map_sequence = sequence;
        live->has_map = true;
        live->next_keyspace_id = map->next_keyspace_id;
    }
    return status;
}

static enum status add_database(struct live *live, uint64_t keyspace_id, struct live_database **out)
{
    struct live_database *databases =
        realloc(live->databases, (live->database_count + 1) * sizeof(*databases));
    if (databases == NULL) {
        return STATUS_NO_MEMORY;
    }
    live->databases = databases;
    *out = &databases[live->database_count++];
    **out = (struct live_database){.keyspace_id = keyspace_id, .is_stray = true};
    return STATUS_OK;
}

enum status live_databases_find(struct live *live, uint64_t keyspace_id, bool add_stray,
                                struct live_database **out)
{
    for (size_t i = 0; i < live->database_count; i++) {
        if (live->databases[i].keyspace_id == keyspace_id) {
            *out = &live->databases[i];
            return STATUS_OK;
        }
    }
    if (!add_stray || keyspace_id < live->next_keyspace_id) {
        *out = NULL;
        return STATUS_OK;
    }
    return add_database(live, keyspace_id, out);
}

bool live_databases_lack(const struct live *live, uint64_t keyspace_id)
{
    bool may_lack_map = live->store->source == CHECK_FROM_DIRECTORY || live->holes > 0;
    return may_lack_map && keyspace_id >= live->next_keyspace_id;
}

static int compare_keyspaces(const void *a, const void *b)
{
    uint64_t left = ((const struct live_database *)a)->keyspace_id;
    uint64_t right = ((const struct live_database *)b)->keyspace_id;
    return compare_numbers(left, right);
}

void live_databases_sort_strays(struct live *live)
{
    qsort(live->databases + live->mapped_count, live->database_count - live->mapped_count,
          sizeof(*live->databases), compare_keyspaces);
}
