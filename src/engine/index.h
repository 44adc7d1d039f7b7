/*
 * index.h - hash of a key -> address of its newest record, for one keyspace, in memory.
 *
 * Extendible hashing (Fagin, Nievergelt, Pippenger, Strong, TODS 1979): a directory by hash prefix
 * points to tables; a table keeps its slots in the order of their hashes (linear probing that
 * keeps the order, Amble and Knuth 1974), grows by a quarter up to 8,192 slots and then splits in
 * two, so that no step of growth takes more than tens of microseconds or needs a key from disk. A
 * slot is 12 bytes: 48 bits of hash, 40 bits of address, 8 bits of flags. A table with expiring
 * keys has an array of expiry seconds beside it, with its minimum; the minima of all tables lie
 * together, so that finding what is due never looks at a table where nothing is.
 *
 * The index does not know keys: where a hash matches, the caller compares the key (in the record)
 * through a callback. Several keys of one 48-bit hash are rare, and right.
 *
 * Not thread-safe: the caller holds the execution lock. Out parameters are untouched on failure.
 */
#ifndef SCDB_ENGINE_INDEX_H
#define SCDB_ENGINE_INDEX_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_HASH_BITS       48
#define INDEX_TABLE_SLOTS_MAX 8192

/* Where a record lies, in units of 8 bytes over all segments: segment handle, then offset. Never 0
 * (offset 0 of a segment is its header). Below 2^40. */
struct record_address {
    uint64_t units;
};

/* The upper 48 bits of a key's 64-bit hash. */
struct index_hash {
    uint64_t bits;
};

static inline struct index_hash index_hash_of(uint64_t hash64)
{
    return (struct index_hash){.bits = hash64 >> (64 - INDEX_HASH_BITS)};
}

/* What a slot says of its record. */
struct index_entry {
    struct index_hash hash;
    struct record_address address;
    uint8_t type;      /* value type, 0..15 */
    uint8_t clock;     /* 0..3, for eviction */
    uint32_t position; /* in its table, when it was read: where a replacement looks first */
    int64_t expiry_ms; /* EXPIRY_NONE (INT64_MAX) = none; rounded UP to a whole second when read
                          back from the index (and at most UINT32_MAX - 1 seconds): exact ones are
                          in the record */
};

struct index; /* opaque */

/* Is the record at `address` the one of the key that is looked for? */
typedef bool index_match(void *context, struct record_address address);

/* Bytes shared by all indexes of a store: counted against index-memory-limit. */
struct index_budget {
    uint64_t used_bytes;
    uint64_t limit_bytes; /* 0 = no limit; may change at any time */
};

/* An empty index costs at most a few hundred bytes. `budget` is borrowed for its life. */
enum status index_create(struct index_budget *budget, struct index **out) MUST_CHECK;
void index_destroy(struct index *index);

/* It counts in another budget from now on, whatever that one's limit. */
void index_set_budget(struct index *index, struct index_budget *budget);

uint64_t index_count(const struct index *index);          /* keys */
uint64_t index_expiring_count(const struct index *index); /* keys with an expiry */
uint64_t index_memory(const struct index *index);         /* bytes */

/* Where `hash` will be looked up: somewhere in the cache line of this address or in the next one.
 * To prefetch, not to be read. */
const char *index_line(const struct index *index, struct index_hash hash);

/* The address of the first slot whose hash matches, without comparing any key: to prefetch the
 * record. False when there is none. */
bool index_peek(const struct index *index, struct index_hash hash, struct record_address *out);

/* Finds the slot with this hash for which match() is true. */
bool index_find(const struct index *index, struct index_hash hash, index_match *match,
                void *context, struct index_entry *out);

/* Is there a slot with this hash that points to this very record? */
bool index_has(const struct index *index, struct index_hash hash, struct record_address address);

/* Adds a slot; the caller knows that the key is not in the index. INDEX_FULL when the budget would
 * be passed, NO_MEMORY; nothing has changed then. */
enum status index_insert(struct index *index, const struct index_entry *entry) MUST_CHECK;

/*
 * Makes sure that the next change of the index succeeds, if it is the insert of this hash (`fresh`)
 * or a replace of it; `expires`: with an expiry. For who can't take back what it does in between.
 * INDEX_FULL, NO_MEMORY: nothing has changed.
 */
enum status index_reserve(struct index *index, struct index_hash hash, bool fresh,
                          bool expires) MUST_CHECK;

/* Replaces the slot (entry->hash, old) by `entry` (same hash). Can fail with NO_MEMORY or
 * INDEX_FULL only where an expiry array must be made; nothing has changed then. NOT_FOUND when
 * there is no such slot. */
enum status index_replace(struct index *index, struct record_address old,
                          const struct index_entry *entry) MUST_CHECK;

/* Moves a slot to another address (compaction), all else unchanged; false when there is no slot
 * (hash, old). */
bool index_move(struct index *index, struct index_hash hash, struct record_address old,
                struct record_address fresh);

/* Removes the slot (hash, address); false when there is none. Tables shrink again and merge. */
bool index_remove(struct index *index, struct index_hash hash, struct record_address address);

/*
 * Visits in the order of hashes, from `*cursor` on (0 = from the start), at least `count` slots,
 * going on to the last slot of the same hash; *cursor becomes where to go on, 0 at the end. Cursors
 * stay below 2^48 and mean the same whatever has been inserted, removed, grown or split in between:
 * a key present throughout is visited exactly once. `visit` must not change the index.
 */
void index_scan(const struct index *index, uint64_t *cursor, size_t count,
                void (*visit)(void *context, const struct index_entry *entry), void *context);

/* Which slots index_sample looks for. */
struct index_sampling {
    size_t count;       /* how many of them, at most */
    bool expiring_only; /* those of keys with an expiry */
};

/*
 * Tells slots from `*cursor` (a hash, 0 to start with) on, going round at the end, and moves the
 * cursor behind them: so each slot has its turn, and none has two before all had one. Neighbours
 * have nothing in common but their hashes. Returns how many; fewer than asked for when there are
 * fewer, or when it would take long to find more: then the next call goes on behind them.
 */
size_t index_sample(const struct index *index, uint64_t *cursor,
                    const struct index_sampling *sampling, struct index_entry *out);

/* Sets the clock (0..3) of the slot (hash, address), which is there. */
void index_set_clock(struct index *index, struct index_hash hash, struct record_address address,
                     uint8_t clock);

/* A slot chosen with near equal probability, `random` being 64 random bits; false when empty. */
bool index_random(const struct index *index, uint64_t random, struct index_entry *out);

/*
 * Collects up to `capacity` slots whose expiry second is at or before `now_s`, from table to table
 * as the minima tell. Returns how many; 0 = nothing is due. Removes nothing.
 */
size_t index_due(const struct index *index, int64_t now_s, struct index_entry *out,
                 size_t capacity);

/* Sum over keys with an expiry of seconds left after `now_s` and how many (INFO avg_ttl): an
 * estimate from at most a few tables. */
int64_t index_average_ttl_ms(const struct index *index, int64_t now_ms);

/* Walks every invariant; CHECKs. For tests. */
void index_verify(const struct index *index);

#endif
