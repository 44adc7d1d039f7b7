/* staged.c - see staged.h. */
#include "engine/staged.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/appender.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"

#include <stdlib.h>

/* Are files rare? */
static bool is_crowded(const struct engine *engine)
{
    uint64_t count = engine->segments.segment_count;
    return count >= STAGED_SEGMENTS_MAX ||
           (engine->descriptors != 0 && count >= engine->descriptors / 2);
}

bool staged_is_wanted_locked(const struct engine *engine, uint64_t value_size)
{
    uint64_t least = is_crowded(engine) ? engine->segment_size / 2 : STAGED_SIZE_MIN;
    return value_size >= (least > STAGED_SIZE_MIN ? least : STAGED_SIZE_MIN) &&
           !engine_is_read_only(engine) && !sync_has_stopped(&engine->sync) &&
           !engine->appender.room_is_kept;
}

/* --- the file ----------------------------------------------------------------------------- */

/* Like the writer, which reserves twice what it needs (appender.c), or as little as will do. */
static enum status create_segment(struct engine *engine, uint64_t size, struct segment **out)
{
    uint64_t capacity = appender_capacity_for(engine, size);
    uint64_t needed = SEGMENT_HEADER_SIZE + size + appender_deletion_reserve(engine);
    needed = needed < capacity ? needed : capacity;
    uint64_t reserve = 2 * needed < capacity ? 2 * needed : capacity;
    enum status status = log_files_create(engine, capacity, reserve, out);
    return status == STATUS_DISK_FULL && needed < reserve
               ? log_files_create(engine, capacity, needed, out)
               : status;
}

/* All of the record that is known: the checksums of the value's blocks, and the value. */
static enum status write_value(const struct segment *segment, struct staged_value *staged)
{
    const struct slice value = staged->value;
    uint64_t array_size = record_array_size(value.size);
    uint8_t *array = malloc((size_t)array_size + 1);
    if (array == NULL) {
        return STATUS_NO_MEMORY;
    }
    staged->value_checksum = record_encode_array(&value, 1, segment->seed, array);
    const struct slice parts[] = {slice_make(array, (size_t)array_size), value};
    uint64_t offset = SEGMENT_HEADER_SIZE + staged->before + staged->head_size - array_size;
    enum status status = file_write(segment->file, offset, parts, 2);
    free(array);
    return status;
}

static enum status write_values(const struct segment *segment, struct staged *staged)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < staged->plan.count && status == STATUS_OK; i++) {
        status = write_value(segment, &staged->plan.values[i]);
    }
    return status;
}

/* Where each reply waits for its sync the value is synced here, so that it is not what the others'
 * replies wait for. The file's own sync comes first or with it. */
static enum status fill_segment(const struct engine *engine, const struct segment *segment,
                                struct staged *staged)
{
    bool syncs_value = atomic_load(&engine->sync.policy) == SYNC_ALWAYS;
    enum status status = syncs_value ? STATUS_OK : file_sync(segment->file);
    if (status == STATUS_OK) {
        status = write_values(segment, staged);
    }
    return status == STATUS_OK && syncs_value ? file_sync(segment->file) : status;
}

static enum status make_segment(struct engine *engine, uint64_t size, struct staged *staged)
{
    if (engine->appender.room_is_kept) {
        return STATUS_DISK_FULL; /* for a compaction that has begun meanwhile */
    }
    struct segment *segment;
    enum status status = create_segment(engine, size, &segment);
    if (status != STATUS_OK) {
        return status;
    }
    status = fill_segment(engine, segment, staged);
    if (status != STATUS_OK) {
        log_files_abandon(engine, segment);
        return status;
    }
    status = log_files_list(engine, segment);
    if (status == STATUS_OK) {
        staged->segment = segment;
    }
    return status;
}

/* --- staging ------------------------------------------------------------------------------ */

/* Fills in what follows from the plan. False: it can't be put. */
static bool measure(struct staged_plan *plan, uint64_t *size)
{
    *size = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct staged_value *each = &plan->values[i];
        if (each->key_size > RECORD_KEY_SIZE_MAX || each->value.size > RECORD_VALUE_SIZE_MAX) {
            return false;
        }
        each->head_size =
            record_head_size(each->key_size, each->value.size, each->has_expiry, false);
        *size =
            each->before + record_size(each->key_size, each->value.size, each->has_expiry, false);
    }
    CHECK(plan->count > 0 && plan->count <= STAGED_VALUES_MAX);
    CHECK(plan->batch_size == 0 || *size <= plan->batch_size);
    *size = plan->batch_size > 0 ? plan->batch_size : *size;
    return true;
}

enum status staged_write(struct engine *engine, const struct staged_plan *plan, struct staged **out)
{
    struct staged *staged = calloc(1, sizeof(*staged));
    if (staged == NULL) {
        return STATUS_NO_MEMORY;
    }
    staged->plan = *plan;
    uint64_t size;
    enum status status = STATUS_TOO_LARGE;
    if (measure(&staged->plan, &size)) {
        bool is_batch = plan->batch_size > 0; /* whose last record finds it behind it */
        size += is_batch ? appender_deletion_reserve(engine) : 0;
        status = make_segment(engine, size, staged);
    }
    if (status != STATUS_OK) {
        free(staged);
        return status;
    }
    mutex_lock(&engine->lock);
    staged->next = engine->staged_first;
    engine->staged_first = staged;
    mutex_unlock(&engine->lock);
    *out = staged;
    return STATUS_OK;
}

/* Are values behind the end of the log that did not come to be put? After a crash they would be
 * taken for what is left of a torn write. */
static bool has_left_values(const struct engine *engine, const struct staged *staged)
{
    const struct segment *active = engine->appender.active;
    return staged->segment == NULL && staged->used_count < staged->plan.count &&
           staged->begun_file == active->number && active->end > 0;
}

/* Nothing will be appended to the segment any more, so it needs no room behind its end. */
static void leave_values(struct engine *engine)
{
    struct segment *left = engine->appender.active;
    enum status status = appender_roll_locked(engine);
    if (status == STATUS_OK) {
        status = file_truncate(left->file, left->end);
    }
    if (status != STATUS_OK) {
        LOG_VERBOSE("values that were not put stay behind the end of the log: %s",
                    status_words(status));
    }
}

/* The log has rolled to the segment and the put was refused: the log begins its next one elsewhere,
 * for the same reason. */
static void leave_unused(struct engine *engine, const struct staged *staged)
{
    struct segment *active = engine->appender.active;
    struct segment *next;
    bool is_unused =
        staged->segment == NULL && active->number == staged->begun_file && active->end == 0;
    if (!is_unused || log_files_take_locked(engine, engine->segment_size, &next) != STATUS_OK) {
        return;
    }
    if (active->in_table) {
        segment_table_withdraw(&engine->segments, active);
    }
    log_files_discard(engine, active);
    appender_start_locked(engine, next);
}

void staged_offer_locked(struct engine *engine, struct staged *staged)
{
    const struct staged *before = engine->offered;
    engine->offered = staged;
    if (before != NULL && has_left_values(engine, before)) {
        leave_values(engine);
    } else if (before != NULL) {
        leave_unused(engine, before);
    }
}

static void unlink_staged(struct engine *engine, const struct staged *staged)
{
    struct staged **link = &engine->staged_first;
    while (*link != staged) {
        CHECK(*link != NULL);
        link = &(*link)->next;
    }
    *link = staged->next;
}

void staged_drop(struct engine *engine, struct staged *staged)
{
    mutex_lock(&engine->lock);
    CHECK(engine->offered != staged);
    unlink_staged(engine, staged);
    mutex_unlock(&engine->lock);
    if (staged->segment != NULL) {
        log_files_discard(engine, staged->segment);
    }
    free(staged);
}

void staged_drop_all(struct engine *engine)
{
    while (engine->staged_first != NULL) {
        staged_drop(engine, engine->staged_first);
    }
}

/* --- the put ------------------------------------------------------------------------------ */

static bool is_value_of(const struct staged_value *staged, const struct append *append)
{
    return append->record.kind == RECORD_VALUE && append->part_count == 1 &&
           append->parts[0].data == staged->value.data &&
           append->parts[0].size == staged->value.size && append->head_size == staged->head_size;
}

/* What is offered, if the log may roll to it. A compaction may be about to use what little room
 * there is. */
static struct staged *find_waiting(const struct engine *engine)
{
    struct staged *staged = engine->offered;
    bool is_waiting = staged != NULL && staged->segment != NULL && !engine->appender.room_is_kept;
    return is_waiting ? staged : NULL;
}

struct staged *staged_for_record_locked(const struct engine *engine, const struct append *append)
{
    struct staged *staged = find_waiting(engine);
    bool is_it = staged != NULL && staged->plan.batch_size == 0 &&
                 is_value_of(&staged->plan.values[0], append);
    return is_it ? staged : NULL;
}

/* The old values, which have to be put back should it fail, may have grown meanwhile. */
struct staged *staged_for_batch_locked(const struct engine *engine, uint64_t size)
{
    struct staged *staged = find_waiting(engine);
    bool is_it = staged != NULL && staged->plan.batch_size > 0 &&
                 SEGMENT_HEADER_SIZE + size <= staged->segment->capacity;
    return is_it ? staged : NULL;
}

struct segment *staged_begin_locked(struct staged *staged)
{
    struct segment *segment = staged->segment;
    staged->begun_file = segment->number;
    staged->segment = NULL;
    return segment;
}

const struct staged_value *staged_find_locked(struct engine *engine, const struct append *append,
                                              uint64_t offset)
{
    struct staged *staged = engine->offered;
    if (staged == NULL || staged->segment != NULL ||
        staged->begun_file != engine->appender.active->number) {
        return NULL;
    }
    for (size_t i = 0; i < staged->plan.count; i++) {
        const struct staged_value *each = &staged->plan.values[i];
        if (SEGMENT_HEADER_SIZE + each->before == offset && is_value_of(each, append)) {
            staged->used_count++;
            return each;
        }
    }
    return NULL;
}
