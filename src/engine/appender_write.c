/* appender_write.c - how the tail comes to the files: see appender.h. */
#include "engine/appender.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/file.h"

#include <stdlib.h>

/* The array with room for one more entry: itself, or a longer one that has taken its place. NULL
 * when there is no memory; the array is then as it was. */
static void *with_room(void *array, size_t count, size_t *capacity, size_t entry_size)
{
    if (count < *capacity) {
        return array;
    }
    size_t fresh = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = realloc(array, fresh * entry_size);
    if (grown != NULL) {
        *capacity = fresh;
    }
    return grown;
}

static enum status make_room(struct appender *appender)
{
    struct slice *parts =
        with_room(appender->parts, appender->part_count, &appender->part_capacity, sizeof(*parts));
    if (parts == NULL) {
        return STATUS_NO_MEMORY;
    }
    appender->parts = parts;
    struct append_run *runs =
        with_room(appender->runs, appender->run_count, &appender->run_capacity, sizeof(*runs));
    if (runs == NULL) {
        return STATUS_NO_MEMORY;
    }
    appender->runs = runs;
    return STATUS_OK;
}

/* The run that goes on at `offset` of the file: the last one, or a new one. There is room. */
static struct append_run *run_at(struct appender *appender, struct segment *segment,
                                 uint64_t offset)
{
    CHECK(appender->runs != NULL && appender->run_count < appender->run_capacity);
    if (appender->run_count > 0) {
        struct append_run *last = &appender->runs[appender->run_count - 1];
        if (last->segment == segment && last->end == offset) {
            return last;
        }
    }
    struct append_run *run = &appender->runs[appender->run_count++];
    *run = (struct append_run){
        .segment = segment, .offset = offset, .end = offset, .first_part = appender->part_count};
    return run;
}

/* Adds the part of a chunk that is not written yet to what will be written. */
static enum status collect_chunk(struct appender *appender, const struct tail_chunk *chunk,
                                 uint64_t written)
{
    uint64_t position = tail_chunk_position(chunk);
    uint64_t skipped = written > position ? written - position : 0;
    if (chunk->capacity == 0 || skipped >= chunk->size) {
        return STATUS_OK;
    }
    enum status status = make_room(appender);
    if (status != STATUS_OK) {
        return status;
    }
    struct append_run *run = run_at(appender, chunk->segment, chunk->offset + skipped);
    size_t size = chunk->size - (size_t)skipped;
    appender->parts[appender->part_count++] = slice_make(chunk->data + skipped, size);
    run->part_count++;
    run->end += size;
    return STATUS_OK;
}

/* The end of the log, as it was seen under the lock. */
struct log_end {
    uint64_t position;
    struct manifest_position place;
    uint64_t changes;
};

/* Sees what is to be written, up to *end. */
static enum status collect(struct engine *engine, struct log_end *end)
{
    struct appender *appender = &engine->appender;
    uint64_t written = atomic_load(&appender->written_position);
    enum status status = STATUS_OK;
    appender->part_count = 0;
    appender->run_count = 0;
    mutex_lock(&engine->lock);
    CHECK(appender->group_depth == 0);
    if (appender->group_open) {
        status = appender_close_group_locked(engine);
    }
    tail_retire(&appender->tail, written);
    for (const struct tail_chunk *chunk = appender->tail.first;
         status == STATUS_OK && chunk != NULL; chunk = chunk->next) {
        status = collect_chunk(appender, chunk, written);
    }
    *end = (struct log_end){
        .position = appender->position, .place = appender->place, .changes = engine->changes};
    mutex_unlock(&engine->lock);
    return status;
}

enum status appender_heed_write(struct engine *engine, enum status status)
{
    if (status != STATUS_IO) {
        return status;
    }
    atomic_store(&engine->appender.failing, STATUS_WRITES_STOPPED);
    sync_stop_writing(engine, SYNC_STOP_WRITE);
    return STATUS_WRITES_STOPPED;
}

/* What was found wrong with the disk stays so. */
static void note_result(struct appender *appender, enum status status)
{
    int before = atomic_load(&appender->failing);
    do {
        if (before == STATUS_WRITES_STOPPED) {
            return;
        }
    } while (!atomic_compare_exchange_weak(&appender->failing, &before, (int)status));
    if (status != STATUS_OK && before == STATUS_OK) {
        LOG_WARNING("can't write the log: %s; nothing is acknowledged until it can be written",
                    status_words(status));
    } else if (status == STATUS_OK && before != STATUS_OK) {
        LOG_NOTICE("the log can be written again");
    }
}

#define FAULT_IN_LEAST ((uint64_t)64 << 10)
#define FAULT_IN_MOST  ((uint64_t)1 << 20)

/*
 * What was written will be read through the mapping, under the execution lock. The first read of a
 * page there is a page fault, and that has to wait while the kernel holds the page, which is then
 * being written back, for a place in the file system's journal: tens of milliseconds on a busy
 * disk. Now it is held by nobody.
 */
static void fault_in(const struct append_run *run)
{
    struct segment *segment = run->segment;
    uint64_t end = run->end / FILE_PAGE_SIZE * FILE_PAGE_SIZE;
    uint64_t from = segment->faulted_end;
    if (end < from + FAULT_IN_LEAST) {
        return;
    }
    from = end - from > FAULT_IN_MOST ? end - FAULT_IN_MOST : from;
    file_fault_in(segment->file, segment->mapping + from, end - from);
    segment->faulted_end = end;
}

/* The write mutex is held. */
static enum status write_pending(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    if (atomic_load(&appender->failing) == STATUS_WRITES_STOPPED) {
        return STATUS_WRITES_STOPPED;
    }
    struct log_end end;
    enum status status = collect(engine, &end);
    for (size_t i = 0; status == STATUS_OK && i < appender->run_count; i++) {
        const struct append_run *run = &appender->runs[i];
        status = file_write(run->segment->file, run->offset, &appender->parts[run->first_part],
                            run->part_count);
        status = appender_heed_write(engine, status);
        if (status == STATUS_OK) {
            fault_in(run);
        }
    }
    if (status == STATUS_OK) {
        appender->written_place = end.place;
        appender->written_changes = end.changes;
        atomic_store(&appender->written_position, end.position);
    }
    note_result(appender, status);
    return status;
}

enum status appender_write(struct engine *engine, uint64_t position)
{
    const struct appender *appender = &engine->appender;
    if (atomic_load(&appender->written_position) >= position) {
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    mutex_lock(&engine->write_mutex);
    if (atomic_load(&appender->written_position) < position) {
        status = write_pending(engine);
    }
    mutex_unlock(&engine->write_mutex);
    return status;
}

/* Nobody waits for a sync mark, so no write may come to take it along; in memory it would prove
 * nothing after a kill: damage in what it covers would pass for a torn end. */
static bool has_unwritten(struct engine *engine) REQUIRES(engine->write_mutex)
{
    const struct appender *appender = &engine->appender;
    mutex_lock(&engine->lock);
    bool unwritten = atomic_load(&appender->written_position) < appender->position;
    mutex_unlock(&engine->lock);
    return unwritten || atomic_load(&appender->failing) != STATUS_OK;
}

void appender_maintain(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    sync_heed_names(engine);
    mutex_lock(&engine->write_mutex);
    if (has_unwritten(engine)) {
        enum status status = write_pending(engine);
        (void)status; /* noted and logged there; the next round tries again */
    }
    mutex_lock(&engine->lock);
    tail_retire(&appender->tail, atomic_load(&appender->written_position));
    mutex_unlock(&engine->lock);
    mutex_unlock(&engine->write_mutex);
}
