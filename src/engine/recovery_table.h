/*
 * recovery_table.h - the newest record of each key, while a store is being opened.
 *
 * Files are read in no useful order (packed ones hold old and new), so for each key the record
 * with the greatest sequence number wins, and tombstones stay in the table until the end. Of two
 * with one sequence number one is a copy, made by a compaction that could not remove what it copied
 * from: a file of which it knew that it is damaged. The copy wins. It was verified when it was
 * made, is what was served since, and goes with the next compaction unless the index points at it.
 * It lies in the file with the greater number, so addresses have to ascend with those. Keys are
 * known by 128 bits of hash over (keyspace id, key), under the store's secret: what two keys of one
 * store would have to share by accident.
 *
 * Entries stand in the order of their hashes, but for some that were pushed aside: so going through
 * the table goes through an index in its order, too, and growing reads and writes memory forwards.
 *
 * Not thread-safe; owns its memory (48 bytes a key, doubling).
 */
#ifndef SCDB_ENGINE_RECOVERY_TABLE_H
#define SCDB_ENGINE_RECOVERY_TABLE_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recovery_entry {
    uint64_t hash;  /* the key's, as in the index */
    uint64_t check; /* 64 further bits, over keyspace id and key */
    uint64_t sequence;
    int64_t expiry_ms;
    uint64_t address : 40; /* struct record_address */
    uint64_t type : 7;
    uint64_t is_unreadable : 1; /* its value fails its checksum; only scdb-check looks ahead */
    uint64_t is_dead : 1;       /* a tombstone */
    uint64_t is_used : 1;
    uint64_t keyspace_high : 14;
    uint32_t keyspace_low;
    uint32_t units; /* size of the record, in units of 8 bytes */
};

#define RECOVERY_KEYSPACE_BITS 46

/* The keyspace id, which is below 2^46. */
static inline uint64_t recovery_entry_keyspace(const struct recovery_entry *entry)
{
    return (uint64_t)entry->keyspace_high << 32 | entry->keyspace_low;
}

/* The hash and the check of a key; `secret` is the store's. */
uint64_t recovery_entry_hash(const uint8_t *secret, struct slice key);
uint64_t recovery_entry_check(const uint8_t *secret, uint64_t keyspace_id, struct slice key);

struct recovery_table {
    struct recovery_entry *entries; /* owned; NULL while empty */
    size_t count;
    size_t capacity; /* 2 ^ capacity_bits, or 0 */
    unsigned capacity_bits;
};

void recovery_table_init(struct recovery_table *table);
void recovery_table_deinit(struct recovery_table *table);

/* Makes room for `count` keys at one go, when there will be about as many. NO_MEMORY: nothing has
 * changed. */
enum status recovery_table_reserve(struct recovery_table *table, size_t count) MUST_CHECK;

/* Brings the place of a key towards the CPU. */
void recovery_table_prefetch(const struct recovery_table *table, uint64_t hash);

/* Keeps `entry` when it is newer than what is there for its key, or a copy of that. NO_MEMORY:
 * nothing has changed. */
enum status recovery_table_offer(struct recovery_table *table,
                                 const struct recovery_entry *entry) MUST_CHECK;

/* The entry of a key, borrowed until the next offer; NULL when there is none. */
struct recovery_entry *recovery_table_find(const struct recovery_table *table, uint64_t hash,
                                           uint64_t check);

#endif
