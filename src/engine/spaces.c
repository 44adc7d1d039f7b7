/* spaces.c - see spaces.h. */
#include "engine/spaces.h"

#include "base/check.h"

#include <stdlib.h>

enum status spaces_create_keyspace(struct spaces *spaces, uint64_t id, struct engine_keyspace **out)
{
    struct engine_keyspace *keyspace = calloc(1, sizeof(*keyspace));
    if (keyspace == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = index_create(&spaces->budget, &keyspace->index);
    if (status != STATUS_OK) {
        free(keyspace);
        return status;
    }
    pieces_table_init(&keyspace->pieces, &spaces->budget);
    keyspace->id = id;
    *out = keyspace;
    return STATUS_OK;
}

void spaces_destroy_keyspace(struct engine_keyspace *keyspace)
{
    CHECK(keyspace != NULL);
    pieces_table_deinit(&keyspace->pieces);
    index_destroy(keyspace->index);
    free(keyspace);
}

enum status spaces_init(struct spaces *spaces, const uint64_t *ids, size_t count, uint64_t next_id,
                        uint64_t index_memory_limit)
{
    spaces->next_id = next_id;
    spaces->databases = calloc(count, sizeof(*spaces->databases));
    if (spaces->databases == NULL) {
        return STATUS_NO_MEMORY;
    }
    spaces->budget.limit_bytes = index_memory_limit;
    for (size_t i = 0; i < count; i++) {
        enum status status = spaces_create_keyspace(spaces, ids[i], &spaces->databases[i]);
        if (status != STATUS_OK) {
            spaces_deinit(spaces);
            return status;
        }
        spaces->databases[i]->database = (unsigned)i;
        spaces->count = i + 1;
    }
    return STATUS_OK;
}

void spaces_deinit(struct spaces *spaces)
{
    for (size_t i = 0; i < spaces->count; i++) {
        spaces_destroy_keyspace(spaces->databases[i]);
    }
    struct engine_keyspace *keyspace;
    while ((keyspace = spaces_take_abandoned(spaces)) != NULL) {
        spaces_destroy_keyspace(keyspace);
    }
    free(spaces->databases);
    *spaces = (struct spaces){.budget = spaces->budget};
}

void spaces_adopt(struct spaces *spaces, struct engine_keyspace *keyspace)
{
    struct engine_keyspace *empty = spaces_find(spaces, keyspace->id);
    if (empty == NULL) {
        spaces_destroy_keyspace(keyspace);
        return;
    }
    keyspace->database = empty->database;
    spaces->databases[empty->database] = keyspace;
    spaces_destroy_keyspace(empty);
}

struct engine_keyspace *spaces_find(const struct spaces *spaces, uint64_t id)
{
    for (size_t i = 0; i < spaces->count; i++) {
        if (spaces->databases[i]->id == id) {
            return spaces->databases[i];
        }
    }
    return NULL;
}

uint64_t spaces_key_count(const struct spaces *spaces)
{
    uint64_t count = 0;
    for (size_t i = 0; i < spaces->count; i++) {
        count += index_count(spaces->databases[i]->index);
    }
    return count;
}

static uint64_t memory_of(const struct engine_keyspace *keyspace)
{
    return index_memory(keyspace->index) + pieces_table_memory(&keyspace->pieces);
}

uint64_t spaces_index_memory(const struct spaces *spaces)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < spaces->count; i++) {
        bytes += memory_of(spaces->databases[i]);
    }
    return bytes;
}

/* Frees abandoned keyspaces, unless so much may be added to them. */
static void bound_abandoned(struct spaces *spaces, uint64_t added_bytes)
{
    const struct index_budget *budget = &spaces->abandoned_budget;
    uint64_t limit = spaces->budget.limit_bytes;
    while (limit > 0 && spaces->abandoned != NULL &&
           __atomic_load_n(&budget->used_bytes, __ATOMIC_RELAXED) + added_bytes > limit) {
        spaces_destroy_keyspace(spaces_take_abandoned(spaces));
    }
}

void spaces_replace(struct spaces *spaces, unsigned database, struct engine_keyspace *fresh)
{
    CHECK(database < spaces->count);
    struct engine_keyspace *old = spaces->databases[database];
    bound_abandoned(spaces, memory_of(old));
    index_set_budget(old->index, &spaces->abandoned_budget);
    pieces_table_set_budget(&old->pieces, &spaces->abandoned_budget);
    old->next = spaces->abandoned;
    spaces->abandoned = old;
    fresh->database = database;
    spaces->databases[database] = fresh;
}

void spaces_swap(struct spaces *spaces, unsigned a, unsigned b)
{
    CHECK(a < spaces->count && b < spaces->count);
    struct engine_keyspace *kept = spaces->databases[a];
    spaces->databases[a] = spaces->databases[b];
    spaces->databases[b] = kept;
    spaces->databases[a]->database = a;
    spaces->databases[b]->database = b;
}

struct engine_keyspace *spaces_take_abandoned(struct spaces *spaces)
{
    struct engine_keyspace *keyspace = spaces->abandoned;
    if (keyspace != NULL) {
        spaces->abandoned = keyspace->next;
    }
    return keyspace;
}
