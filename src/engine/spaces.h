/*
 * spaces.h - the keyspaces of a store, and the map database -> keyspace.
 *
 * A keyspace has an id that is never used again, and an index. FLUSHDB gives a database a new id,
 * SWAPDB exchanges two: either is one change of the map. The index of an id that left the map is
 * put aside, to be freed where nobody waits for it (spaces_take_abandoned). It does not count
 * against the limit any more: who has emptied a database finds room in it at once.
 *
 * Not thread-safe: the caller holds the execution lock. Ownership: spaces own their indexes.
 */
#ifndef SCDB_ENGINE_SPACES_H
#define SCDB_ENGINE_SPACES_H

#include "base/status.h"
#include "engine/index.h"
#include "engine/pieces.h"

#include <stddef.h>
#include <stdint.h>

struct engine_keyspace {
    uint64_t id;
    unsigned database;            /* that maps to it */
    struct index *index;          /* owned */
    struct pieces_table pieces;   /* of its large strings */
    uint64_t sample_cursor;       /* of index_sample */
    struct engine_keyspace *next; /* in the list of abandoned ones */
};

struct spaces {
    struct engine_keyspace **databases; /* owned, and so are the keyspaces */
    size_t count;
    uint64_t next_id;
    uint64_t map_sequence;             /* of the record that made the map what it is */
    struct engine_keyspace *abandoned; /* owned */
    struct index_budget budget;
    struct index_budget abandoned_budget; /* without a limit: of those, until they are freed */
};

/* Makes `count` databases with the given ids, of spaces that are all zero, but for a budget that
 * counts keyspaces which were created already. NO_MEMORY: there are no databases. */
enum status spaces_init(struct spaces *spaces, const uint64_t *ids, size_t count, uint64_t next_id,
                        uint64_t index_memory_limit) MUST_CHECK;
void spaces_deinit(struct spaces *spaces);

/* The keyspace with this id, NULL when no database maps to it. */
struct engine_keyspace *spaces_find(const struct spaces *spaces, uint64_t id);

uint64_t spaces_key_count(const struct spaces *spaces);
uint64_t spaces_index_memory(const struct spaces *spaces);

/* A new, empty keyspace, not in the map yet; frees one that never came into it. */
enum status spaces_create_keyspace(struct spaces *spaces, uint64_t id,
                                   struct engine_keyspace **out) MUST_CHECK;
void spaces_destroy_keyspace(struct engine_keyspace *keyspace);

/* Puts a keyspace that was created before the map was known (taken over) in the place of the empty
 * one that has its id; it is freed when no database maps to it. */
void spaces_adopt(struct spaces *spaces, struct engine_keyspace *keyspace);

/*
 * Puts `fresh` (taken over) in the place of the database's keyspace, which is abandoned. Those that
 * were abandoned before are freed here and now if they and this one would take more than the limit
 * of all: so memory stays below twice the limit, and what is being freed.
 */
void spaces_replace(struct spaces *spaces, unsigned database, struct engine_keyspace *fresh);

void spaces_swap(struct spaces *spaces, unsigned a, unsigned b);

/* Takes one abandoned keyspace out, for spaces_destroy_keyspace(); NULL when there is none. That
 * may come without the lock. */
struct engine_keyspace *spaces_take_abandoned(struct spaces *spaces);

#endif
