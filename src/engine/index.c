/* index.c - see index.h. Lookups and changes; walks over all slots are in index_walk.c. */
#include "engine/index.h"

#include "base/check.h"
#include "engine/index_directory.h"
#include "engine/index_table.h"
#include "engine/record.h"

#include <stdlib.h>

enum status index_create(struct index_budget *budget, struct index **out)
{
    struct index *index = calloc(1, sizeof(*index));
    if (index == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = index_directory_init(index, budget);
    if (status != STATUS_OK) {
        free(index);
        return status;
    }
    *out = index;
    return STATUS_OK;
}

void index_destroy(struct index *index)
{
    index_directory_deinit(index);
    free(index);
}

void index_set_budget(struct index *index, struct index_budget *budget)
{
    index_account_move(&index->account, budget);
}

void index_verify(const struct index *index)
{
    index_directory_verify(index);
}

uint64_t index_count(const struct index *index)
{
    return index->count;
}

uint64_t index_expiring_count(const struct index *index)
{
    return index->expiring_count;
}

uint64_t index_memory(const struct index *index)
{
    return index->account.used_bytes;
}

/* --- lookups --------------------------------------------------------------------------------- */

const char *index_line(const struct index *index, struct index_hash hash)
{
    const struct index_table *table = index_directory_find(index, hash.bits);
    return (const char *)&table->slots[index_home(hash.bits, table->depth, table->homes)];
}

bool index_peek(const struct index *index, struct index_hash hash, struct record_address *out)
{
    const struct index_table *table = index_directory_find(index, hash.bits);
    uint32_t position = index_table_seek(table, hash.bits);
    if (!index_table_is(table, position, hash.bits)) {
        return false;
    }
    out->units = index_slot_address(table->slots[position]);
    return true;
}

bool index_find(const struct index *index, struct index_hash hash, index_match *match,
                void *context, struct index_entry *out)
{
    const struct index_table *table = index_directory_find(index, hash.bits);
    uint32_t position = index_table_seek(table, hash.bits);
    for (; index_table_is(table, position, hash.bits); position++) {
        struct record_address address = {.units = index_slot_address(table->slots[position])};
        if (match(context, address)) {
            *out = index_table_read(table, position);
            return true;
        }
    }
    return false;
}

static bool match_address(void *context, struct record_address address)
{
    const struct record_address *wanted = context;
    return address.units == wanted->units;
}

bool index_has(const struct index *index, struct index_hash hash, struct record_address address)
{
    struct index_entry unused;
    return index_find(index, hash, match_address, &address, &unused);
}

/* --- changes --------------------------------------------------------------------------------- */

enum status index_reserve(struct index *index, struct index_hash hash, bool fresh, bool expires)
{
    for (;;) {
        struct index_table *table = index_directory_find(index, hash.bits);
        enum status status = expires ? index_table_keep_expiry(table, &index->account) : STATUS_OK;
        if (status == STATUS_OK && (!fresh || index_table_has_room(table, hash.bits))) {
            return STATUS_OK;
        }
        if (status == STATUS_OK) {
            status = index_directory_make_room(index, table, hash.bits);
        }
        if (status != STATUS_OK) {
            index_table_give_back(table, &index->account);
            return status;
        }
    }
}

enum status index_insert(struct index *index, const struct index_entry *entry)
{
    bool expires = entry->expiry_ms != EXPIRY_NONE;
    struct index_table *table = index_directory_find(index, entry->hash.bits);
    if ((expires && table->expiry == NULL) || !index_table_try_insert(table, entry)) {
        enum status status = index_reserve(index, entry->hash, true, expires);
        if (status != STATUS_OK) {
            return status;
        }
        table = index_directory_find(index, entry->hash.bits);
        CHECK(index_table_try_insert(table, entry));
    }
    index->count++;
    if (expires) {
        index->expiring_count++;
        index_directory_note_minimum(index, table, entry->hash.bits);
    }
    return STATUS_OK;
}

enum status index_replace(struct index *index, struct record_address old,
                          const struct index_entry *entry)
{
    uint64_t hash = entry->hash.bits;
    struct index_table *table = index_directory_find(index, hash);
    uint32_t position = entry->position;
    if (!index_table_has(table, position, hash, old.units) &&
        !index_table_find(table, hash, old.units, &position)) {
        return STATUS_NOT_FOUND;
    }
    bool expires = entry->expiry_ms != EXPIRY_NONE;
    if (expires) {
        enum status status = index_table_keep_expiry(table, &index->account);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (table->expiry == NULL) {
        index_table_write(table, position, entry);
        return STATUS_OK;
    }
    uint32_t expiring_before = table->expiring_count;
    index_table_write(table, position, entry);
    index->expiring_count += table->expiring_count;
    index->expiring_count -= expiring_before;
    index_table_give_back(table, &index->account);
    index_directory_note_minimum(index, table, hash);
    return STATUS_OK;
}

bool index_move(struct index *index, struct index_hash hash, struct record_address old,
                struct record_address fresh)
{
    struct index_table *table = index_directory_find(index, hash.bits);
    uint32_t position;
    if (!index_table_find(table, hash.bits, old.units, &position)) {
        return false;
    }
    index_table_move(table, position, fresh.units);
    return true;
}

bool index_remove(struct index *index, struct index_hash hash, struct record_address address)
{
    struct index_table *table = index_directory_find(index, hash.bits);
    uint32_t position;
    if (!index_table_find(table, hash.bits, address.units, &position)) {
        return false;
    }
    uint32_t expiring_before = table->expiring_count;
    index_table_remove(table, position);
    index->count--;
    if (table->expiring_count != expiring_before) {
        index->expiring_count--;
        index_table_give_back(table, &index->account);
        index_directory_note_minimum(index, table, hash.bits);
    }
    if (index_table_try_shrink(table, &index->account)) {
        index_directory_merge(index, hash.bits);
    }
    return true;
}
