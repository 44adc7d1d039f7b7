/* log_files.c - see log_files.h. */
#include "engine/log_files.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/doubtful.h"
#include "engine/grow_ahead.h"
#include "engine/mutant.h"
#include "engine/unlisted.h"
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

uint64_t log_files_least_reserve(const struct engine *engine)
{
    return SEGMENT_HEADER_SIZE + appender_deletion_reserve(engine);
}

static uint64_t first_reserve(const struct engine *engine, uint64_t capacity)
{
    if (capacity > engine->segment_size) {
        return capacity; /* for one record: all of it, at once */
    }
    if (capacity < APPENDER_RESERVE_FIRST) {
        return capacity;
    }
    /* Several may be in stock, and must not weigh much beside what is in use. */
    uint64_t part = capacity / LOG_STOCK_PART;
    uint64_t least = log_files_least_reserve(engine);
    part = part < APPENDER_RESERVE_FIRST ? part : APPENDER_RESERVE_FIRST;
    return part > least ? part : least;
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
    unlisted_remove(engine->fs, name);
}

/* The manifest on the disk may list it: its name stays. Nobody needs its room; and a log segment
 * that is empty was never used, to who opens the store. */
static void leave_empty(struct segment *segment)
{
    if (file_truncate(segment->file, 0) != STATUS_OK) {
        LOG_WARNING("log segment %llu, which is not used, keeps its room until the next start",
                    (unsigned long long)segment->number);
    }
    segment_unreference(segment);
}

/* Has something the name of that file that is none? Recovery, which has passed over the numbers of
 * all files (rule 11), sees no such thing. */
static bool is_of_no_file(struct engine *engine, uint64_t number)
{
    char name[FILE_NAME_SIZE_MAX];
    struct file *file;
    segment_file_name(SEGMENT_LOG, number, name);
    if (fs_open(engine->fs, name, FILE_MODE_READ, &file) != STATUS_OK) {
        return true;
    }
    file_close(file);
    return false;
}

/* The file, with its space and name durable but for the directory's sync. */
static enum status make_file(struct engine *engine, uint64_t capacity, struct segment **out)
{
    /* The number is used up even when this fails (rule 11): checksums are seeded with it, so a file
     * must never get the number of one that may have left bytes somewhere. */
    uint64_t number;
    struct segment *segment;
    enum status status;
    do {
        number = engine->manifest.next_file_number++;
        status = create_file(engine, number, capacity, &segment);
    } while (status == STATUS_EXISTS && is_of_no_file(engine, number));
    if (status != STATUS_OK) {
        return status;
    }
    segment->seed = record_seed(engine->store_id, number);
    segment->of_this_session = true;
    status = file_sync(segment->file);
    if (status != STATUS_OK) {
        remove_unlisted(engine, segment);
        return status;
    }
    *out = segment;
    return STATUS_OK;
}

static void drop_from_manifest(struct manifest *manifest, const struct log_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        manifest_drop(manifest, batch->segments[i]->number);
    }
}

static enum status add_to_manifest(struct manifest *manifest, const struct log_batch *batch)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < batch->count; i++) {
        struct manifest_file entry = {.number = batch->segments[i]->number, .kind = SEGMENT_LOG};
        status = manifest_add(manifest, &entry);
    }
    if (status != STATUS_OK) {
        drop_from_manifest(manifest, batch);
    }
    return status;
}

/* What was not listed, or (`may_be_listed`) by a manifest that is perhaps the one on the disk. */
static void give_up(struct engine *engine, const struct log_batch *batch, bool may_be_listed)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (may_be_listed) {
            char name[FILE_NAME_SIZE_MAX];
            segment_file_name(SEGMENT_LOG, batch->segments[i]->number, name);
            doubtful_withdraw(engine, name, true);
            leave_empty(batch->segments[i]);
        } else {
            remove_unlisted(engine, batch->segments[i]);
        }
    }
}

/* Brings files that were made into the manifest, durably. On failure they are gone, but for names
 * of empty files that rule 7 keeps. */
static enum status list_files(struct engine *engine, const struct log_facts *facts,
                              const struct log_batch *batch) REQUIRES(engine->manifest_mutex)
{
    struct manifest *manifest = &engine->manifest;
    enum status status = STATUS_OK;
    if (!MUTANT(LOG_NAME_UNSYNCED)) {
        status = fs_sync_directory(engine->fs); /* rule 1 of docs/durability.md */
    }
    if (status == STATUS_OK) {
        status = add_to_manifest(manifest, batch);
    }
    if (status != STATUS_OK) {
        give_up(engine, batch, false);
        return status;
    }
    log_files_apply(engine, facts);
    bool may_be_new;
    status = doubtful_replace(engine, manifest, &may_be_new);
    if (status != STATUS_OK) {
        drop_from_manifest(manifest, batch);
        give_up(engine, batch, may_be_new);
    }
    return status;
}

enum status log_files_make_several(struct engine *engine, const struct log_facts *facts,
                                   uint64_t capacity, struct log_batch *batch)
{
    size_t wanted = batch->count;
    enum status status = STATUS_OK;
    CHECK(wanted > 0 && wanted <= LOG_STOCK_MAX);
    batch->count = 0;
    while (status == STATUS_OK && batch->count < wanted) {
        status = make_file(engine, capacity, &batch->segments[batch->count]);
        batch->count += status == STATUS_OK ? 1 : 0;
    }
    return batch->count == 0 ? status : list_files(engine, facts, batch);
}

enum status log_files_make(struct engine *engine, const struct log_facts *facts, uint64_t capacity,
                           struct segment **out)
{
    struct log_batch batch = {.count = 1};
    enum status status = log_files_make_several(engine, facts, capacity, &batch);
    if (status == STATUS_OK) {
        *out = batch.segments[0];
    }
    return status;
}

enum status log_files_create(struct engine *engine, uint64_t capacity, uint64_t reserve,
                             struct segment **out)
{
    mutex_lock(&engine->manifest_mutex);
    uint64_t number = engine->manifest.next_file_number++;
    mutex_unlock(&engine->manifest_mutex);
    struct segment_plan plan = {
        .kind = SEGMENT_LOG, .number = number, .capacity = capacity, .reserve = reserve};
    enum status status = segment_create(engine->fs, &plan, out);
    if (status == STATUS_OK) {
        (*out)->seed = record_seed(engine->store_id, number);
        (*out)->of_this_session = true;
    }
    return status;
}

void log_files_abandon(struct engine *engine, struct segment *segment)
{
    remove_unlisted(engine, segment);
}

enum status log_files_list(struct engine *engine, struct segment *segment)
{
    struct log_batch batch = {.segments = {segment}, .count = 1};
    mutex_lock(&engine->lock);
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_unlock(&engine->lock);
    mutex_lock(&engine->manifest_mutex);
    enum status status = MUTANT(STAGED_UNLISTED) ? add_to_manifest(&engine->manifest, &batch)
                                                 : list_files(engine, &facts, &batch);
    mutex_unlock(&engine->manifest_mutex);
    return status;
}

enum status log_files_take_locked(struct engine *engine, uint64_t capacity, struct segment **out)
{
    struct segment *ready = capacity == engine->segment_size ? log_stock_take_locked(engine) : NULL;
    if (ready != NULL) {
        *out = ready;
        return STATUS_OK;
    }
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_lock(&engine->manifest_mutex);
    enum status status = log_files_make(engine, &facts, capacity, out);
    mutex_unlock(&engine->manifest_mutex);
    return status;
}

void log_files_put_back_locked(struct engine *engine, struct segment *segment)
{
    if (!log_stock_try_put_locked(engine, segment)) {
        log_files_discard(engine, segment);
    }
}

void log_files_discard(struct engine *engine, struct segment *segment)
{
    mutex_lock(&engine->manifest_mutex);
    struct manifest_file entry = *manifest_find(&engine->manifest, segment->number);
    manifest_drop(&engine->manifest, segment->number);
    if (manifest_write(engine->fs, &engine->manifest) == STATUS_OK) {
        remove_unlisted(engine, segment);
    } else {
        /* Listed or not, it has to stay; the next start finds that it was never used. */
        CHECK(manifest_add(&engine->manifest, &entry) == STATUS_OK); /* its room is there */
        leave_empty(segment);
    }
    mutex_unlock(&engine->manifest_mutex);
}

/* --- sealing ------------------------------------------------------------------------------ */

#define SEAL_BATCH 64

/* To its end, and so are the groups that reach into the next one. */
static bool is_durable(const struct segment *segment)
{
    return segment->synced_end == segment->end && !segment->in_unsynced;
}

/* Closed, durable segments that are not sealed yet, referenced; returns how many. */
static size_t find_sealable(struct engine *engine, struct segment **found)
{
    size_t count = 0;
    size_t handle = 0;
    mutex_lock(&engine->lock);
    struct segment *segment;
    while (count < SEAL_BATCH &&
           (segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        bool may_be_sealed = is_durable(segment) || MUTANT(SEALED_BEFORE_SYNC);
        if (segment->closed && !segment->sealed && may_be_sealed && segment->end > 0) {
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
    grow_ahead_settle(engine);
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

/* The names of the unused files that the last manifest no longer lists. */
struct unused_names {
    char names[LOG_STOCK_MAX + 1][FILE_NAME_SIZE_MAX];
    size_t count;
};

/* Takes an unused segment off the manifest in memory. */
static void drop_unused(struct engine *engine, const struct segment *segment,
                        struct unused_names *unused) REQUIRES(engine->manifest_mutex)
{
    if (segment->first_sequence == 0) {
        segment_file_name(segment->kind, segment->number, unused->names[unused->count++]);
        manifest_drop(&engine->manifest, segment->number);
    }
}

void log_files_close(struct engine *engine)
{
    struct segment *active = engine->appender.active;
    active->closed = true;
    log_files_seal(engine);
    struct unused_names unused = {.count = 0};
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_lock(&engine->manifest_mutex);
    drop_unused(engine, active, &unused);
    for (size_t i = 0; i < engine->stock.count; i++) {
        drop_unused(engine, engine->stock.segments[i], &unused);
    }
    log_files_apply(engine, &facts);
    bool may_be_new;
    enum status status = doubtful_replace(engine, &engine->manifest, &may_be_new);
    mutex_unlock(&engine->manifest_mutex);
    if (status != STATUS_OK) {
        LOG_WARNING("can't replace the manifest at the end: %s; the next start reads the log "
                    "instead",
                    status_words(status));
        return;
    }
    for (size_t i = 0; i < unused.count; i++) {
        unlisted_remove(engine->fs, unused.names[i]);
    }
}
