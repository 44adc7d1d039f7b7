/* grow_ahead.c - see grow_ahead.h. */
#include "engine/grow_ahead.h"

#include "base/check.h"
#include "engine/engine_state.h"

/* It is looked at so often even when nobody asks. */
#define LOOK_MS 100

void grow_ahead_init(struct grow_ahead *grow)
{
    *grow = (struct grow_ahead){0};
    mutex_init(&grow->growing);
    standby_init(&grow->standby);
}

void grow_ahead_deinit(struct grow_ahead *grow)
{
    standby_deinit(&grow->standby);
    mutex_deinit(&grow->growing);
}

/* --- who writes: execution lock held ------------------------------------------------------ */

/* What is reserved, but for what only deletions may use. */
static uint64_t usable_space(const struct engine *engine, const struct segment *active)
{
    uint64_t kept = appender_deletion_reserve(engine);
    return active->reserved > kept ? active->reserved - kept : 0;
}

/* Does growing from `from` to `to` pass the point? */
static bool passes(uint64_t from, uint64_t to, uint64_t point)
{
    return from <= point && to > point;
}

void grow_ahead_note_growth_locked(struct engine *engine, uint64_t from)
{
    struct grow_ahead *grow = &engine->grow;
    const struct segment *active = engine->appender.active;
    uint64_t end = active->end;
    uint64_t quarter = usable_space(engine, active) / 4;
    bool may_grow = active->reserved < active->capacity;
    if (passes(from, end, active->capacity / 2) || (may_grow && passes(from, end, 2 * quarter))) {
        standby_wake(&grow->standby);
    }
    if (may_grow && standby_is_running(&grow->standby) && passes(from, end, 3 * quarter)) {
        atomic_store(&grow->is_short, true);
        standby_wake(&grow->standby);
    }
}

void grow_ahead_note_roll_locked(struct engine *engine)
{
    atomic_store(&engine->grow.is_short, false);
    if (engine->stock.target > 1) {
        standby_wake(&engine->grow.standby);
    }
}

enum status grow_ahead_reserve_locked(struct engine *engine, uint64_t size)
{
    struct grow_ahead *grow = &engine->grow;
    struct segment *active = engine->appender.active;
    mutex_lock(&grow->growing); /* a failure cuts the file to where it was: not beside another */
    enum status status = file_reserve(active->file, size);
    mutex_unlock(&grow->growing);
    if (status == STATUS_OK && active->reserved < size) {
        active->reserved = size;
        atomic_store(&grow->is_short, false);
    }
    return status;
}

/* --- ahead: no lock held ------------------------------------------------------------------ */

struct growth {
    struct segment *segment; /* referenced; NULL = none */
    uint64_t size;
};

/* How much the active segment should have. */
static uint64_t active_size(const struct engine *engine, const struct segment *active)
{
    if (active->end <= usable_space(engine, active) / 2 && engine->stock.target <= 1) {
        return 0;
    }
    uint64_t doubled = active->reserved * 2;
    return engine->stock.target > 1 || doubled > active->capacity ? active->capacity : doubled;
}

static struct growth choose_locked(const struct engine *engine)
{
    struct segment *active = engine->appender.active;
    if (sync_has_stopped(&engine->sync) || engine->appender.room_is_kept || active->end == 0) {
        return (struct growth){0};
    }
    uint64_t size = active_size(engine, active);
    if (size > active->reserved) {
        return (struct growth){.segment = active, .size = size};
    }
    const struct log_stock *stock = &engine->stock;
    struct segment *next = stock->count == 0 ? NULL : stock->segments[stock->count - 1];
    if (next != NULL && active->end > active->capacity / 2 && next->reserved < next->capacity) {
        return (struct growth){.segment = next, .size = next->capacity};
    }
    return (struct growth){0};
}

/* Returns whether it grew anything. */
static bool grow_once(struct engine *engine)
{
    struct grow_ahead *grow = &engine->grow;
    mutex_lock(&engine->lock);
    struct growth growth = choose_locked(engine);
    if (growth.segment == NULL) {
        atomic_store(&grow->is_short, false);
        mutex_unlock(&engine->lock);
        return false;
    }
    segment_reference(growth.segment);
    mutex_lock(&grow->growing);
    mutex_unlock(&engine->lock);
    enum status status = file_reserve(growth.segment->file, growth.size);
    mutex_unlock(&grow->growing);
    mutex_lock(&engine->lock);
    if (status == STATUS_OK && !growth.segment->sealed && growth.segment->reserved < growth.size) {
        growth.segment->reserved = growth.size;
    }
    if (growth.segment == engine->appender.active) {
        atomic_store(&grow->is_short, false); /* also when it failed: to wait would not help */
    }
    mutex_unlock(&engine->lock);
    segment_unreference(growth.segment);
    return status == STATUS_OK;
}

void grow_ahead(struct engine *engine)
{
    while (grow_once(engine)) {
    }
}

void grow_ahead_settle(struct engine *engine)
{
    mutex_lock(&engine->grow.growing);
    mutex_unlock(&engine->grow.growing);
}

/* --- the thread --------------------------------------------------------------------------- */

static void grow_round(void *context)
{
    grow_ahead(context);
}

enum status grow_ahead_start(struct engine *engine)
{
    const struct standby_work work = {
        .name = "grow", .pause_ms = LOOK_MS, .round = grow_round, .context = engine};
    return standby_start(&engine->grow.standby, &work);
}

void grow_ahead_stop(struct engine *engine)
{
    standby_stop(&engine->grow.standby);
}
