/* pieces.c - see pieces.h. */
#include "engine/pieces.h"

#include "base/check.h"
#include "engine/pieces_order.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 8
#define BLOCK_SIZE    (PIECES_PER_BLOCK * sizeof(struct piece))

/* The bits of a header's place. */
#define IS_HEADER  ((uint64_t)1 << 63)
#define SHIFT_AT   40
#define SIZE_MASK  (((uint64_t)1 << SHIFT_AT) - 1)
#define SHIFT_MASK 0xffu

/* --- the place of a record ------------------------------------------------------------------ */

bool pieces_place_is_ordinal(uint64_t place)
{
    return (place & IS_HEADER) == 0;
}

bool pieces_is_header(const struct record *record)
{
    return !pieces_place_is_ordinal(record->place);
}

uint64_t pieces_encode_shape(struct pieces_shape shape)
{
    return IS_HEADER | (uint64_t)shape.shift << SHIFT_AT | shape.size;
}

enum status pieces_decode_shape(uint64_t place, struct pieces_shape *out)
{
    struct pieces_shape shape = {.size = place & SIZE_MASK,
                                 .shift = (unsigned)(place >> SHIFT_AT & SHIFT_MASK)};
    if (pieces_encode_shape(shape) != place || shape.size > RECORD_VALUE_SIZE_MAX ||
        shape.shift < PIECES_SHIFT_MIN || shape.shift > PIECES_SHIFT_MAX) {
        return STATUS_CORRUPT;
    }
    *out = shape;
    return STATUS_OK;
}

uint64_t pieces_record_size(uint64_t size)
{
    return record_size(0, size, false, true);
}

/* --- one string ----------------------------------------------------------------------------- */

static bool is_nothing(struct piece piece)
{
    return piece.sequence == 0;
}

static const struct piece *block_of(const struct pieces *pieces, uint64_t ordinal)
{
    uint64_t block = ordinal / PIECES_PER_BLOCK;
    return block < pieces->block_count ? pieces->blocks[block] : NULL;
}

struct piece pieces_get(const struct pieces *pieces, uint64_t ordinal)
{
    const struct piece *block = block_of(pieces, ordinal);
    return block != NULL ? block[ordinal % PIECES_PER_BLOCK] : (struct piece){0};
}

void pieces_set(struct pieces *pieces, uint64_t ordinal, struct piece piece)
{
    CHECK(block_of(pieces, ordinal) != NULL);
    pieces->blocks[ordinal / PIECES_PER_BLOCK][ordinal % PIECES_PER_BLOCK] = piece;
}

bool pieces_next(const struct pieces *pieces, uint64_t *ordinal)
{
    uint64_t next = *ordinal;
    while (next / PIECES_PER_BLOCK < pieces->block_count) {
        const struct piece *block = block_of(pieces, next);
        if (block == NULL) {
            next = (next / PIECES_PER_BLOCK + 1) * PIECES_PER_BLOCK;
        } else if (is_nothing(block[next % PIECES_PER_BLOCK])) {
            next++;
        } else {
            *ordinal = next;
            return true;
        }
    }
    return false;
}

void pieces_free(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->block_count; i++) {
        free(pieces->blocks[i]);
    }
    free(pieces->blocks);
    free(pieces);
}

/* --- all of a keyspace ------------------------------------------------------------------------ */

void pieces_table_init(struct pieces_table *table, struct index_budget *budget)
{
    *table = (struct pieces_table){.account = {.budget = budget}, .epoch = 1};
}

void pieces_table_deinit(struct pieces_table *table)
{
    pieces_order_forget(table);
    struct pieces *pieces = pieces_table_next(table, NULL);
    while (pieces != NULL) {
        struct pieces *next = pieces_table_next(table, pieces);
        pieces_table_remove(table, pieces);
        pieces_free(pieces);
        pieces = next;
    }
    index_account_give(&table->account, table->bucket_count * sizeof(struct pieces *));
    free(table->buckets);
    table->buckets = NULL;
    table->bucket_count = 0;
}

void pieces_table_set_budget(struct pieces_table *table, struct index_budget *budget)
{
    index_account_move(&table->account, budget);
}

uint64_t pieces_table_memory(const struct pieces_table *table)
{
    return table->account.used_bytes;
}

static size_t bucket_of(const struct pieces_table *table, uint64_t id)
{
    return (size_t)(id * 0x9e3779b97f4a7c15u >> 32) & (table->bucket_count - 1);
}

struct pieces *pieces_table_find(const struct pieces_table *table, uint64_t id)
{
    struct pieces *pieces = table->bucket_count == 0 ? NULL : table->buckets[bucket_of(table, id)];
    while (pieces != NULL && pieces->id != id) {
        pieces = pieces->next;
    }
    return pieces;
}

static void link_into(struct pieces_table *table, struct pieces *pieces)
{
    struct pieces **bucket = &table->buckets[bucket_of(table, pieces->id)];
    pieces->next = *bucket;
    *bucket = pieces;
}

/* Room for one more. Where there is no memory for more buckets, those that are there get longer. */
static enum status grow_buckets(struct pieces_table *table)
{
    if (table->count < table->bucket_count) {
        return STATUS_OK;
    }
    struct pieces_table old = *table;
    size_t count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    struct pieces **buckets = calloc(count, sizeof(struct pieces *));
    if (buckets == NULL) {
        return old.bucket_count == 0 ? STATUS_NO_MEMORY : STATUS_OK;
    }
    index_account_force(&table->account, (count - old.bucket_count) * sizeof(struct pieces *));
    table->buckets = buckets;
    table->bucket_count = count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct pieces *pieces = old.buckets[i];
        while (pieces != NULL) {
            struct pieces *next = pieces->next;
            link_into(table, pieces);
            pieces = next;
        }
    }
    free(old.buckets);
    return STATUS_OK;
}

enum status pieces_table_add(struct pieces_table *table, uint64_t id, uint64_t keyspace_id,
                             struct pieces **out)
{
    CHECK(pieces_table_find(table, id) == NULL);
    enum status status = grow_buckets(table);
    if (status != STATUS_OK) {
        return status;
    }
    size_t cost = index_heap_cost(sizeof(struct pieces));
    status = index_account_take(&table->account, cost);
    if (status != STATUS_OK) {
        return status;
    }
    struct pieces *pieces = calloc(1, sizeof(*pieces));
    if (pieces == NULL) {
        index_account_give(&table->account, cost);
        return STATUS_NO_MEMORY;
    }
    pieces->id = id;
    pieces->keyspace_id = keyspace_id;
    pieces->cost = cost;
    link_into(table, pieces);
    pieces_order_add(table, pieces);
    table->count++;
    *out = pieces;
    return STATUS_OK;
}

/* Memory of the string's own, counted. NULL: *status says why. */
static void *take_memory(struct pieces_table *table, struct pieces *pieces, size_t size,
                         enum status *status)
{
    size_t cost = index_heap_cost(size);
    *status = index_account_take(&table->account, cost);
    if (*status != STATUS_OK) {
        return NULL;
    }
    void *memory = calloc(1, size);
    if (memory == NULL) {
        index_account_give(&table->account, cost);
        *status = STATUS_NO_MEMORY;
        return NULL;
    }
    pieces->cost += cost;
    return memory;
}

static enum status grow_directory(struct pieces_table *table, struct pieces *pieces, size_t wanted)
{
    if (wanted <= pieces->block_count) {
        return STATUS_OK;
    }
    size_t count = wanted > pieces->block_count * 2 ? wanted : pieces->block_count * 2;
    enum status status;
    struct piece **blocks = take_memory(table, pieces, count * sizeof(struct piece *), &status);
    if (blocks == NULL) {
        return status;
    }
    if (pieces->block_count > 0) {
        memcpy(blocks, pieces->blocks, pieces->block_count * sizeof(struct piece *));
        size_t cost = index_heap_cost(pieces->block_count * sizeof(struct piece *));
        index_account_give(&table->account, cost);
        pieces->cost -= cost;
    }
    free(pieces->blocks);
    pieces->blocks = blocks;
    pieces->block_count = count;
    return STATUS_OK;
}

enum status pieces_table_reserve(struct pieces_table *table, struct pieces *pieces, uint64_t first,
                                 uint64_t end)
{
    if (first == end) {
        return STATUS_OK;
    }
    size_t last_block = (size_t)((end - 1) / PIECES_PER_BLOCK);
    enum status status = grow_directory(table, pieces, last_block + 1);
    for (size_t i = (size_t)(first / PIECES_PER_BLOCK); status == STATUS_OK && i <= last_block;
         i++) {
        if (pieces->blocks[i] == NULL) {
            pieces->blocks[i] = take_memory(table, pieces, BLOCK_SIZE, &status);
        }
    }
    return status;
}

void pieces_table_remove(struct pieces_table *table, struct pieces *pieces)
{
    struct pieces **link = &table->buckets[bucket_of(table, pieces->id)];
    while (*link != pieces) {
        CHECK(*link != NULL);
        link = &(*link)->next;
    }
    *link = pieces->next;
    pieces->next = NULL;
    pieces_order_remove(table, pieces);
    table->count--;
    index_account_give(&table->account, pieces->cost);
}

struct pieces *pieces_table_next(const struct pieces_table *table, const struct pieces *previous)
{
    if (previous != NULL && previous->next != NULL) {
        return previous->next;
    }
    size_t bucket = previous == NULL ? 0 : bucket_of(table, previous->id) + 1;
    while (bucket < table->bucket_count && table->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < table->bucket_count ? table->buckets[bucket] : NULL;
}
