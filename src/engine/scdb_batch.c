/*
 * scdb_batch.c - many writes as one; see scdb.h.
 *
 * A crash leaves all or nothing because the writes are one group of the log. A failure in the midst
 * of them leaves nothing because what was there before is put back, in the same group: room on the
 * disk for that is reserved before the first write, and while it is done no limit applies. Old
 * values need no copies: as long as the lock is held, they stay readable where they are.
 */
#include "base/buffer.h"
#include "base/check.h"
#include "engine/scdb_state.h"

#include <stdlib.h>

/* Bytes of records in a batch; and of those that would put back what it replaces or deletes, so
 * that a batch can always be written twice. All of them must fit into one segment made for them. */
#define BATCH_SIZE_MAX ((uint64_t)1 << 30)

struct batch_write {
    bool is_set;
    size_t key_offset; /* in the batch's bytes; the value follows */
    size_t key_size;
    size_t value_size;
    int64_t expiry_ms;
};

struct scdb_batch {
    struct buffer bytes;
    struct buffer writes; /* struct batch_write, one behind the other */
    size_t count;
    uint64_t record_bytes;
};

/* --- filling --------------------------------------------------------------------------------- */

enum scdb_status scdb_batch_create(struct scdb_batch **out)
{
    struct scdb_batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return SCDB_NO_MEMORY;
    }
    *out = batch;
    return SCDB_OK;
}

void scdb_batch_destroy(struct scdb_batch *batch)
{
    if (batch != NULL) {
        buffer_deinit(&batch->bytes);
        buffer_deinit(&batch->writes);
        free(batch);
    }
}

void scdb_batch_clear(struct scdb_batch *batch)
{
    batch->bytes.size = 0;
    batch->writes.size = 0;
    batch->count = 0;
    batch->record_bytes = 0;
}

static enum status batch_add(struct scdb_batch *batch, struct batch_write write, struct slice key,
                             struct slice value)
{
    if (key.size > BATCH_SIZE_MAX || value.size > BATCH_SIZE_MAX) {
        return STATUS_TOO_LARGE;
    }
    bool expires = write.expiry_ms != EXPIRY_NONE;
    uint64_t size = record_size(key.size, value.size, expires, false);
    if (batch->record_bytes + size > BATCH_SIZE_MAX) {
        return STATUS_TOO_LARGE;
    }
    write.key_offset = batch->bytes.size;
    write.key_size = key.size;
    write.value_size = value.size;
    enum status status = buffer_reserve(&batch->bytes, key.size + value.size);
    if (status == STATUS_OK) {
        status = buffer_append(&batch->writes, &write, sizeof(write));
    }
    if (status == STATUS_OK) {
        status = buffer_append(&batch->bytes, key.data, key.size);
        CHECK(status == STATUS_OK); /* there is room */
        status = buffer_append(&batch->bytes, value.data, value.size);
        CHECK(status == STATUS_OK);
        batch->count++;
        batch->record_bytes += size;
    }
    return status;
}

enum scdb_status scdb_batch_set(struct scdb_batch *batch, struct scdb_bytes key,
                                struct scdb_bytes value, int64_t expiry_ms)
{
    struct batch_write write = {.is_set = true, .expiry_ms = expiry_ms};
    return scdb_status_of(batch_add(batch, write, scdb_slice(key), scdb_slice(value)));
}

enum scdb_status scdb_batch_delete(struct scdb_batch *batch, struct scdb_bytes key)
{
    struct batch_write write = {.is_set = false, .expiry_ms = EXPIRY_NONE};
    return scdb_status_of(batch_add(batch, write, scdb_slice(key), slice_make(NULL, 0)));
}

/* --- writing --------------------------------------------------------------------------------- */

/* A batch at work. */
struct work {
    struct engine *engine;
    struct engine_keyspace *keyspace;
    const struct scdb_batch *batch;
    struct old *old; /* owned, one for each write */
};

/* What stood in a key's place before the batch. */
struct old {
    bool found;
    struct entry entry;
    struct slice value;
};

static const struct batch_write *write_at(const struct work *work, size_t i)
{
    return (const struct batch_write *)(const void *)work->batch->writes.data + i;
}

static struct slice key_of(const struct work *work, const struct batch_write *write)
{
    return slice_make(work->batch->bytes.data + write->key_offset, write->key_size);
}

/* A value that is one record is left where it lies, however many there are. */
static enum status find_value(struct engine *engine, struct old *old)
{
    if (!entry_is_whole(&old->entry)) {
        return engine_part_locked(engine, &old->entry, 0, SIZE_MAX, &old->value);
    }
    old->value = old->entry.value;
    return engine_verify_locked(engine, &old->entry, 0, SIZE_MAX);
}

/* Looks up what each write will replace; *size becomes the bytes of records to put it back. */
static enum status find_old(struct work *work, uint64_t *size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < work->batch->count; i++) {
        struct slice key = key_of(work, write_at(work, i));
        struct old *old = &work->old[i];
        enum status status = engine_find_locked(work->engine, work->keyspace, key, &old->entry);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        old->found = status == STATUS_OK;
        bool expires = old->found && old->entry.expiry_ms != EXPIRY_NONE;
        sum += record_size(key.size, old->found ? old->entry.size : 0, expires, false);
        if (sum > BATCH_SIZE_MAX) {
            return STATUS_TOO_LARGE;
        }
    }
    *size = sum;
    return STATUS_OK;
}

static enum status find_values(const struct work *work)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < work->batch->count; i++) {
        status = work->old[i].found ? find_value(work->engine, &work->old[i]) : STATUS_OK;
    }
    return status;
}

static enum status make_write(const struct work *work, const struct batch_write *write)
{
    struct slice key = key_of(work, write);
    if (!write->is_set) {
        enum status status = engine_delete_locked(work->engine, work->keyspace, key);
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    struct slice part = slice_make(key.data + key.size, write->value_size);
    struct engine_value value = {
        .parts = &part,
        .part_count = 1,
        .expiry_ms = write->expiry_ms,
        .type = SCDB_TYPE,
    };
    return engine_put_locked(work->engine, work->keyspace, key, &value);
}

static void put_back(const struct work *work, size_t i)
{
    struct slice key = key_of(work, write_at(work, i));
    const struct old *old = &work->old[i];
    enum status status;
    if (old->found) {
        struct engine_value value = {
            .parts = &old->value,
            .part_count = 1,
            .source = entry_is_whole(&old->entry) ? &old->entry : NULL,
            .expiry_ms = old->entry.expiry_ms,
            .type = old->entry.type,
            .encoding = old->entry.encoding,
        };
        status = engine_put_locked(work->engine, work->keyspace, key, &value);
    } else {
        status = engine_delete_locked(work->engine, work->keyspace, key);
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    /* Without memory for it, or when the disk fails just now, half a batch would stay. The group is
     * not closed yet: ending here, the log holds none of it. */
    CHECK(status == STATUS_OK);
}

static enum status make_all(struct work *work)
{
    enum status status = STATUS_OK;
    size_t made = 0;
    engine_group_begin_locked(work->engine);
    for (; status == STATUS_OK && made < work->batch->count; made++) {
        status = make_write(work, write_at(work, made));
    }
    if (status != STATUS_OK) {
        engine_undo_begin_locked(work->engine);
        while (made > 0) {
            put_back(work, --made);
        }
        engine_undo_end_locked(work->engine);
    }
    engine_group_end_locked(work->engine);
    return status;
}

enum scdb_status scdb_batch_write(struct scdb *db, const struct scdb_batch *batch)
{
    if (batch->count == 0) {
        return SCDB_OK;
    }
    struct work work = {
        .engine = db->engine,
        .batch = batch,
        .old = calloc(batch->count, sizeof(struct old)),
    };
    if (work.old == NULL) {
        return SCDB_NO_MEMORY;
    }
    work.keyspace = scdb_begin(db);
    uint64_t old_size = 0;
    enum status status = find_old(&work, &old_size);
    if (status == STATUS_OK) {
        status = find_values(&work);
    }
    if (status == STATUS_OK) {
        status = engine_reserve_locked(db->engine, batch->record_bytes + old_size);
    }
    if (status == STATUS_OK) {
        status = make_all(&work);
    }
    status = scdb_end(db, status);
    free(work.old);
    return scdb_status_of(status);
}
