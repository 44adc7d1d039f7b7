/*
 * index_table.h - one table of the index: the slots of all hashes with one prefix, in order.
 *
 * What it is for: a table of depth d holds the hashes that begin with its d bits. A hash has a
 * home, its place if hashes were spread quite evenly, and stands there or as little behind it as
 * order allows. So a lookup starts at the home and ends at the first greater hash or empty slot.
 *
 * What it hides: how a slot is packed into 12 bytes, how slots move, and the expiry seconds that
 * lie beside them while any key of the table has an expiry.
 *
 * Invariants (index_table_verify walks them):
 *  1. Hashes never descend from one used slot to the next.
 *  2. No used slot stands before its home, and no empty one between a home and its slot.
 *  3. The last slot is empty, so that a walk needs no other end.
 *  4. expiry is NULL, or has a second for each slot: INDEX_NEVER where the slot is empty or its key
 *     has no expiry. minimum_s is the smallest of them, minimum_count how often it occurs.
 *
 * Threads: those of the index. Ownership: a table owns its memory; the account is borrowed for each
 * call. Failure: INDEX_FULL or NO_MEMORY, nothing has changed.
 */
#ifndef SCDB_ENGINE_INDEX_TABLE_H
#define SCDB_ENGINE_INDEX_TABLE_H

#include "engine/index.h"
#include "engine/index_block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_NEVER UINT32_MAX /* the expiry second of a key without an expiry */

/* 48 bits hash | 8 bits flags | 40 bits address. Aligned to 4, or it would take 16 bytes. */
struct index_slot {
    uint32_t hash_high;
    uint32_t mixed; /* hash, lower 16 bits | flags, 8 bits | address, upper 8 bits */
    uint32_t address_low;
};

_Static_assert(sizeof(struct index_slot) == 12, "a slot takes 12 bytes");

struct index_table {
    struct index_slot *slots; /* into slot_block, or one static empty slot */
    uint32_t *expiry;         /* into expiry_block, or NULL */
    uint32_t homes;           /* hashes are spread over [0, homes) */
    uint32_t slot_count;      /* homes, and room behind the last for what is pushed there */
    uint32_t count;
    uint32_t expiring_count;
    uint32_t minimum_s;
    uint32_t minimum_count;
    unsigned depth;
    struct index_block slot_block;
    struct index_block expiry_block;
};

/* --- slots ----------------------------------------------------------------------------------- */

static inline bool index_slot_used(struct index_slot slot)
{
    return (slot.address_low | (slot.mixed & 0xff)) != 0;
}

static inline uint64_t index_slot_hash(struct index_slot slot)
{
    return (uint64_t)slot.hash_high << 16 | slot.mixed >> 16;
}

static inline uint64_t index_slot_address(struct index_slot slot)
{
    return (uint64_t)(slot.mixed & 0xff) << 32 | slot.address_low;
}

/* Bit 4 of the flags: the key has an expiry. */
static inline bool index_slot_expires(struct index_slot slot)
{
    return (slot.mixed >> 8 & 0x10) != 0;
}

/* The same slot with another address. */
static inline struct index_slot index_slot_moved(struct index_slot slot, uint64_t address)
{
    slot.mixed = (slot.mixed & ~(uint32_t)0xff) | (uint32_t)(address >> 32);
    slot.address_low = (uint32_t)address;
    return slot;
}

/* The home of a hash among `homes`, in a table of this depth. */
static inline uint32_t index_home(uint64_t hash, unsigned depth, uint32_t homes)
{
    uint64_t upper = hash << (64 - INDEX_HASH_BITS + depth) >> 32;
    return (uint32_t)(upper * homes >> 32);
}

/* The first slot of this hash or of a greater one that stands where the hash would, or the empty
 * slot where it would go. */
static inline uint32_t index_table_seek(const struct index_table *table, uint64_t hash)
{
    uint32_t position = index_home(hash, table->depth, table->homes);
    /* Nearly always the upper bits alone tell; they are 0 in an empty slot. */
    uint32_t high = (uint32_t)(hash >> 16);
    while (table->slots[position].hash_high != 0 && table->slots[position].hash_high < high) {
        position++;
    }
    while (index_slot_used(table->slots[position]) &&
           index_slot_hash(table->slots[position]) < hash) {
        position++;
    }
    return position;
}

/* Is there a slot of this hash at `position`? */
static inline bool index_table_is(const struct index_table *table, uint32_t position, uint64_t hash)
{
    return index_slot_used(table->slots[position]) &&
           index_slot_hash(table->slots[position]) == hash;
}

/* Is the slot (hash, address) at `position`, which may be anything? */
static inline bool index_table_has(const struct index_table *table, uint32_t position,
                                   uint64_t hash, uint64_t address)
{
    return position < table->slot_count && index_table_is(table, position, hash) &&
           index_slot_address(table->slots[position]) == address;
}

/* Finds the slot (hash, address). */
bool index_table_find(const struct index_table *table, uint64_t hash, uint64_t address,
                      uint32_t *position);

/* What the slot at `position`, which is used, says. */
struct index_entry index_table_read(const struct index_table *table, uint32_t position);

/* --- life ------------------------------------------------------------------------------------ */

/* An empty table; it takes no memory before the first insert. */
void index_table_init(struct index_table *table, unsigned depth);
void index_table_deinit(struct index_table *table, struct index_account *account);

/* --- changes --------------------------------------------------------------------------------- */

/* Adds a slot, behind those of the same hash. False when the table is too full: make room first.
 * An entry with an expiry wants index_table_keep_expiry before. */
bool index_table_try_insert(struct index_table *table, const struct index_entry *entry);

/* Would index_table_try_insert of this hash add a slot? */
bool index_table_has_room(const struct index_table *table, uint64_t hash);

/* Makes sure that the table has an array of expiry seconds. */
enum status index_table_keep_expiry(struct index_table *table,
                                    struct index_account *account) MUST_CHECK;

/* Frees what no key needs: the array of expiry seconds, or all of an empty table. */
void index_table_give_back(struct index_table *table, struct index_account *account);

/* Gives the used slot at `position` what `entry` (same hash) says. */
void index_table_write(struct index_table *table, uint32_t position,
                       const struct index_entry *entry);

/* Changes the address of the used slot at `position`. */
void index_table_move(struct index_table *table, uint32_t position, uint64_t address);

/* Changes the clock of the used slot at `position`. */
void index_table_set_clock(struct index_table *table, uint32_t position, uint8_t clock);

void index_table_remove(struct index_table *table, uint32_t position);

/* --- size ------------------------------------------------------------------------------------ */

/* Would another quarter of slots pass INDEX_TABLE_SLOTS_MAX? Then the table had better split. */
bool index_table_is_large(const struct index_table *table);

/* Adds a quarter of the slots. */
enum status index_table_grow(struct index_table *table, struct index_account *account) MUST_CHECK;

/* Gives memory back when much of it is unused; tells whether it is
 * smaller or empty now. */
bool index_table_try_shrink(struct index_table *table, struct index_account *account);

/* Deepens the table by one bit; what has a 1 there moves to `upper`, an empty table. `boundary` is
 * the smallest hash of the upper half. */
enum status index_table_split(struct index_table *table, uint64_t boundary,
                              struct index_table *upper, struct index_account *account) MUST_CHECK;

/* Takes over the slots of `upper`, the other half of the same prefix, which becomes empty; the
 * table is less deep by one bit then. */
enum status index_table_merge(struct index_table *table, struct index_table *upper,
                              struct index_account *account) MUST_CHECK;

/* Fills an empty table with `count` slots in the order of their hashes, all of the table's prefix.
 * `seconds`: their expiry seconds; NULL when none expires. */
enum status index_table_load(struct index_table *table, const struct index_slot *slots,
                             const uint32_t *seconds, uint32_t count,
                             struct index_account *account) MUST_CHECK;

/* Finds minimum_s and minimum_count anew. */
void index_table_find_minimum(struct index_table *table);

/* Collects slots whose expiry second is at or before `limit_s`. */
size_t index_table_due(const struct index_table *table, uint32_t limit_s, struct index_entry *out,
                       size_t capacity);

/* CHECKs the invariants, and that all hashes begin with the prefix of `first`. */
void index_table_verify(const struct index_table *table, uint64_t first);

#endif
