/* recovery_candidates.c - see recovery_candidates.h. */
#include "engine/recovery_candidates.h"

#include "engine/recovery_threads.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RADIX_BITS 11
#define RADIX_SIZE ((size_t)1 << RADIX_BITS)

static_assert(sizeof(struct recovery_candidate) == 16, "there are as many as keys in the log");

void recovery_candidates_init(struct recovery_candidates *candidates)
{
    *candidates = (struct recovery_candidates){0};
}

void recovery_candidates_deinit(struct recovery_candidates *candidates)
{
    free(candidates->items);
    free(candidates->spare);
    recovery_candidates_init(candidates);
}

/* --- collecting ------------------------------------------------------------------------------ */

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

/* One thread's part of the table. */
struct collecting {
    RECOVERY_APART const struct recovery_settlement *settlement;
    struct recovery_candidates found;
    size_t from;
    size_t end;
    enum status status;
};

/* What index_find() does for all slots of the hash of the entry at `from`. */
static bool collect_slot(void *context, struct record_address address)
{
    struct collecting *collecting = context;
    struct recovery_candidates *candidates = &collecting->found;
    collecting->status = reserve_candidate(candidates);
    if (collecting->status != STATUS_OK) {
        return true; /* to end here */
    }
    uint64_t entry = collecting->from;
    candidates->address_bits |= address.units;
    candidates->items[candidates->count++] = (struct recovery_candidate){
        .address = address.units & (((uint64_t)1 << SEGMENT_ADDRESS_BITS) - 1),
        .verdict = RECOVERY_UNKNOWN,
        .entry_high = entry >> 32 & UINT16_MAX,
        .entry_low = (uint32_t)entry};
    return false;
}

static void collect(void *argument)
{
    struct collecting *collecting = argument;
    const struct recovery_settlement *settlement = collecting->settlement;
    const struct spaces *spaces = &settlement->engine->spaces;
    for (; collecting->from < collecting->end && collecting->status == STATUS_OK;
         collecting->from++) {
        struct recovery_entry *entry = &settlement->table->entries[collecting->from];
        if (!entry->is_used) {
            continue;
        }
        const struct engine_keyspace *keyspace =
            spaces_find(spaces, recovery_entry_keyspace(entry));
        if (keyspace == NULL) {
            entry->is_used = 0; /* flushed */
            continue;
        }
        struct index_entry unused;
        (void)index_find(keyspace->index, index_hash_of(entry->hash), collect_slot, collecting,
                         &unused);
    }
}

/* Puts those of `second`, of later entries, behind those of `first`, and asks for what sorting
 * needs. */
static enum status join(struct recovery_candidates *first, const struct recovery_candidates *second)
{
    size_t count = first->count + second->count;
    struct recovery_candidate *items = realloc(first->items, (count + 1) * sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    first->items = items;
    first->capacity = count;
    first->spare = malloc((count + 1) * sizeof(*items));
    if (first->spare == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (second->count > 0) {
        memcpy(items + first->count, second->items, second->count * sizeof(*items));
    }
    first->count = count;
    first->address_bits |= second->address_bits;
    return STATUS_OK;
}

enum status recovery_candidates_collect(struct recovery_candidates *candidates,
                                        const struct recovery_settlement *settlement)
{
    size_t capacity = settlement->table->capacity;
    struct collecting first = {.settlement = settlement, .end = capacity / 2};
    struct collecting second = {.settlement = settlement, .from = capacity / 2, .end = capacity};
    if (recovery_threads_pay(settlement->engine, capacity * sizeof(struct recovery_entry))) {
        recovery_threads_run(collect, &first, collect, &second);
    } else {
        collect(&first);
        collect(&second);
    }
    enum status status = first.status != STATUS_OK ? first.status : second.status;
    if (status == STATUS_OK) {
        status = join(&first.found, &second.found);
    }
    *candidates = first.found;
    recovery_candidates_deinit(&second.found);
    if (status == STATUS_OK) {
        recovery_candidates_sort_by_address(candidates);
    }
    return status;
}

/* --- sorting --------------------------------------------------------------------------------- */

/* RADIX_BITS of what the candidates are sorted by. */
struct digit {
    bool is_of_entry; /* of its place in the table; else of the address */
    unsigned shift;
};

static size_t digit_of(const struct recovery_candidate *candidate, struct digit digit)
{
    uint64_t number = digit.is_of_entry
                          ? (uint64_t)candidate->entry_high << 32 | candidate->entry_low
                          : candidate->address;
    return (size_t)(number >> digit.shift) & (RADIX_SIZE - 1);
}

/* Equal ones stay in their order. */
static void sort_by_digit(struct recovery_candidates *candidates, struct digit digit)
{
    const struct recovery_candidate *from = candidates->items;
    struct recovery_candidate *to = candidates->spare;
    size_t places[RADIX_SIZE + 1] = {0};
    for (size_t i = 0; i < candidates->count; i++) {
        places[digit_of(&from[i], digit) + 1]++;
    }
    for (size_t i = 0; i < RADIX_SIZE; i++) {
        places[i + 1] += places[i];
    }
    for (size_t i = 0; i < candidates->count; i++) {
        to[places[digit_of(&from[i], digit)]++] = from[i];
    }
    candidates->spare = candidates->items;
    candidates->items = to;
}

/* Radix sort, least digit first, over the bits that addresses have here. */
void recovery_candidates_sort_by_address(struct recovery_candidates *candidates)
{
    for (unsigned shift = 0; candidates->address_bits >> shift != 0; shift += RADIX_BITS) {
        sort_by_digit(candidates, (struct digit){.shift = shift});
    }
}

/* By the upper bits of the place: what has these in common lies near enough. */
void recovery_candidates_sort_by_entry(struct recovery_candidates *candidates,
                                       const struct recovery_table *table)
{
    unsigned bits = table->capacity_bits;
    sort_by_digit(candidates, (struct digit){.is_of_entry = true,
                                             .shift = bits > RADIX_BITS ? bits - RADIX_BITS : 0});
}
