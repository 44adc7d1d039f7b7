/* index_directory.c - see index_directory.h. */
#include "engine/index_directory.h"

#include "base/check.h"

#include <stdlib.h>

/* Two tables merge when they hold this much together: far enough from a split not to alternate. */
#define MERGED_COUNT_MAX (INDEX_TABLE_SLOTS_MAX / 2)

/* Hashes that share many bits could double the directory for ever. It may have this many places and
 * one for so many keys, far more than evenly spread hashes ask for; then tables grow instead. */
#define DIRECTORY_SIZE_FREE     64
#define DIRECTORY_KEYS_PER_MORE 64

/* --- places ---------------------------------------------------------------------------------- */

static uint64_t first_place(const struct index *index, const struct index_table *table,
                            uint64_t hash)
{
    uint64_t place = hash >> (INDEX_HASH_BITS - index->depth);
    return place & ~(index_directory_places(index, table) - 1);
}

void index_directory_note_minimum(struct index *index, const struct index_table *table,
                                  uint64_t hash)
{
    index->minima[first_place(index, table, hash)] = table->minimum_s;
}

static void set_places(struct index *index, uint64_t first, struct index_table *table)
{
    uint64_t end = first + index_directory_places(index, table);
    for (uint64_t i = first; i < end; i++) {
        index->tables[i] = table;
        index->minima[i] = INDEX_NEVER;
    }
    index->minima[first] = table->minimum_s;
}

/* --- life ------------------------------------------------------------------------------------ */

static struct index_table *table_create(unsigned depth)
{
    struct index_table *table = malloc(sizeof(*table));
    if (table != NULL) {
        index_table_init(table, depth);
    }
    return table;
}

static void table_destroy(struct index_table *table, struct index_account *account)
{
    index_table_deinit(table, account);
    index_account_give(account, index_heap_cost(sizeof(*table)));
    free(table);
}

static size_t directory_cost(unsigned depth)
{
    size_t size = (size_t)1 << depth;
    return index_heap_cost(size * sizeof(struct index_table *)) +
           index_heap_cost(size * sizeof(uint32_t));
}

/* The arrays of a directory, before the index takes them over. */
struct directory {
    struct index_table **tables;
    uint32_t *minima;
};

static bool directory_create(unsigned depth, struct directory *out)
{
    size_t size = (size_t)1 << depth;
    struct directory directory = {
        .tables = malloc(size * sizeof(struct index_table *)),
        .minima = malloc(size * sizeof(*directory.minima)),
    };
    if (directory.tables == NULL || directory.minima == NULL) {
        free(directory.tables);
        free(directory.minima);
        return false;
    }
    *out = directory;
    return true;
}

enum status index_directory_init(struct index *index, struct index_budget *budget)
{
    struct directory directory;
    if (!directory_create(0, &directory)) {
        return STATUS_NO_MEMORY;
    }
    struct index_table *table = table_create(0);
    if (table == NULL) {
        free(directory.tables);
        free(directory.minima);
        return STATUS_NO_MEMORY;
    }
    *index = (struct index){
        .tables = directory.tables,
        .minima = directory.minima,
        .deepest_count = 1,
        .account = {.budget = budget},
    };
    set_places(index, 0, table);
    /* A full budget keeps new keys out, not an empty database. */
    index_account_force(&index->account, index_heap_cost(sizeof(*index)) + directory_cost(0) +
                                             index_heap_cost(sizeof(*table)));
    return STATUS_OK;
}

void index_directory_deinit(struct index *index)
{
    uint64_t size = index_directory_size(index);
    for (uint64_t i = 0; i < size;) {
        struct index_table *table = index->tables[i];
        i += index_directory_places(index, table);
        table_destroy(table, &index->account);
    }
    free(index->tables);
    free(index->minima);
    index_account_give(&index->account,
                       index_heap_cost(sizeof(*index)) + directory_cost(index->depth));
    CHECK(index->account.used_bytes == 0);
}

/* --- the directory --------------------------------------------------------------------------- */

static void directory_adopt(struct index *index, struct directory directory, unsigned depth)
{
    free(index->tables);
    free(index->minima);
    index->tables = directory.tables;
    index->minima = directory.minima;
    index->depth = depth;
}

static bool may_double(const struct index *index)
{
    return index_directory_size(index) * 2 <=
           DIRECTORY_SIZE_FREE + index->count / DIRECTORY_KEYS_PER_MORE;
}

static enum status directory_double(struct index *index)
{
    size_t cost = directory_cost(index->depth + 1) - directory_cost(index->depth);
    enum status status = index_account_take(&index->account, cost);
    if (status != STATUS_OK) {
        return status;
    }
    struct directory directory;
    if (!directory_create(index->depth + 1, &directory)) {
        index_account_give(&index->account, cost);
        return STATUS_NO_MEMORY;
    }
    uint64_t size = index_directory_size(index);
    for (uint64_t i = 0; i < size; i++) {
        directory.tables[2 * i] = index->tables[i];
        directory.tables[2 * i + 1] = index->tables[i];
        directory.minima[2 * i] = index->minima[i];
        directory.minima[2 * i + 1] = INDEX_NEVER;
    }
    directory_adopt(index, directory, index->depth + 1);
    index->deepest_count = 0;
    return STATUS_OK;
}

static uint64_t count_deepest(const struct index *index)
{
    uint64_t size = index_directory_size(index);
    uint64_t count = 0;
    for (uint64_t i = 0; i < size; i++) {
        count += index->tables[i]->depth == index->depth;
    }
    return count;
}

/* Halves the directory while no table is as deep. Without memory for it, later will do. */
static void directory_halve(struct index *index)
{
    while (index->deepest_count == 0) {
        struct directory directory;
        if (!directory_create(index->depth - 1, &directory)) {
            return;
        }
        uint64_t size = index_directory_size(index) / 2;
        for (uint64_t i = 0; i < size; i++) {
            directory.tables[i] = index->tables[2 * i];
            directory.minima[i] = index->minima[2 * i];
        }
        size_t cost = directory_cost(index->depth) - directory_cost(index->depth - 1);
        directory_adopt(index, directory, index->depth - 1);
        index_account_give(&index->account, cost);
        index->deepest_count = count_deepest(index);
    }
}

/* --- loading --------------------------------------------------------------------------------- */

enum status index_directory_create_table(struct index *index, unsigned depth,
                                         struct index_table **out)
{
    size_t cost = index_heap_cost(sizeof(struct index_table));
    enum status status = index_account_take(&index->account, cost);
    if (status != STATUS_OK) {
        return status;
    }
    struct index_table *table = table_create(depth);
    if (table == NULL) {
        index_account_give(&index->account, cost);
        return STATUS_NO_MEMORY;
    }
    *out = table;
    return STATUS_OK;
}

void index_directory_destroy_table(struct index *index, struct index_table *table)
{
    table_destroy(table, &index->account);
}

static unsigned greatest_depth(struct index_table *const *tables, size_t count)
{
    unsigned depth = 0;
    for (size_t i = 0; i < count; i++) {
        depth = tables[i]->depth > depth ? tables[i]->depth : depth;
    }
    return depth;
}

enum status index_directory_adopt_tables(struct index *index, struct index_table **tables,
                                         size_t count)
{
    CHECK(index->depth == 0 && index->count == 0);
    unsigned depth = greatest_depth(tables, count);
    size_t cost = directory_cost(depth) - directory_cost(0);
    enum status status = index_account_take(&index->account, cost);
    if (status != STATUS_OK) {
        return status;
    }
    struct directory directory;
    if (!directory_create(depth, &directory)) {
        index_account_give(&index->account, cost);
        return STATUS_NO_MEMORY;
    }
    table_destroy(index->tables[0], &index->account);
    directory_adopt(index, directory, depth);
    uint64_t place = 0;
    for (size_t i = 0; i < count; i++) {
        CHECK(place + index_directory_places(index, tables[i]) <= index_directory_size(index));
        set_places(index, place, tables[i]);
        place += index_directory_places(index, tables[i]);
        index->count += tables[i]->count;
        index->expiring_count += tables[i]->expiring_count;
    }
    CHECK(place == index_directory_size(index));
    index->deepest_count = count_deepest(index);
    return STATUS_OK;
}

/* --- splits and merges ----------------------------------------------------------------------- */

static enum status split_into(struct index *index, struct index_table *table, uint64_t hash,
                              struct index_table *upper)
{
    uint64_t first = first_place(index, table, hash);
    uint64_t middle = first + index_directory_places(index, table) / 2;
    uint64_t boundary = middle << (INDEX_HASH_BITS - index->depth);
    enum status status = index_table_split(table, boundary, upper, &index->account);
    if (status != STATUS_OK) {
        return status;
    }
    set_places(index, first, table);
    set_places(index, middle, upper);
    if (table->depth == index->depth) {
        index->deepest_count += 2;
    }
    return STATUS_OK;
}

/* Splits the table of `hash`, doubling the directory first when it is not deep enough. */
static enum status split(struct index *index, struct index_table *table, uint64_t hash)
{
    enum status status = STATUS_OK;
    if (table->depth == index->depth) {
        status = directory_double(index);
        if (status != STATUS_OK) {
            return status;
        }
    }
    size_t cost = index_heap_cost(sizeof(*table));
    struct index_table *upper = NULL;
    status = index_account_take(&index->account, cost);
    if (status != STATUS_OK) {
        goto halve;
    }
    upper = table_create(table->depth + 1);
    status = upper != NULL ? split_into(index, table, hash, upper) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    free(upper);
    index_account_give(&index->account, cost);
halve:
    directory_halve(index);
    return status;
}

enum status index_directory_make_room(struct index *index, struct index_table *table, uint64_t hash)
{
    if (index_table_is_large(table) && (table->depth < index->depth || may_double(index))) {
        return split(index, table, hash);
    }
    return index_table_grow(table, &index->account);
}

void index_directory_merge(struct index *index, uint64_t hash)
{
    struct index_table *table = index_directory_find(index, hash);
    while (table->depth > 0) {
        uint64_t count = index_directory_places(index, table);
        uint64_t first = first_place(index, table, hash);
        struct index_table *lower = index->tables[first & ~count];
        struct index_table *upper = index->tables[first | count];
        if (lower->depth != upper->depth || lower->count + upper->count > MERGED_COUNT_MAX) {
            return;
        }
        unsigned depth = lower->depth;
        if (index_table_merge(lower, upper, &index->account) != STATUS_OK) {
            return;
        }
        table_destroy(upper, &index->account);
        set_places(index, first & ~count, lower);
        if (depth == index->depth) {
            index->deepest_count -= 2;
            directory_halve(index);
        }
        table = lower;
    }
}

/* --- invariants ------------------------------------------------------------------------------ */

static size_t table_cost(const struct index_table *table)
{
    const struct index_block *slots = &table->slot_block;
    size_t cost = index_heap_cost(sizeof(*table));
    if (slots->size != 0) {
        cost += slots->mapped != 0 ? slots->size : index_heap_cost(slots->size);
    }
    if (table->expiry_block.size != 0) {
        cost += index_heap_cost(table->expiry_block.size);
    }
    return cost;
}

void index_directory_verify(const struct index *index)
{
    uint64_t size = index_directory_size(index);
    uint64_t count = 0;
    uint64_t expiring = 0;
    uint64_t deepest = 0;
    uint64_t bytes = index_heap_cost(sizeof(*index)) + directory_cost(index->depth);
    for (uint64_t i = 0; i < size;) {
        const struct index_table *table = index->tables[i];
        CHECK(table->depth <= index->depth);
        uint64_t places = index_directory_places(index, table);
        CHECK((i & (places - 1)) == 0);
        index_table_verify(table, i << (INDEX_HASH_BITS - index->depth));
        CHECK(index->minima[i] == table->minimum_s);
        for (uint64_t other = i + 1; other < i + places; other++) {
            CHECK(index->tables[other] == table && index->minima[other] == INDEX_NEVER);
        }
        count += table->count;
        expiring += table->expiring_count;
        deepest += table->depth == index->depth;
        bytes += table_cost(table);
        i += places;
    }
    CHECK(count == index->count && expiring == index->expiring_count);
    CHECK(deepest == index->deepest_count && (deepest > 0 || index->depth == 0));
    CHECK(bytes == index->account.used_bytes);
    CHECK(index->account.used_bytes <= index->account.budget->used_bytes);
}
