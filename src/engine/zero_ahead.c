/* zero_ahead.c - see zero_ahead.h. */
#include "engine/zero_ahead.h"

#include "base/log.h"
#include "engine/engine_state.h"

#define STEP_MAX   ((uint64_t)256 << 10)
#define BLOCK_SIZE ((uint64_t)64 << 10)
#define PAGE_SIZE  ((uint64_t)4096)

static const char zeros[BLOCK_SIZE];

struct zero_range {
    struct segment *segment; /* referenced; NULL = none */
    uint64_t from;
    uint64_t end;
};

static uint64_t step_of(const struct engine *engine)
{
    uint64_t part = engine->segment_size / 16;
    return part < STEP_MAX ? part : STEP_MAX;
}

/* Much at once gains little from cheap syncs, and would be written twice. */
static bool is_bulk(const struct engine *engine)
{
    uint64_t durable = atomic_load_explicit(&engine->sync.durable_position, memory_order_relaxed);
    return engine->appender.position - durable > step_of(engine) / 4;
}

/* Lock held. */
static struct zero_range choose(const struct engine *engine)
{
    struct segment *active = engine->appender.active;
    uint64_t step = step_of(engine);
    if (is_bulk(engine) || active->zeroed_end >= active->end + step / 4) {
        return (struct zero_range){0};
    }
    uint64_t from = (active->end + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    from = from > active->zeroed_end ? from : active->zeroed_end;
    uint64_t end = from + step < active->reserved ? from + step : active->reserved;
    if (from >= end) {
        return (struct zero_range){0};
    }
    return (struct zero_range){.segment = active, .from = from, .end = end};
}

/* Zeros in a file that somebody has cut would make it as long as it was: nobody would notice what
 * presence.h looks for. */
static bool is_cut(const struct zero_range *range)
{
    uint64_t size;
    return file_size(range->segment->file, &size) == STATUS_OK && size < range->end;
}

static enum status write_zeros(const struct zero_range *range)
{
    struct slice parts[STEP_MAX / BLOCK_SIZE];
    size_t count = 0;
    for (uint64_t left = range->end - range->from; left > 0; count++) {
        uint64_t size = left < BLOCK_SIZE ? left : BLOCK_SIZE;
        parts[count] = slice_make(zeros, (size_t)size);
        left -= size;
    }
    return file_write(range->segment->file, range->from, parts, count);
}

void zero_ahead(struct engine *engine)
{
    struct mutex *zeroing = &engine->zero_mutex;
    enum status status = STATUS_OK;
    mutex_lock(&engine->write_mutex);
    mutex_lock(&engine->lock);
    struct zero_range range = choose(engine);
    if (range.segment != NULL) {
        segment_reference(range.segment);
        range.segment->zeroed_end = range.end; /* also when it fails: it is not tried again */
    }
    mutex_lock(zeroing);
    mutex_unlock(&engine->lock);
    if (range.segment != NULL && !is_cut(&range)) {
        status = appender_heed_write(engine, write_zeros(&range));
    }
    mutex_unlock(zeroing);
    mutex_unlock(&engine->write_mutex);
    if (status != STATUS_OK) {
        LOG_VERBOSE("can't write zeros ahead of the log: %s; syncs take longer",
                    status_words(status));
    }
    if (range.segment != NULL) {
        segment_unreference(range.segment);
    }
}

void zero_ahead_settle(struct engine *engine)
{
    mutex_lock(&engine->zero_mutex);
    mutex_unlock(&engine->zero_mutex);
}
