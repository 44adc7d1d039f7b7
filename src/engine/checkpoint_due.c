/* checkpoint_due.c - when a checkpoint is due: see checkpoint_take.h. */
#include "engine/checkpoint_take.h"

#include "base/clock.h"
#include "engine/engine_state.h"

/* On a small disk the log and what compaction writes may not be left to grow so long. */
#define FREE_SPACE_SHARE   8
#define INTERVAL_BYTES_MIN ((uint64_t)4 << 20)

uint64_t checkpoint_behind_locked(const struct engine *engine)
{
    const struct checkpoint_state *state = &engine->checkpoint;
    return engine->appender.position - state->position + state->other_bytes;
}

void checkpoint_note_packed(struct engine *engine, uint64_t bytes)
{
    mutex_lock(&engine->lock);
    engine->checkpoint.other_bytes += bytes;
    mutex_unlock(&engine->lock);
}

static uint64_t interval_bytes(struct engine *engine, uint64_t index_bytes)
{
    if (engine->options.checkpoint_bytes > 0) {
        return engine->options.checkpoint_bytes;
    }
    uint64_t interval =
        index_bytes * 4 > CHECKPOINT_INTERVAL_BYTES ? index_bytes * 4 : CHECKPOINT_INTERVAL_BYTES;
    uint64_t free_bytes;
    if (fs_free_space(engine->fs, &free_bytes) == STATUS_OK &&
        interval > free_bytes / FREE_SPACE_SHARE) {
        interval = free_bytes / FREE_SPACE_SHARE;
    }
    return interval > INTERVAL_BYTES_MIN ? interval : INTERVAL_BYTES_MIN;
}

bool checkpoint_is_due(struct engine *engine)
{
    mutex_lock(&engine->lock);
    uint64_t behind = checkpoint_behind_locked(engine);
    uint64_t index_bytes = spaces_index_memory(&engine->spaces);
    bool may_try = clock_monotonic_ms() >= engine->checkpoint.retry_ms;
    mutex_unlock(&engine->lock);
    bool may_write = !sync_has_stopped(&engine->sync);
    return may_try && may_write && behind > 0 && behind >= interval_bytes(engine, index_bytes);
}
