/* log_filler.c - see log_filler.h. */
#include "support/log_filler.h"

#include <check.h>

enum status log_filler_try_put_locked(struct engine *engine, const char *key)
{
    static const char bytes[LOG_FILLER_VALUE_SIZE];
    struct slice part = slice_make(bytes, sizeof(bytes));
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    return engine_put_locked(engine, engine_database_locked(engine, 0), slice_of_string(key),
                             &value);
}

void log_filler_put_locked(struct engine *engine, const char *key)
{
    ck_assert_int_eq(log_filler_try_put_locked(engine, key), STATUS_OK);
}

void log_filler_fill_to(struct engine *engine, uint64_t size)
{
    engine_lock(engine);
    while (engine->appender.active->end < size) {
        log_filler_put_locked(engine, "key");
    }
    engine_unlock(engine);
}

void log_filler_fill_until_roll(struct engine *engine)
{
    engine_lock(engine);
    uint64_t number = engine->appender.active->number;
    while (engine->appender.active->number == number) {
        log_filler_put_locked(engine, "key");
    }
    engine_unlock(engine);
}
