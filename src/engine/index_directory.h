/*
 * index_directory.h - the inside of the index: tables by hash prefix, and how their number changes.
 *
 * Private to index.c, index_walk.c, index_image.c and index_directory.c; the engine knows index.h.
 *
 * Invariants (index_verify walks them):
 *  1. tables[i] is the table of all hashes whose upper `depth` bits are i. A table of depth d
 * stands in 2^(depth - d) neighbouring places, the first of them at a multiple of that.
 *  2. minima[i] is the minimum of tables[i] when i is the first place of its table, INDEX_NEVER at
 *     the other places: one walk over the minima sees each table once.
 *  3. The directory is no deeper than its deepest table, of which there are deepest_count.
 *
 * Threads and ownership: those of the index. Failure: INDEX_FULL or NO_MEMORY, nothing has changed.
 */
#ifndef SCDB_ENGINE_INDEX_DIRECTORY_H
#define SCDB_ENGINE_INDEX_DIRECTORY_H

#include "engine/index.h"
#include "engine/index_table.h"

struct index {
    struct index_table **tables; /* owned, as are the tables */
    uint32_t *minima;            /* owned */
    unsigned depth;
    uint64_t deepest_count; /* tables as deep as the directory */
    uint64_t count;
    uint64_t expiring_count;
    struct index_account account;
};

static inline uint64_t index_directory_size(const struct index *index)
{
    return (uint64_t)1 << index->depth;
}

static inline struct index_table *index_directory_find(const struct index *index, uint64_t hash)
{
    return index->tables[hash >> (INDEX_HASH_BITS - index->depth)];
}

/* In how many places the table stands. */
static inline uint64_t index_directory_places(const struct index *index,
                                              const struct index_table *table)
{
    return (uint64_t)1 << (index->depth - table->depth);
}

/* Makes the directory of an empty index: one place, one table. */
enum status index_directory_init(struct index *index, struct index_budget *budget) MUST_CHECK;
void index_directory_deinit(struct index *index);

/* Call when the minimum of the table of `hash` may have changed. */
void index_directory_note_minimum(struct index *index, const struct index_table *table,
                                  uint64_t hash);

/* An empty table that is in no directory yet, and the end of one. */
enum status index_directory_create_table(struct index *index, unsigned depth,
                                         struct index_table **out) MUST_CHECK;
void index_directory_destroy_table(struct index *index, struct index_table *table);

/* Puts `count` tables, which follow each other and hold all hashes together, in the place of an
 * empty index's only one; they are the index's then. */
enum status index_directory_adopt_tables(struct index *index, struct index_table **tables,
                                         size_t count) MUST_CHECK;

/* Makes the table of `hash` longer, or splits it. It may still be too full: hashes crowd. */
enum status index_directory_make_room(struct index *index, struct index_table *table,
                                      uint64_t hash) MUST_CHECK;

/* Merges the table of `hash` with its other half, and so on, while both are small. Without memory
 * for it, two tables are as good. */
void index_directory_merge(struct index *index, uint64_t hash);

/* CHECKs the invariants, those of the tables included, and the account. */
void index_directory_verify(const struct index *index);

#endif
