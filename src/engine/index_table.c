/* index_table.c - see index_table.h. Sizes, growth and splits are in index_table_size.c. */
#include "engine/index_table.h"

#include "base/check.h"
#include "engine/record.h"

#include <string.h>

#define SLOT_TYPE_MASK   0x0fu
#define SLOT_EXPIRY_FLAG 0x10u
#define SLOT_CLOCK_SHIFT 5
#define SLOT_CLOCK_MASK  0x03u

#define ADDRESS_BITS     40

/* Seconds looked at in one go by index_table_due: the compiler makes vectors of it. */
#define DUE_STRIDE 16

/* --- slots ----------------------------------------------------------------------------------- */

static uint32_t slot_flags(struct index_slot slot)
{
    return slot.mixed >> 8 & 0xff;
}

static struct index_slot slot_of(const struct index_entry *entry)
{
    uint64_t address = entry->address.units;
    CHECK(entry->hash.bits >> INDEX_HASH_BITS == 0);
    CHECK(address != 0 && address >> ADDRESS_BITS == 0);
    CHECK(entry->type <= SLOT_TYPE_MASK && entry->clock <= SLOT_CLOCK_MASK);
    uint32_t flags = entry->type | (uint32_t)entry->clock << SLOT_CLOCK_SHIFT;
    if (entry->expiry_ms != EXPIRY_NONE) {
        flags |= SLOT_EXPIRY_FLAG;
    }
    return (struct index_slot){
        .hash_high = (uint32_t)(entry->hash.bits >> 16),
        .mixed = (uint32_t)entry->hash.bits << 16 | flags << 8 | (uint32_t)(address >> 32),
        .address_low = (uint32_t)address,
    };
}

/* Rounded up, so that a second that has come means a key that has expired. */
static uint32_t expiry_second(int64_t expiry_ms)
{
    if (expiry_ms == EXPIRY_NONE) {
        return INDEX_NEVER;
    }
    if (expiry_ms <= 0) {
        return 0;
    }
    int64_t second = expiry_ms / 1000 + (expiry_ms % 1000 != 0);
    return second < INDEX_NEVER ? (uint32_t)second : INDEX_NEVER - 1;
}

struct index_entry index_table_read(const struct index_table *table, uint32_t position)
{
    struct index_slot slot = table->slots[position];
    uint32_t flags = slot_flags(slot);
    bool expires = (flags & SLOT_EXPIRY_FLAG) != 0;
    return (struct index_entry){
        .hash = {.bits = index_slot_hash(slot)},
        .address = {.units = index_slot_address(slot)},
        .type = (uint8_t)(flags & SLOT_TYPE_MASK),
        .clock = (uint8_t)(flags >> SLOT_CLOCK_SHIFT & SLOT_CLOCK_MASK),
        .position = position,
        .expiry_ms = expires ? (int64_t)table->expiry[position] * 1000 : EXPIRY_NONE,
    };
}

bool index_table_find(const struct index_table *table, uint64_t hash, uint64_t address,
                      uint32_t *position)
{
    uint32_t at = index_table_seek(table, hash);
    for (; index_table_is(table, at, hash); at++) {
        if (index_slot_address(table->slots[at]) == address) {
            *position = at;
            return true;
        }
    }
    return false;
}

/* --- expiry ---------------------------------------------------------------------------------- */

void index_table_find_minimum(struct index_table *table)
{
    uint32_t minimum = INDEX_NEVER;
    uint32_t minimum_count = 0;
    if (table->expiry != NULL && table->expiring_count > 0) {
        for (uint32_t i = 0; i < table->slot_count; i++) {
            minimum = table->expiry[i] < minimum ? table->expiry[i] : minimum;
        }
        for (uint32_t i = 0; i < table->slot_count; i++) {
            minimum_count += table->expiry[i] == minimum;
        }
    }
    table->minimum_s = minimum;
    table->minimum_count = minimum_count;
}

static void expiry_added(struct index_table *table, uint32_t second)
{
    if (second == INDEX_NEVER) {
        return;
    }
    table->expiring_count++;
    if (second < table->minimum_s) {
        table->minimum_s = second;
        table->minimum_count = 0;
    }
    table->minimum_count += second == table->minimum_s;
}

/* Call when the array no longer holds the second. */
static void expiry_removed(struct index_table *table, uint32_t second)
{
    if (second == INDEX_NEVER) {
        return;
    }
    table->expiring_count--;
    if (second == table->minimum_s) {
        table->minimum_count--;
        if (table->minimum_count == 0) {
            index_table_find_minimum(table);
        }
    }
}

size_t index_table_due(const struct index_table *table, uint32_t limit_s, struct index_entry *out,
                       size_t capacity)
{
    if (table->minimum_s > limit_s) {
        return 0;
    }
    CHECK(limit_s < INDEX_NEVER);
    size_t filled = 0;
    for (uint32_t start = 0; start < table->slot_count; start += DUE_STRIDE) {
        uint32_t end = start + DUE_STRIDE;
        if (end <= table->slot_count) {
            bool any = false;
            for (uint32_t i = start; i < start + DUE_STRIDE; i++) {
                any |= table->expiry[i] <= limit_s;
            }
            if (!any) {
                continue;
            }
        } else {
            end = table->slot_count;
        }
        for (uint32_t i = start; i < end; i++) {
            if (table->expiry[i] > limit_s) {
                continue;
            }
            if (filled == capacity) {
                return filled;
            }
            out[filled++] = index_table_read(table, i);
        }
    }
    return filled;
}

/* --- changes --------------------------------------------------------------------------------- */

/* Opens the slot at `position`: those from there to `end`, which is empty, move up by one. */
static void shift_up(struct index_table *table, uint32_t position, uint32_t end)
{
    size_t moved = end - position;
    memmove(&table->slots[position + 1], &table->slots[position], moved * sizeof(*table->slots));
    if (table->expiry != NULL) {
        memmove(&table->expiry[position + 1], &table->expiry[position],
                moved * sizeof(*table->expiry));
    }
}

/* Closes the slot at `position`: those behind it, up to `end`, move down by one. */
static void shift_down(struct index_table *table, uint32_t position, uint32_t end)
{
    size_t moved = end - position - 1;
    memmove(&table->slots[position], &table->slots[position + 1], moved * sizeof(*table->slots));
    table->slots[end - 1] = (struct index_slot){0};
    if (table->expiry != NULL) {
        memmove(&table->expiry[position], &table->expiry[position + 1],
                moved * sizeof(*table->expiry));
        table->expiry[end - 1] = INDEX_NEVER;
    }
}

/* Where a new slot of this hash would go; those from there to *end would make room. False: the
 * table is too full. */
static bool find_room(const struct index_table *table, uint64_t hash, uint32_t *position,
                      uint32_t *end)
{
    /* Seven eighths full is as full as it gets: beyond, the walks grow long. */
    if ((uint64_t)table->count * 8 >= (uint64_t)table->homes * 7) {
        return false;
    }
    uint32_t at = index_table_seek(table, hash);
    while (index_table_is(table, at, hash)) {
        at++;
    }
    *position = at;
    while (index_slot_used(table->slots[at])) {
        at++;
    }
    *end = at;
    return at + 1 < table->slot_count; /* The last slot stays empty. */
}

bool index_table_has_room(const struct index_table *table, uint64_t hash)
{
    uint32_t position;
    uint32_t end;
    return find_room(table, hash, &position, &end);
}

bool index_table_try_insert(struct index_table *table, const struct index_entry *entry)
{
    uint32_t position;
    uint32_t end;
    if (!find_room(table, entry->hash.bits, &position, &end)) {
        return false;
    }
    struct index_slot slot = slot_of(entry);
    shift_up(table, position, end);
    table->slots[position] = slot;
    table->count++;
    uint32_t second = expiry_second(entry->expiry_ms);
    if (table->expiry != NULL) {
        table->expiry[position] = second;
    }
    CHECK(table->expiry != NULL || second == INDEX_NEVER);
    expiry_added(table, second);
    return true;
}

void index_table_write(struct index_table *table, uint32_t position,
                       const struct index_entry *entry)
{
    CHECK(index_table_is(table, position, entry->hash.bits));
    uint32_t second = expiry_second(entry->expiry_ms);
    CHECK(table->expiry != NULL || second == INDEX_NEVER);
    table->slots[position] = slot_of(entry);
    if (table->expiry == NULL) {
        return;
    }
    uint32_t before = table->expiry[position];
    table->expiry[position] = second;
    expiry_added(table, second);
    expiry_removed(table, before);
}

void index_table_move(struct index_table *table, uint32_t position, uint64_t address)
{
    CHECK(address != 0 && address >> ADDRESS_BITS == 0);
    struct index_slot *slot = &table->slots[position];
    CHECK(index_slot_used(*slot));
    slot->mixed = (slot->mixed & ~(uint32_t)0xff) | (uint32_t)(address >> 32);
    slot->address_low = (uint32_t)address;
}

void index_table_set_clock(struct index_table *table, uint32_t position, uint8_t clock)
{
    CHECK(clock <= SLOT_CLOCK_MASK && index_slot_used(table->slots[position]));
    uint32_t *mixed = &table->slots[position].mixed;
    *mixed = (*mixed & ~(SLOT_CLOCK_MASK << (8 + SLOT_CLOCK_SHIFT))) |
             (uint32_t)clock << (8 + SLOT_CLOCK_SHIFT);
}

void index_table_remove(struct index_table *table, uint32_t position)
{
    CHECK(index_slot_used(table->slots[position]));
    uint32_t second = table->expiry != NULL ? table->expiry[position] : INDEX_NEVER;
    uint32_t end = position + 1;
    while (index_slot_used(table->slots[end]) &&
           index_home(index_slot_hash(table->slots[end]), table->depth, table->homes) < end) {
        end++;
    }
    shift_down(table, position, end);
    table->count--;
    expiry_removed(table, second);
}

/* --- invariants ------------------------------------------------------------------------------ */

static void verify_slot(const struct index_table *table, uint32_t position, uint64_t first)
{
    struct index_slot slot = table->slots[position];
    uint64_t hash = index_slot_hash(slot);
    if (table->depth > 0) {
        CHECK((hash ^ first) >> (INDEX_HASH_BITS - table->depth) == 0);
    }
    uint32_t home = index_home(hash, table->depth, table->homes);
    CHECK(home < table->homes && home <= position);
    CHECK(home == position || index_slot_used(table->slots[position - 1]));
    bool expires = (slot_flags(slot) & SLOT_EXPIRY_FLAG) != 0;
    CHECK(expires == (table->expiry != NULL && table->expiry[position] != INDEX_NEVER));
}

/* That no slot between home and position is empty follows from each neighbour's being used: a slot
 * away from its home has a used one before it, whose home is no later. */
void index_table_verify(const struct index_table *table, uint64_t first)
{
    uint64_t previous = 0;
    uint32_t count = 0;
    uint32_t expiring = 0;
    for (uint32_t i = 0; i < table->slot_count; i++) {
        bool used = index_slot_used(table->slots[i]);
        if (used) {
            verify_slot(table, i, first);
            CHECK(index_slot_hash(table->slots[i]) >= previous);
            previous = index_slot_hash(table->slots[i]);
            count++;
        } else {
            CHECK(index_slot_hash(table->slots[i]) == 0 && slot_flags(table->slots[i]) == 0);
            CHECK(table->expiry == NULL || table->expiry[i] == INDEX_NEVER);
        }
        expiring += table->expiry != NULL && table->expiry[i] != INDEX_NEVER;
    }
    CHECK(count == table->count && expiring == table->expiring_count);
    CHECK(!index_slot_used(table->slots[table->slot_count == 0 ? 0 : table->slot_count - 1]));
    CHECK(table->slot_count * sizeof(struct index_slot) <= table->slot_block.size);
    CHECK(table->expiry == NULL ||
          table->slot_count * sizeof(*table->expiry) <= table->expiry_block.size);
    struct index_table fresh = *table;
    index_table_find_minimum(&fresh);
    CHECK(fresh.minimum_s == table->minimum_s && fresh.minimum_count == table->minimum_count);
}
