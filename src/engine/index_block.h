/*
 * index_block.h - the memory of the index's tables: resized in place, counted against a budget.
 *
 * What it is for: tables grow by a quarter, and all of them at about the same time, because hashes
 * are evenly spread. A heap answers that with holes that fit nothing. So a block that has grown
 * beyond a few pages gets a range of addresses as long as a table ever needs, and takes memory for
 * the part that it uses; growing and shrinking touch pages and move nothing.
 *
 * Threads: as the index, but that an account's budget may be shared by indexes of several threads
 * (a dropped keyspace is freed in the background).
 * Ownership: a block owns its data. An account borrows its budget.
 * Failure: growing returns INDEX_FULL (the budget) or NO_MEMORY, nothing has changed; the content
 * is kept by growing and, up to the new size, by shrinking, which can't fail.
 */
#ifndef SCDB_ENGINE_INDEX_BLOCK_H
#define SCDB_ENGINE_INDEX_BLOCK_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct index_budget;

/* What one index has taken from its store's budget. */
struct index_account {
    struct index_budget *budget;
    uint64_t used_bytes;
};

/* Takes bytes; INDEX_FULL when the budget's limit would be passed. */
enum status index_account_take(struct index_account *account, size_t bytes) MUST_CHECK;

/* Takes bytes whatever the limit: for what must not fail, such as an empty index. */
void index_account_force(struct index_account *account, size_t bytes);
void index_account_give(struct index_account *account, size_t bytes);

/* What was taken, and what will be, counts in this budget, whatever its limit. */
void index_account_move(struct index_account *account, struct index_budget *budget);

/* What a heap really spends on an allocation of `size` bytes. */
size_t index_heap_cost(size_t size);

struct index_block {
    void *data;      /* NULL while size is 0 */
    size_t size;     /* usable bytes */
    size_t mapped;   /* addresses held by mmap; 0: the data is on the heap */
    size_t expected; /* addresses to hold when mapping; 0: always on the heap */
};

void index_block_init(struct index_block *block, size_t expected);
void index_block_deinit(struct index_block *block, struct index_account *account);

/* The usable size of a block of which `size` bytes are wanted: somewhat more, at no cost. */
size_t index_block_usable(const struct index_block *block, size_t size);

enum status index_block_grow(struct index_block *block, size_t size,
                             struct index_account *account) MUST_CHECK;
void index_block_shrink(struct index_block *block, size_t size, struct index_account *account);

#endif
