/* expiry.c - see expiry.h. */
#include "engine/expiry.h"

#include "base/check.h"
#include "base/clock.h"
#include "engine/change.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"
#include "engine/lookup.h"
#include "engine/mark.h"

#define BATCH_SIZE 64

/* One key that is due. */
struct due_key {
    struct index_entry slot;
    struct segment *segment; /* referenced */
    const uint8_t *bytes;    /* in the mapping; NULL: in the tail */
    uint64_t available;
    uint64_t seed;
};

struct due_batch {
    uint64_t keyspace_id;
    struct due_key keys[BATCH_SIZE];
    size_t count;
};

void expiry_tell_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                        struct slice key)
{
    engine->expired_keys++;
    if (engine->options.on_expired_locked != NULL) {
        engine->options.on_expired_locked(engine->options.hook_context, keyspace->database, key);
    }
}

void expiry_drop_locked(struct engine *engine, struct engine_keyspace *keyspace,
                        const struct index_entry *slot, const struct lookup *lookup)
{
    CHECK(index_remove(keyspace->index, slot->hash, slot->address));
    change_forget_locked(engine, keyspace, slot->hash, lookup);
    engine->expiry.removed++;
    /* Who finds nothing there now rests on the record that expired, as who has found it did. */
    uint64_t position = lookup_position(lookup->segment, lookup->offset, lookup->size);
    if (position > engine->deletion_position) {
        engine->deletion_position = position;
    }
    int64_t expiry_ms = lookup->status == STATUS_OK ? lookup->record.expiry_ms : slot->expiry_ms;
    if (expiry_ms > engine->expiry.until_ms) {
        engine->expiry.until_ms = expiry_ms;
    }
    if (lookup->status == STATUS_OK) {
        expiry_tell_locked(engine, keyspace, lookup->record.key);
    } else {
        engine->expired_keys++;
    }
}

/* Sees, under the lock, what is due in one database. */
static void collect_batch(struct engine *engine, unsigned database, int64_t now_s,
                          struct due_batch *batch)
{
    struct index_entry due[BATCH_SIZE];
    mutex_lock(&engine->lock);
    struct engine_keyspace *keyspace = engine->spaces.databases[database];
    batch->keyspace_id = keyspace->id;
    batch->count = index_due(keyspace->index, now_s, due, BATCH_SIZE);
    for (size_t i = 0; i < batch->count; i++) {
        struct due_key *key = &batch->keys[i];
        struct segment *segment = segment_table_find(&engine->segments, due[i].address);
        uint64_t offset = segment_offset_of(&engine->segments, segment, due[i].address);
        bool mapped;
        key->slot = due[i];
        key->segment = segment;
        key->seed = segment->seed;
        key->bytes = appender_bytes_locked(engine, segment, offset, &key->available, &mapped);
        if (!mapped) {
            key->bytes = NULL;
        }
        segment_reference(segment);
    }
    mutex_unlock(&engine->lock);
}

static void touch_record(void *context)
{
    const struct due_key *key = context;
    struct record record;
    uint64_t size;
    enum status status = record_decode(key->bytes, key->available, key->seed, &record, &size);
    (void)status; /* looked at again under the lock; this was for the page faults */
}

static void remove_batch(struct engine *engine, unsigned database, struct due_batch *batch)
{
    mutex_lock(&engine->lock);
    struct engine_keyspace *keyspace = engine->spaces.databases[database];
    for (size_t i = 0; i < batch->count && keyspace->id == batch->keyspace_id; i++) {
        const struct index_entry *slot = &batch->keys[i].slot;
        if (!index_has(keyspace->index, slot->hash, slot->address)) {
            continue; /* overwritten, deleted or moved meanwhile */
        }
        struct lookup lookup;
        lookup_address_locked(engine, slot->address, &lookup);
        expiry_drop_locked(engine, keyspace, slot, &lookup);
    }
    engine_part_purge_locked(engine);
    mutex_unlock(&engine->lock);
    for (size_t i = 0; i < batch->count; i++) {
        segment_unreference(batch->keys[i].segment);
    }
}

static void expire_database(struct engine *engine, unsigned database, int64_t now_s)
{
    struct due_batch batch;
    do {
        collect_batch(engine, database, now_s, &batch);
        for (size_t i = 0; i < batch.count; i++) {
            if (batch.keys[i].bytes != NULL) {
                (void)fault_guard_run(touch_record, &batch.keys[i]);
            }
        }
        remove_batch(engine, database, &batch);
    } while (batch.count > 0);
}

static enum status append_mark_locked(struct engine *engine)
{
    uint8_t value[MARK_EXPIRY_SIZE];
    mark_encode_expiry(engine->expiry.until_ms, value);
    struct slice part = slice_make(value, sizeof(value));
    struct append append = {
        .record = {.kind = RECORD_EXPIRY_MARK, .expiry_ms = EXPIRY_NONE},
        .parts = &part,
        .part_count = 1,
    };
    enum status status = appender_prepare_locked(engine, &append);
    if (status == STATUS_OK) {
        status =
            staircase_add(&engine->expiry.marks, append.record.sequence, engine->expiry.until_ms);
    }
    if (status == STATUS_OK) {
        (void)appender_commit_locked(engine, &append);
        engine->deletion_position = engine->appender.position;
        engine->expiry.removed = 0;
        engine->expiry.until_ms = INT64_MIN;
    }
    return status;
}

bool expiry_owes_mark_locked(const struct engine *engine, int64_t expiry_ms)
{
    return engine->expiry.removed > 0 && expiry_ms <= engine->expiry.until_ms;
}

enum status expiry_pay_mark_locked(struct engine *engine, int64_t expiry_ms)
{
    return expiry_owes_mark_locked(engine, expiry_ms) ? append_mark_locked(engine) : STATUS_OK;
}

bool expiry_is_done_locked(const struct engine *engine, uint64_t sequence, int64_t until_ms)
{
    return sequence < engine->expiry.cycled_sequence && until_ms <= engine->expiry.cycled_ms;
}

void engine_pause_expiry_locked(struct engine *engine, int64_t until_ms)
{
    engine->expiry.paused_until_ms = until_ms;
}

bool expiry_is_paused_locked(const struct engine *engine)
{
    int64_t until_ms = engine->expiry.paused_until_ms;
    return until_ms != 0 && clock_monotonic_ms() < until_ms;
}

void expiry_cycle(struct engine *engine)
{
    mutex_lock(&engine->lock);
    bool is_paused = expiry_is_paused_locked(engine);
    uint64_t next_sequence = engine->appender.next_sequence;
    uint64_t map_sequence = engine->spaces.map_sequence;
    mutex_unlock(&engine->lock);
    if (is_paused) {
        return;
    }
    int64_t now_s = engine_unix_ms(engine) / 1000; /* one moment for all */
    for (unsigned database = 0; database < engine->spaces.count; database++) {
        expire_database(engine, database, now_s);
    }
    mutex_lock(&engine->lock);
    if (engine->expiry.removed > 0) {
        enum status status = append_mark_locked(engine);
        (void)status; /* A full disk: the mark is owed until the next round. */
    }
    /* A keyspace that was swapped meanwhile may have been missed. */
    if (engine->spaces.map_sequence == map_sequence) {
        engine->expiry.cycled_ms = now_s * 1000;
        engine->expiry.cycled_sequence = next_sequence;
    }
    mutex_unlock(&engine->lock);
}
