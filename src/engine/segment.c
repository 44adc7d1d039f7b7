/* segment.c - see segment.h. */
#include "engine/segment.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/unlisted.h"

#include <stdlib.h>
#include <string.h>

static enum status segment_allocate(struct file *file, enum segment_kind kind, uint64_t number,
                                    uint64_t capacity, struct segment **out)
{
    struct segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL) {
        return STATUS_NO_MEMORY;
    }
    const uint8_t *mapping;
    enum status status = file_map(file, capacity, &mapping);
    if (status != STATUS_OK) {
        free(segment);
        return status;
    }
    atomic_init(&segment->references, 1);
    segment->number = number;
    segment->kind = kind;
    segment->file = file;
    segment->mapping = mapping;
    segment->capacity = capacity;
    segment->tail_from = UINT64_MAX;
    *out = segment;
    return STATUS_OK;
}

enum status segment_create(struct file_system *fs, const struct segment_plan *plan,
                           struct segment **out)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(plan->kind, plan->number, name);
    struct file *file;
    enum status status = fs_open(fs, name, FILE_MODE_CREATE, &file);
    if (status != STATUS_OK) {
        return status;
    }
    struct segment *segment = NULL;
    status = file_reserve(file, plan->reserve);
    if (status == STATUS_OK) {
        status = segment_allocate(file, plan->kind, plan->number, plan->capacity, &segment);
    }
    if (status != STATUS_OK) {
        file_close(file);
        unlisted_remove(fs, name);
        return status;
    }
    segment->reserved = plan->reserve;
    segment->live_map = live_map_create(plan->capacity);
    *out = segment;
    return STATUS_OK;
}

enum status segment_open(struct file_system *fs, enum segment_kind kind, uint64_t number,
                         uint64_t capacity, struct segment **out)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(kind, number, name);
    struct file *file;
    enum status status = fs_open(fs, name, fs->read_only ? FILE_MODE_READ : FILE_MODE_WRITE, &file);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t size = 0;
    struct segment *segment = NULL;
    status = file_size(file, &size);
    if (status == STATUS_OK) {
        uint64_t smallest = capacity == 0 ? size : capacity;
        smallest = smallest < SEGMENT_HEADER_SIZE ? SEGMENT_HEADER_SIZE : smallest;
        status = segment_allocate(file, kind, number, smallest, &segment);
    }
    if (status != STATUS_OK) {
        file_close(file);
        return status;
    }
    segment->reserved = size;
    *out = segment;
    return STATUS_OK;
}

void segment_reference(struct segment *segment)
{
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
}

void segment_unreference(struct segment *segment)
{
    unsigned before = atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) {
        return;
    }
    file_unmap(segment->file, segment->mapping, segment->capacity);
    file_close(segment->file);
    live_map_destroy(segment->live_map);
    free(segment->live);
    free(segment);
}

/* --- live bytes --------------------------------------------------------------------------- */

enum status segment_live_add(struct segment *segment, uint64_t keyspace_id)
{
    if (segment->live_count == segment->live_capacity) {
        size_t capacity = segment->live_capacity == 0 ? 4 : segment->live_capacity * 2;
        struct segment_live *live = realloc(segment->live, capacity * sizeof(*live));
        if (live == NULL) {
            return STATUS_NO_MEMORY;
        }
        segment->live = live;
        segment->live_capacity = capacity;
    }
    segment->live[segment->live_count++] =
        (struct segment_live){.keyspace_id = keyspace_id, .bytes = 0};
    return STATUS_OK;
}

void segment_live_begin_copy(struct segment *segment)
{
    for (size_t i = 0; i < segment->live_count; i++) {
        segment->live[i].since_copy = 0;
    }
}

void segment_live_reset(struct segment *segment)
{
    segment->live_count = 0;
    segment_change_sum(segment, 0 - segment->live_bytes);
}

void segment_live_drop(struct segment *segment, uint64_t keyspace_id)
{
    struct segment_live *live = segment_live_find(segment, keyspace_id);
    if (live == NULL) {
        return;
    }
    if (live->bytes > 0) {
        live_map_lose(segment->live_map);
    }
    segment_change_sum(segment, 0 - live->bytes);
    *live = segment->live[--segment->live_count];
}

uint64_t segment_dead_bytes(const struct segment *segment)
{
    if (segment->end <= SEGMENT_HEADER_SIZE) {
        return 0;
    }
    uint64_t records = segment->end - SEGMENT_HEADER_SIZE;
    CHECK(segment->live_bytes <= records);
    return records - segment->live_bytes;
}

/* --- the table ---------------------------------------------------------------------------- */

void segment_table_init(struct segment_table *table, uint64_t segment_size)
{
    *table = (struct segment_table){0};
    while (((uint64_t)SEGMENT_UNIT_SIZE << table->shift) < segment_size) {
        table->shift++;
    }
}

void segment_table_deinit(struct segment_table *table)
{
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(table, &handle)) != NULL) {
        segment_unreference(segment);
    }
    for (size_t i = 0; i < table->retired_count; i++) {
        segment_unreference(table->retired[i]);
    }
    free(table->handles);
    free(table->retired);
    *table = (struct segment_table){0};
}

struct segment *segment_table_next(const struct segment_table *table, size_t *handle)
{
    while (*handle < table->handle_capacity) {
        struct segment *segment = table->handles[*handle];
        if (segment == NULL) {
            (*handle)++;
            continue;
        }
        *handle = (size_t)segment->handle + segment->handle_count;
        if (!atomic_load_explicit(&segment->is_retired, memory_order_relaxed)) {
            return segment;
        }
    }
    return NULL;
}

/* The first of `count` free handles in a row; may lie at or near the end of the array. */
static size_t find_free_run(const struct segment_table *table, size_t count)
{
    size_t run = 0;
    for (size_t i = 0; i < table->handle_capacity; i++) {
        run = table->handles[i] == NULL ? run + 1 : 0;
        if (run == count) {
            return i + 1 - count;
        }
    }
    return table->handle_capacity - run;
}

static enum status grow_handles(struct segment_table *table, size_t needed)
{
    size_t capacity = table->handle_capacity == 0 ? 16 : table->handle_capacity * 2;
    capacity = capacity < needed ? needed : capacity;
    struct segment **handles = realloc(table->handles, capacity * sizeof(*handles));
    if (handles == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = table->handle_capacity; i < capacity; i++) {
        handles[i] = NULL;
    }
    table->handles = handles;
    table->handle_capacity = capacity;
    return STATUS_OK;
}

enum status segment_table_add(struct segment_table *table, struct segment *segment)
{
    uint64_t span = (uint64_t)SEGMENT_UNIT_SIZE << table->shift;
    size_t count = (size_t)((segment->capacity + span - 1) / span);
    size_t first = find_free_run(table, count);
    size_t handle_max = (size_t)1 << (SEGMENT_ADDRESS_BITS - table->shift);
    if (first + count > handle_max) {
        LOG_WARNING("the address space of %d bits is used up: no more segments can be added",
                    SEGMENT_ADDRESS_BITS);
        return STATUS_DISK_FULL;
    }
    if (first + count > table->handle_capacity) {
        enum status status = grow_handles(table, first + count);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (table->segment_count + table->retired_count >= table->retired_capacity) {
        /* Room to retire every segment, so that retiring can't fail. */
        size_t capacity = (table->segment_count + table->retired_count + 1) * 2;
        struct segment **retired = realloc(table->retired, capacity * sizeof(*retired));
        if (retired == NULL) {
            return STATUS_NO_MEMORY;
        }
        table->retired = retired;
        table->retired_capacity = capacity;
    }
    for (size_t i = first; i < first + count; i++) {
        table->handles[i] = segment;
    }
    segment->handle = (uint32_t)first;
    segment->handle_count = (uint32_t)count;
    segment->in_table = true;
    table->segment_count++;
    segment->counted_in = table;
    table->live_bytes += segment->live_bytes;
    return STATUS_OK;
}

static void free_handles(struct segment_table *table, struct segment *segment)
{
    for (uint32_t i = 0; i < segment->handle_count; i++) {
        table->handles[segment->handle + i] = NULL;
    }
    segment->in_table = false;
}

static void stop_counting(struct segment_table *table, struct segment *segment)
{
    CHECK(segment->counted_in == table);
    table->live_bytes -= segment->live_bytes;
    segment->counted_in = NULL;
}

void segment_table_withdraw(struct segment_table *table, struct segment *segment)
{
    CHECK(segment->in_table && segment->first_sequence == 0);
    free_handles(table, segment);
    table->segment_count--;
    stop_counting(table, segment);
}

void segment_table_retire(struct segment_table *table, struct segment *segment)
{
    CHECK(table->retired_count < table->retired_capacity);
    CHECK(!atomic_load(&segment->is_retired));
    table->retired[table->retired_count++] = segment;
    atomic_store(&segment->is_retired, true);
    table->segment_count--;
    stop_counting(table, segment);
}

struct segment *segment_table_take_unused(struct segment_table *table)
{
    for (size_t i = 0; i < table->retired_count; i++) {
        struct segment *segment = table->retired[i];
        /* New references are only taken under the lock that we hold, by way of a slot, and no slot
         * points here: so 1 stays 1. */
        if (atomic_load_explicit(&segment->references, memory_order_acquire) == 1) {
            table->retired[i] = table->retired[--table->retired_count];
            free_handles(table, segment);
            return segment;
        }
    }
    return NULL;
}
