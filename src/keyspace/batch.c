/* batch.c - see batch.h. */
#include "keyspace/batch.h"

#include "base/check.h"
#include "engine/record.h"
#include "keyspace/keyspace_state.h"

#include <stdlib.h>

#define OLD_ON_STACK 16

/* What stood in a key's place before the batch. */
struct old {
    bool found;
    struct value value;
};

static uint64_t record_size_of(struct slice key, size_t value_size, int64_t expiry_ms)
{
    return record_size(key.size, value_size, expiry_ms != EXPIRY_NONE, false);
}

/* Bytes of what keyspace_store_copy() writes. */
static uint64_t copy_size(const struct value *value, struct slice key)
{
    return entry_is_whole(&value->entry) ? record_size_of(key, value->size, value->expiry_ms)
                                         : engine_copy_size(&value->entry, key);
}

/* Bytes of the record that would put the old value back (or delete what is there now). */
static uint64_t size_to_put_back(struct slice key, const struct old *old)
{
    return old->found ? copy_size(&old->value, key) : record_size_of(key, 0, EXPIRY_NONE);
}

/* An unreadable record can be overwritten, but there is nothing that could be put back. */
static void find_old(struct keyspace *keyspace, unsigned database, struct slice key,
                     struct old *old)
{
    old->found = keyspace_find(keyspace, database, key, &old->value) == STATUS_OK;
}

static void put_back(struct keyspace *keyspace, unsigned database, struct slice key,
                     const struct old *old)
{
    enum status status;
    if (old->found) {
        status = keyspace_store_copy(keyspace, &old->value, database, key);
    } else {
        status = keyspace_delete(keyspace, database, key);
    }
    /* Its room is reserved and no limit holds. A damaged old value stays overwritten. Without
     * memory half a batch would stay: better to end here, where the log holds none of it. */
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_CORRUPT ||
          status == STATUS_IO);
}

/* --- several strings --- */

static enum status put_pair(struct keyspace *keyspace, unsigned database,
                            const struct batch_strings *strings, size_t index)
{
    const struct slice *pair = &strings->pairs[2 * index];
    enum status status = keyspace_put_string(
        keyspace, database, pair[0],
        &(struct string_content){.parts = &pair[1], .part_count = 1, .expiry_ms = EXPIRY_NONE});
    if (status == STATUS_OK && strings->on_put != NULL) {
        strings->on_put(strings->context, pair[0]);
    }
    return status;
}

uint64_t batch_size_of_pair(const struct slice *pair)
{
    return record_size_of(pair[0], pair[1].size, EXPIRY_NONE);
}

/* Bytes of setting the pair, and of putting back what there was. */
static uint64_t size_with_undo(const struct slice *pair, const struct old *old)
{
    return batch_size_of_pair(pair) + size_to_put_back(pair[0], old);
}

uint64_t batch_size_of_strings(struct keyspace *keyspace, unsigned database,
                               const struct slice *pairs, size_t count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        struct old old;
        find_old(keyspace, database, pairs[2 * i], &old);
        size += size_with_undo(&pairs[2 * i], &old);
    }
    return size;
}

static uint64_t size_of_pairs(const struct slice *pairs, const struct old *olds, size_t count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += size_with_undo(&pairs[2 * i], &olds[i]);
    }
    return size;
}

static void put_pairs_back(struct keyspace *keyspace, unsigned database, const struct slice *pairs,
                           const struct old *olds, size_t count)
{
    engine_undo_begin_locked(keyspace_engine(keyspace));
    /* From the last to the first: a key may stand twice, and its first old value counts. All `olds`
     * of it are the same, so that in fact any order will do. */
    for (size_t i = count; i-- > 0;) {
        put_back(keyspace, database, pairs[2 * i], &olds[i]);
    }
    engine_undo_end_locked(keyspace_engine(keyspace));
}

static enum status put_pairs(struct keyspace *keyspace, unsigned database,
                             const struct batch_strings *strings, struct old *olds)
{
    const struct slice *pairs = strings->pairs;
    size_t count = strings->count;
    for (size_t i = 0; i < count; i++) {
        find_old(keyspace, database, pairs[2 * i], &olds[i]);
    }
    enum status status =
        engine_reserve_locked(keyspace_engine(keyspace), size_of_pairs(pairs, olds, count));
    if (status != STATUS_OK) {
        return status;
    }
    keyspace_group_begin(keyspace);
    size_t done = 0;
    while (done < count && status == STATUS_OK) {
        status = put_pair(keyspace, database, strings, done);
        done += status == STATUS_OK ? 1 : 0;
    }
    if (status != STATUS_OK) {
        put_pairs_back(keyspace, database, pairs, olds, done);
    }
    keyspace_group_end(keyspace);
    return status;
}

enum status batch_put_strings(struct keyspace *keyspace, unsigned database,
                              const struct batch_strings *strings)
{
    struct old on_stack[OLD_ON_STACK];
    if (strings->count == 1) {
        return put_pair(keyspace, database, strings, 0);
    }
    if (strings->count <= OLD_ON_STACK) {
        return put_pairs(keyspace, database, strings, on_stack);
    }
    struct old *olds = calloc(strings->count, sizeof(*olds));
    if (olds == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = put_pairs(keyspace, database, strings, olds);
    free(olds);
    return status;
}

/* --- another name --- */

/* The key is there under its new name. That comes first: what must be read for it from a disk that
 * fails meanwhile is still there then. */
static void delete_moved(struct keyspace *keyspace, unsigned database, struct slice key)
{
    enum status status = keyspace_delete(keyspace, database, key);
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND); /* room and memory are reserved */
}

enum status batch_move(struct keyspace *keyspace, unsigned from_database, const struct value *value,
                       unsigned to_database, struct slice to_key)
{
    struct slice from_key = value->entry.key;
    CHECK(from_database != to_database || !slice_equal(from_key, to_key));
    struct engine *engine = keyspace_engine(keyspace);
    enum status status = engine_reserve_locked(
        engine, copy_size(value, to_key) + record_size_of(from_key, 0, EXPIRY_NONE));
    if (status == STATUS_OK) {
        status = engine_rename_begin_locked(engine, from_key);
    }
    if (status != STATUS_OK) {
        return status;
    }
    keyspace_group_begin(keyspace);
    status = keyspace_store_copy_quietly(keyspace, value, to_database, to_key);
    if (status == STATUS_OK) {
        engine_rename_written_locked(engine);
        delete_moved(keyspace, from_database, from_key);
        keyspace_tell_changed(keyspace, to_database, to_key);
    }
    engine_rename_end_locked(engine);
    keyspace_group_end(keyspace);
    return status;
}
