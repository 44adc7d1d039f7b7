/* log_files.c - see log_files.h. */
#include "engine/log_files.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/mutant.h"
#include "engine/zero_ahead.h"

struct log_facts log_files_facts_locked(const struct engine *engine)
{
    return (struct log_facts){.durable = engine->durable_place,
                              .next_sequence = engine->appender.next_sequence};
}

void log_files_apply(struct engine *engine, const struct log_facts *facts)
{
    struct manifest *manifest = &engine->manifest;
    if (facts->next_sequence > manifest->next_sequence) {
        manifest->next_sequence = facts->next_sequence;
    }
    if (facts->durable.sequence > manifest->durable.sequence) {
        manifest->durable = facts->durable;
    }
}

static uint64_t first_reserve(const struct engine *engine, uint64_t capacity)
{
    if (capacity > engine->segment_size) {
        return capacity; /* for one record: all of it, at once */
    }
    return capacity < APPENDER_RESERVE_FIRST ? capacity : APPENDER_RESERVE_FIRST;
}

uint64_t log_files_least_reserve(const struct engine *engine)
{
    return SEGMENT_HEADER_SIZE + appender_deletion_reserve(engine);
}

/* On a disk that is nearly full a segment begins with less. */
static enum status create_file(struct engine *engine, uint64_t number, uint64_t capacity,
                               struct segment **out)
{
    bool may_begin_small = capacity <= engine->segment_size;
    struct segment_plan plan = {.kind = SEGMENT_LOG,
                                .number = number,
                                .capacity = capacity,
                                .reserve = first_reserve(engine, capacity)};
    enum status status = STATUS_DISK_FULL;
    if (!may_begin_small || !engine->appender.room_is_kept) {
        status = segment_create(engine->fs, &plan, out);
    }
    if (status == STATUS_DISK_FULL && may_begin_small) {
        plan.reserve = log_files_least_reserve(engine);
        status = segment_create(engine->fs, &plan, out);
    }
    return status;
}

/* A file that was made and not listed: nobody will read it. */
static void remove_unlisted(struct engine *engine, struct segment *segment)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(segment->kind, segment->number, name);
    segment_unreference(segment);
    if (fs_remove(engine->fs, name) != STATUS_OK) {
        LOG_WARNING("can't remove %s; the next start removes it", name);
    }
}

enum status log_files_make(struct engine *engine, const struct log_facts *facts, uint64_t capacity,
                           struct segment **out)
{
    struct manifest *manifest = &engine->manifest;
    struct segment *segment;
    /* The number is used up even when this fails: checksums are seeded with it, so a file must
     * never get the number of one that may have left bytes somewhere. */
    uint64_t number = manifest->next_file_number++;
    enum status status = create_file(engine, number, capacity, &segment);
    if (status != STATUS_OK) {
        return status;
    }
    segment->seed = record_seed(engine->store_id, number);
    segment->of_this_session = true;
    status = file_sync(segment->file);
    if (status == STATUS_OK && !MUTANT(LOG_NAME_UNSYNCED)) {
        status = fs_sync_directory(engine->fs); /* rule 1 of docs/durability.md */
    }
    struct manifest_file entry = {.number = number, .kind = SEGMENT_LOG};
    if (status == STATUS_OK) {
        status = manifest_add(manifest, &entry);
    }
    if (status != STATUS_OK) {
        remove_unlisted(engine, segment);
        return status;
    }
    log_files_apply(engine, facts);
    status = manifest_write(engine->fs, manifest);
    if (status != STATUS_OK) {
        /* The manifest on the disk may be either of the two; so the file has to stay. */
        manifest_drop(manifest, number);
        segment_unreference(segment);
        return status;
    }
    *out = segment;
    return STATUS_OK;
}

enum status log_files_take_locked(struct engine *engine, uint64_t capacity, struct segment **out)
{
    struct log_facts facts = log_files_facts_locked(engine);
    enum status status = STATUS_OK;
    mutex_lock(&engine->manifest_mutex);
    if (engine->prepared != NULL && engine->prepared->capacity == capacity) {
        *out = engine->prepared;
        engine->prepared = NULL;
    } else {
        status = log_files_make(engine, &facts, capacity, out);
    }
    mutex_unlock(&engine->manifest_mutex);
    return status;
}

void log_files_put_back_locked(struct engine *engine, struct segment *segment)
{
    mutex_lock(&engine->manifest_mutex);
    if (engine->prepared == NULL && segment->capacity == engine->segment_size) {
        engine->prepared = segment;
    } else {
        struct manifest_file entry = *manifest_find(&engine->manifest, segment->number);
        manifest_drop(&engine->manifest, segment->number);
        if (manifest_write(engine->fs, &engine->manifest) == STATUS_OK) {
            remove_unlisted(engine, segment);
        } else {
            /* Listed or not, it has to stay; the next start finds that it was never used. */
            CHECK(manifest_add(&engine->manifest, &entry) == STATUS_OK); /* its room is there */
            segment_unreference(segment);
        }
    }
    mutex_unlock(&engine->manifest_mutex);
}

static enum status prepare(struct engine *engine, const struct log_facts *facts)
{
    enum status status = STATUS_OK;
    mutex_lock(&engine->manifest_mutex);
    if (engine->prepared == NULL) {
        status = log_files_make(engine, facts, engine->segment_size, &engine->prepared);
    }
    mutex_unlock(&engine->manifest_mutex);
    return status;
}

enum status log_files_prepare(struct engine *engine)
{
    mutex_lock(&engine->lock);
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_unlock(&engine->lock);
    return prepare(engine, &facts);
}

void log_files_prepare_next(struct engine *engine)
{
    mutex_lock(&engine->lock);
    const struct segment *active = engine->appender.active;
    bool needed = active->capacity <= engine->segment_size && active->end > active->capacity / 2 &&
                  !atomic_load(&engine->sync.failed) && !engine->appender.room_is_kept;
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_unlock(&engine->lock);
    if (!needed) {
        return;
    }
    enum status status = prepare(engine, &facts);
    if (status != STATUS_OK && engine->maintenance.prepare_status != status) {
        LOG_WARNING("can't make the next log segment ready: %s", status_words(status));
    }
    engine->maintenance.prepare_status = status;
}

/* --- sealing ------------------------------------------------------------------------------ */

#define SEAL_BATCH 64

/* Closed, durable segments that are not sealed yet, referenced; returns how many. */
static size_t find_sealable(struct engine *engine, struct segment **found)
{
    size_t count = 0;
    size_t handle = 0;
    mutex_lock(&engine->lock);
    struct segment *segment;
    while (count < SEAL_BATCH &&
           (segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        bool is_durable = segment->synced_end == segment->end || MUTANT(SEALED_BEFORE_SYNC);
        if (segment->closed && !segment->sealed && is_durable && segment->end > 0) {
            found[count++] = segment;
            segment_reference(segment);
        }
    }
    mutex_unlock(&engine->lock);
    return count;
}

/* Rule 4 of docs/durability.md: durable first, then sealed. */
static void seal(struct engine *engine, struct segment *segment)
{
    /* Closed: nobody else changes these fields any more, nor begins to write to the file. */
    zero_ahead_settle(engine);
    enum status status = file_truncate(segment->file, segment->end);
    if (status != STATUS_OK) {
        LOG_WARNING("can't give back the unused space of log segment %llu: %s",
                    (unsigned long long)segment->number, status_words(status));
    }
    mutex_lock(&engine->manifest_mutex);
    struct manifest_file *entry = manifest_find(&engine->manifest, segment->number);
    if (entry != NULL) {
        entry->end = segment->end;
        entry->first_sequence = segment->first_sequence;
        entry->last_sequence = segment->last_sequence;
    }
    mutex_unlock(&engine->manifest_mutex);
    mutex_lock(&engine->lock);
    segment->sealed = true;
    if (status == STATUS_OK) {
        segment->reserved = segment->end;
    }
    mutex_unlock(&engine->lock);
}

void log_files_seal(struct engine *engine)
{
    struct segment *found[SEAL_BATCH];
    size_t count;
    while ((count = find_sealable(engine, found)) > 0) {
        for (size_t i = 0; i < count; i++) {
            seal(engine, found[i]);
            segment_unreference(found[i]);
        }
    }
}

/* --- the end ------------------------------------------------------------------------------ */

/* Takes an unused segment off the manifest in memory, *unused becomes its name or "". */
static void drop_unused(struct engine *engine, struct segment *segment, char *unused)
    REQUIRES(engine->manifest_mutex)
{
    unused[0] = '\0';
    if (segment != NULL && segment->first_sequence == 0) {
        segment_file_name(segment->kind, segment->number, unused);
        manifest_drop(&engine->manifest, segment->number);
    }
}

static void remove_named(struct engine *engine, const char *name)
{
    if (name[0] != '\0' && fs_remove(engine->fs, name) != STATUS_OK) {
        LOG_WARNING("can't remove %s; the next start removes it", name);
    }
}

void log_files_close(struct engine *engine)
{
    struct segment *active = engine->appender.active;
    active->closed = true;
    log_files_seal(engine);
    char names[2][FILE_NAME_SIZE_MAX];
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_lock(&engine->manifest_mutex);
    drop_unused(engine, active, names[0]);
    drop_unused(engine, engine->prepared, names[1]);
    log_files_apply(engine, &facts);
    enum status status = manifest_write(engine->fs, &engine->manifest);
    mutex_unlock(&engine->manifest_mutex);
    if (status != STATUS_OK) {
        LOG_WARNING("can't replace the manifest at the end: %s; the next start reads the log "
                    "instead",
                    status_words(status));
        return;
    }
    remove_named(engine, names[0]);
    remove_named(engine, names[1]);
}
