/* appender_group.c - sync marks, and groups of records: see appender.h. */
#include "base/check.h"
#include "base/log.h"
#include "engine/appender.h"
#include "engine/engine_state.h"
#include "engine/mark.h"

/* A sync mark for what is durable now. */
static enum status append_sync_mark(struct engine *engine)
{
    uint8_t value[MARK_SYNC_SIZE];
    struct mark_sync mark = {.file = engine->durable_place.file,
                             .offset = engine->durable_place.offset,
                             .sequence = engine->durable_place.sequence};
    mark_encode_sync(&mark, value);
    struct slice part = slice_make(value, sizeof(value));
    struct append append = {
        .record = {.kind = RECORD_SYNC_MARK, .expiry_ms = EXPIRY_NONE},
        .parts = &part,
        .part_count = 1,
    };
    enum status status = appender_prepare_locked(engine, &append);
    if (status == STATUS_OK) {
        (void)appender_commit_locked(engine, &append);
    }
    return status;
}

bool appender_try_sync_mark_locked(struct engine *engine)
{
    const struct segment *active = engine->appender.active;
    uint64_t size = record_size(0, MARK_SYNC_SIZE, false, false);
    if (active->end == 0 || active->end + size > active->reserved) {
        return false; /* never the reason for a new segment or for more space */
    }
    return append_sync_mark(engine) == STATUS_OK;
}

void appender_group_begin_locked(struct engine *engine)
{
    engine->appender.group_depth++;
}

enum status appender_close_group_locked(struct engine *engine)
{
    enum status status = append_sync_mark(engine);
    if (status == STATUS_OK) {
        /* The group's answers rest on this record too. */
        struct appender *appender = &engine->appender;
        engine->rest_position = appender->position;
        atomic_store_explicit(&appender->payload_position, appender->position,
                              memory_order_relaxed);
    }
    return status;
}

void appender_group_end_locked(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    CHECK(appender->group_depth > 0);
    appender->group_depth--;
    if (appender->group_depth > 0 || !appender->group_open) {
        return;
    }
    if (appender->group_last != NULL) {
        record_end_group(appender->group_last, appender->group_seed);
        appender->group_open = false;
        appender->group_last = NULL;
        return;
    }
    enum status status = appender_close_group_locked(engine);
    if (status != STATUS_OK) {
        /* group_open stays: appender_write() tries again, and reports nothing as written before
         * the group is closed. */
        LOG_WARNING("can't close a group of writes: %s", status_words(status));
    }
}
