/* appender.c - see appender.h. */
#include "engine/appender.h"

#include "base/check.h"
#include "base/clock.h"
#include "engine/engine_state.h"
#include "engine/grow_ahead.h"
#include "engine/log_files.h"
#include "engine/staged.h"

#include <stdlib.h>
#include <string.h>

void appender_init(struct appender *appender)
{
    *appender = (struct appender){0};
    tail_init(&appender->tail);
}

void appender_deinit(struct appender *appender)
{
    if (appender->active != NULL && !appender->active->in_table) {
        segment_unreference(appender->active);
    }
    tail_deinit(&appender->tail);
    free(appender->parts);
    free(appender->runs);
    appender_init(appender);
}

void appender_start_locked(struct engine *engine, struct segment *segment)
{
    struct appender *appender = &engine->appender;
    CHECK(segment->end == 0);
    segment->base_position = appender->position;
    appender->active = segment;
    appender->noted_end = 0;
}

const uint8_t *appender_bytes_locked(const struct engine *engine, const struct segment *segment,
                                     uint64_t offset, uint64_t *available, bool *mapped)
{
    CHECK(offset >= SEGMENT_HEADER_SIZE && offset < segment->end);
    *mapped = true;
    if (offset >= segment->tail_from) {
        const uint8_t *bytes = tail_find(&engine->appender.tail, segment, offset, available);
        if (bytes != NULL) {
            *mapped = false;
            return bytes;
        }
    }
    *available = segment->end - offset;
    return segment->mapping + offset;
}

/* --- rolling ------------------------------------------------------------------------------ */

uint64_t appender_deletion_reserve(const struct engine *engine)
{
    uint64_t part = engine->segment_size / 16;
    return part < APPENDER_DELETION_RESERVE ? part : APPENDER_DELETION_RESERVE;
}

/* Values, and what strings in pieces consist of. */
static bool has_live_bytes(enum record_kind kind)
{
    return kind == RECORD_VALUE || kind == RECORD_PIECED;
}

/* Everything but a value makes room, or is needed for making room. */
static uint64_t spare_after(const struct engine *engine, enum record_kind kind)
{
    return has_live_bytes(kind) ? appender_deletion_reserve(engine) : 0;
}

/* A compaction is about to use what little room there is. */
static bool may_take_room(const struct engine *engine, enum record_kind kind)
{
    return !engine->appender.room_is_kept || spare_after(engine, kind) == 0;
}

/* The log goes on in `next`. */
static void replace_active(struct engine *engine, struct segment *next)
{
    struct appender *appender = &engine->appender;
    struct segment *old = appender->active;
    if (old->end > 0) {
        old->closed = true;
        /* A closed segment must become durable whole, the sync mark at its end too: it is sealed
         * only then. */
        atomic_store_explicit(&appender->payload_position, appender->position,
                              memory_order_relaxed);
    } else {
        if (old->in_table) {
            segment_table_withdraw(&engine->segments, old);
        }
        log_files_put_back_locked(engine, old);
    }
    appender_start_locked(engine, next);
    grow_ahead_note_roll_locked(engine);
    compaction_gauge_locked(engine);
    if (atomic_load(&engine->pace.is_due)) {
        maintenance_wake(engine);
    }
}

/* The active segment is full, or something in `next` is to be appended. */
static void roll_to(struct engine *engine, struct segment *next)
{
    replace_active(engine, next);
    log_stock_note_roll_locked(engine);
}

static enum status roll(struct engine *engine, uint64_t capacity)
{
    struct segment *next;
    enum status status = log_files_take_locked(engine, capacity, &next);
    if (status == STATUS_OK) {
        roll_to(engine, next);
    }
    return status;
}

enum status appender_roll_locked(struct engine *engine)
{
    if (engine->appender.active->end == 0) {
        return STATUS_OK;
    }
    return roll(engine, engine->segment_size);
}

bool appender_may_leave_locked(const struct engine *engine)
{
    const struct appender *appender = &engine->appender;
    const struct segment *active = appender->active;
    bool is_at_work = appender->group_depth > 0 || appender->group_open || engine->offered != NULL;
    return active->capacity > engine->segment_size && !is_at_work && !appender->room_is_kept &&
           active->end + appender_deletion_reserve(engine) < active->capacity;
}

bool appender_leave_locked(struct engine *engine)
{
    struct segment *next = appender_may_leave_locked(engine) ? log_stock_take_locked(engine) : NULL;
    if (next != NULL) {
        replace_active(engine, next); /* says nothing of how fast the log grows */
    }
    return next != NULL;
}

/* Where the next record would start in the active segment. */
static uint64_t next_offset(const struct segment *active)
{
    return active->end == 0 ? SEGMENT_HEADER_SIZE : active->end;
}

uint64_t appender_capacity_for(const struct engine *engine, uint64_t size)
{
    uint64_t usual = engine->segment_size;
    uint64_t own = SEGMENT_HEADER_SIZE + size;
    if (own + appender_deletion_reserve(engine) <= usual) {
        return usual;
    }
    /* Larger than a usual one even where it would just fit, so that nobody takes it for one. */
    return own > usual ? own : usual + RECORD_ALIGNMENT;
}

/* Rolls when the record does not fit into the active segment. */
static enum status find_segment(struct engine *engine, const struct append *append)
{
    const struct segment *active = engine->appender.active;
    uint64_t spare = spare_after(engine, append->record.kind);
    if (next_offset(active) + append->size + spare <= active->capacity) {
        return STATUS_OK;
    }
    if (!may_take_room(engine, append->record.kind)) {
        return STATUS_DISK_FULL;
    }
    uint64_t capacity = appender_capacity_for(engine, append->size);
    if (active->end == 0 && capacity > engine->segment_size && active->capacity >= capacity) {
        return STATUS_OK; /* made for this record and others, or by an attempt that failed later */
    }
    return roll(engine, capacity);
}

/* Makes sure that the disk has room for the record and, behind it, for what deletes. */
static enum status reserve_space(struct engine *engine, const struct append *append)
{
    struct segment *active = engine->appender.active;
    uint64_t needed = next_offset(active) + append->size + spare_after(engine, append->record.kind);
    needed = needed < active->capacity ? needed : active->capacity;
    if (needed <= active->reserved) {
        return STATUS_OK;
    }
    if (!may_take_room(engine, append->record.kind)) {
        return STATUS_DISK_FULL;
    }
    uint64_t doubled = active->reserved * 2;
    doubled = doubled < active->capacity ? doubled : active->capacity;
    uint64_t target = doubled > needed ? doubled : needed;
    enum status status = grow_ahead_reserve_locked(engine, target);
    if (status == STATUS_DISK_FULL && target > needed) {
        status = grow_ahead_reserve_locked(engine, needed);
    }
    return status;
}

/* The first record of a segment brings its header, which names the end of the segment before. */
static void commit_header(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    struct segment *active = appender->active;
    struct segment_header header = {
        .kind = SEGMENT_LOG,
        .file_number = active->number,
        .capacity = active->capacity,
        .first_sequence = appender->next_sequence,
        .previous_file = appender->place.file,
        .previous_end = appender->place.offset,
        .previous_sequence = appender->place.sequence,
        .created_ms = engine_unix_ms(engine),
    };
    uint8_t *bytes = tail_extend(&appender->tail, active, 0, SEGMENT_HEADER_SIZE);
    segment_header_encode(&header, engine->store_id, bytes);
    active->base_position = appender->position;
    active->end = SEGMENT_HEADER_SIZE;
    appender->position += SEGMENT_HEADER_SIZE;
}

/* --- appending ---------------------------------------------------------------------------- */

static enum status check_writable(const struct engine *engine)
{
    const struct appender *appender = &engine->appender;
    if (appender->must_not_fail) {
        return STATUS_OK;
    }
    if (engine->fs->read_only) {
        return STATUS_READ_ONLY;
    }
    if (sync_has_stopped(&engine->sync)) {
        return STATUS_WRITES_STOPPED;
    }
    int failing = atomic_load_explicit(&appender->failing, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&appender->written_position, memory_order_relaxed);
    if (failing != STATUS_OK && appender->position - written > APPENDER_PENDING_MAX_WHILE_FAILING) {
        return (enum status)failing;
    }
    return STATUS_OK;
}

static void measure(struct append *append, bool must_not_fail)
{
    const struct record *record = &append->record;
    bool has_expiry = record->expiry_ms != EXPIRY_NONE;
    bool is_pieced = record->kind == RECORD_PIECED;
    append->value_size = 0;
    for (size_t i = 0; i < append->part_count; i++) {
        append->value_size += append->parts[i].size;
    }
    append->head_size =
        record_head_size(record->key.size, append->value_size, has_expiry, is_pieced);
    append->size = record_padded_size(append->head_size + append->value_size);
    append->through =
        append->size >= APPENDER_THROUGH_SIZE && !append->stays_in_memory && !must_not_fail;
}

/* Makes room for the record; most often there is. */
static enum status find_room(struct engine *engine, const struct append *append,
                             struct staged *staged)
{
    const struct segment *active = engine->appender.active;
    uint64_t end = next_offset(active) + append->size + spare_after(engine, append->record.kind);
    if (staged == NULL && end <= active->capacity && end <= active->reserved) {
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    if (staged != NULL) {
        roll_to(engine, staged_begin_locked(staged));
    } else {
        status = find_segment(engine, append);
    }
    return status == STATUS_OK ? reserve_space(engine, append) : status;
}

/* The same for a record, whose value may be in its place already. */
static enum status find_place(struct engine *engine, struct append *append)
{
    bool may_be_staged = engine->offered != NULL && !engine->appender.must_not_fail;
    struct staged *staged = may_be_staged ? staged_for_record_locked(engine, append) : NULL;
    enum status status = find_room(engine, append, staged);
    const uint64_t offset = next_offset(engine->appender.active);
    append->staged = may_be_staged ? staged_find_locked(engine, append, offset) : NULL;
    append->through = append->through || append->staged != NULL;
    return status;
}

/* For the words of the error: what the disk would have to have, beyond what is reserved. */
static enum status note_refusal(struct engine *engine, const struct append *append,
                                enum status status)
{
    const struct segment *active = engine->appender.active;
    if (status == STATUS_DISK_FULL) {
        uint64_t spare = spare_after(engine, append->record.kind);
        uint64_t end = next_offset(active) + append->size + spare;
        bool fits = end <= active->capacity && end > active->reserved;
        engine->appender.room_refused =
            fits ? end - active->reserved : SEGMENT_HEADER_SIZE + append->size + spare;
    }
    return status;
}

enum status appender_reserve_locked(struct engine *engine, uint64_t size)
{
    if (engine->appender.must_not_fail) {
        return STATUS_OK; /* it is a part of what was reserved, and need not be had a second time */
    }
    struct append append = {
        .record = {.kind = RECORD_VALUE},
        .size = size +
                appender_deletion_reserve(engine), /* so that the last record finds it behind it */
    };
    enum status status = check_writable(engine);
    if (status == STATUS_OK) {
        status = find_room(engine, &append, staged_for_batch_locked(engine, append.size));
    }
    return note_refusal(engine, &append, status);
}

enum status appender_reserve_all_locked(struct engine *engine, uint64_t keyspace_id, uint64_t size)
{
    struct appender *appender = &engine->appender;
    enum status status = appender_reserve_locked(engine, size);
    struct segment *active = appender->active;
    if (status == STATUS_OK && !active->in_table) {
        status = segment_table_add(&engine->segments, active);
    }
    if (status == STATUS_OK) {
        status = segment_live_prepare(active, keyspace_id);
    }
    return status == STATUS_OK ? tail_prepare(&appender->tail, active, active->end,
                                              (size_t)(SEGMENT_HEADER_SIZE + size))
                               : status;
}

enum status appender_prepare_locked(struct engine *engine, struct append *append)
{
    struct appender *appender = &engine->appender;
    measure(append, appender->must_not_fail);
    enum status status = check_writable(engine);
    status = status == STATUS_OK ? find_place(engine, append) : status;
    struct segment *active = appender->active;
    if (status == STATUS_OK && !active->in_table) {
        status = segment_table_add(&engine->segments, active);
    }
    if (status == STATUS_OK && has_live_bytes(append->record.kind)) {
        status = segment_live_prepare(active, append->record.keyspace_id);
    }
    if (status != STATUS_OK) {
        return note_refusal(engine, append, status);
    }
    append->encoded = NULL;
    append->record.sequence = appender->next_sequence;
    append->record.group_more = appender->group_depth > 0;
    append->segment = active;
    append->offset = next_offset(active);
    uint64_t in_tail = append->offset - active->end; /* the header, when it is still to come */
    in_tail += append->through ? 0 : append->size;
    status = tail_prepare(&appender->tail, active, active->end, (size_t)in_tail);
    if (status == STATUS_OK && append->through) {
        status = tail_prepare_pass(&appender->tail);
    }
    if (status == STATUS_OK && !append->through) {
        append->encoded = tail_next(&appender->tail, active, active->end, (size_t)in_tail) +
                          (append->offset - active->end);
    }
    return status == STATUS_OK ? appender_bring_locked(engine, append) : status;
}

static void add_to_unsynced(struct appender *appender, struct segment *segment)
{
    if (segment->in_unsynced) {
        return;
    }
    segment->in_unsynced = true;
    segment->next_unsynced = NULL;
    if (appender->unsynced_first == NULL) {
        appender->unsynced_first = segment;
    } else {
        appender->unsynced_last->next_unsynced = segment;
    }
    appender->unsynced_last = segment;
}

/* For who makes ready what the log will need next. */
static void note_growth(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    const struct segment *active = appender->active;
    uint64_t from = appender->noted_end;
    if (active->end - from < active->reserved / APPENDER_GROWTH_STEPS) {
        return;
    }
    log_stock_note_growth_locked(engine, from);
    grow_ahead_note_growth_locked(engine, from);
    appender->noted_end = active->end;
}

/* The log has grown by a record that nobody would miss: a sync mark. */
static bool is_payload(enum record_kind kind)
{
    return kind != RECORD_SYNC_MARK;
}

struct record_address appender_commit_locked(struct engine *engine, struct append *append)
{
    struct appender *appender = &engine->appender;
    struct segment *segment = append->segment;
    CHECK(segment == appender->active && append->offset == next_offset(segment));
    CHECK(append->record.sequence == appender->next_sequence);
    if (segment->end == 0) {
        commit_header(engine);
    }
    if (append->through) {
        tail_pass(&appender->tail, segment, append->offset, (size_t)append->size);
    } else {
        CHECK(tail_extend(&appender->tail, segment, append->offset, (size_t)append->size) ==
              append->encoded);
    }
    if (segment->first_sequence == 0) {
        segment->first_sequence = append->record.sequence;
    }
    segment->last_sequence = append->record.sequence;
    segment->end += append->size;
    note_growth(engine);
    appender->position += append->size;
    appender->next_sequence++;
    appender->place = (struct manifest_position){
        .file = segment->number, .offset = segment->end, .sequence = append->record.sequence};
    add_to_unsynced(appender, segment);
    appender->group_open = append->record.group_more;
    appender->group_last = append->encoded;
    appender->group_seed = segment->seed;
    if (is_payload(append->record.kind)) {
        atomic_store_explicit(&appender->payload_position, appender->position,
                              memory_order_relaxed);
        if (atomic_load_explicit(&appender->unsynced_since_ms, memory_order_relaxed) == 0) {
            atomic_store_explicit(&appender->unsynced_since_ms, clock_monotonic_ms(),
                                  memory_order_relaxed);
        }
        engine->rest_position = appender->position;
    }
    return segment_address_of(&engine->segments, segment, append->offset);
}
