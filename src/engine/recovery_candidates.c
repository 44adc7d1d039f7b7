/* recovery_candidates.c - see recovery_candidates.h. */
#include "engine/recovery_candidates.h"

#include <stdlib.h>

#define RADIX_BITS 10
#define RADIX_SIZE ((size_t)1 << RADIX_BITS)

void recovery_candidates_init(struct recovery_candidates *candidates)
{
    *candidates = (struct recovery_candidates){0};
}

void recovery_candidates_deinit(struct recovery_candidates *candidates)
{
    free(candidates->items);
    recovery_candidates_init(candidates);
}

static enum status reserve_candidate(struct recovery_candidates *candidates)
{
    if (candidates->count < candidates->capacity) {
        return STATUS_OK;
    }
    size_t capacity = candidates->capacity == 0 ? 1024 : candidates->capacity * 2;
    struct recovery_candidate *items = realloc(candidates->items, capacity * sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    candidates->items = items;
    candidates->capacity = capacity;
    return STATUS_OK;
}

/* What index_find() does for all slots of the entry's hash. */
struct collecting {
    struct recovery_candidates *candidates;
    struct recovery_entry *entry;
    enum status status;
};

static bool collect_slot(void *context, struct record_address address)
{
    struct collecting *collecting = context;
    struct recovery_candidates *candidates = collecting->candidates;
    collecting->status = reserve_candidate(candidates);
    if (collecting->status != STATUS_OK) {
        return true; /* to end here */
    }
    candidates->items[candidates->count++] =
        (struct recovery_candidate){.address = address.units, .entry = collecting->entry};
    return false;
}

static enum status collect(struct recovery_candidates *candidates,
                           const struct recovery_settlement *settlement)
{
    const struct spaces *spaces = &settlement->engine->spaces;
    for (size_t i = 0; i < settlement->table->capacity; i++) {
        struct recovery_entry *entry = &settlement->table->entries[i];
        if (!entry->is_used) {
            continue;
        }
        const struct engine_keyspace *keyspace =
            spaces_find(spaces, recovery_entry_keyspace(entry));
        if (keyspace == NULL) {
            entry->is_used = 0; /* flushed */
            continue;
        }
        struct collecting collecting = {.candidates = candidates, .entry = entry};
        struct index_entry unused;
        (void)index_find(keyspace->index, index_hash_of(entry->hash), collect_slot, &collecting,
                         &unused);
        if (collecting.status != STATUS_OK) {
            return collecting.status;
        }
    }
    return STATUS_OK;
}

/* One pass of the sort: by RADIX_BITS of the address. */
static void sort_by_digit(const struct recovery_candidate *from, struct recovery_candidate *to,
                          size_t count, unsigned shift)
{
    size_t places[RADIX_SIZE + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        places[(from[i].address >> shift & (RADIX_SIZE - 1)) + 1]++;
    }
    for (size_t i = 0; i < RADIX_SIZE; i++) {
        places[i + 1] += places[i];
    }
    for (size_t i = 0; i < count; i++) {
        to[places[from[i].address >> shift & (RADIX_SIZE - 1)]++] = from[i];
    }
}

/* Radix sort, least digit first, over the SEGMENT_ADDRESS_BITS that an address has. NO_MEMORY. */
static enum status sort_by_address(struct recovery_candidates *candidates)
{
    struct recovery_candidate *other = malloc((candidates->count + 1) * sizeof(*other));
    if (other == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (unsigned shift = 0; shift < SEGMENT_ADDRESS_BITS; shift += RADIX_BITS) {
        sort_by_digit(candidates->items, other, candidates->count, shift);
        struct recovery_candidate *sorted = other;
        other = candidates->items;
        candidates->items = sorted;
    }
    free(other);
    candidates->capacity = candidates->count + 1;
    return STATUS_OK;
}

enum status recovery_candidates_collect(struct recovery_candidates *candidates,
                                        const struct recovery_settlement *settlement)
{
    enum status status = collect(candidates, settlement);
    return status == STATUS_OK ? sort_by_address(candidates) : status;
}
