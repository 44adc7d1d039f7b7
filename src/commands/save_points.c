/* save_points.c - see save_points.h. */
#include "commands/save_points.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "commands/persistence.h"
#include "engine/engine.h"
#include "server/config.h"
#include "server/statistics.h"

#include <inttypes.h>

bool save_points_are_due(struct slice points, uint64_t changes, int64_t passed_ms)
{
    int64_t seconds;
    int64_t changes_min;
    while (number_parse(slice_next_word(&points), &seconds) &&
           number_parse(slice_next_word(&points), &changes_min)) {
        if (changes > 0 && changes >= (uint64_t)changes_min && passed_ms / 1000 >= seconds) {
            return true;
        }
    }
    return false;
}

bool save_points_exist(struct server *server)
{
    return config_text(server_config(server), CONFIG_SAVE).size > 0;
}

/* When writing has stopped for good, no save will ever succeed. */
static bool is_due(struct server *server, uint64_t *changes, int64_t passed_ms)
{
    struct engine *engine = server_engine(server);
    bool has_failed;
    engine_lock(engine);
    *changes = engine_unsaved_changes_locked(engine);
    uint64_t position = engine_payload_position_locked(engine);
    struct slice points = config_text(server_config(server), CONFIG_SAVE);
    bool result = save_points_are_due(points, *changes, passed_ms);
    engine_unlock(engine);
    return result && !engine_is_durable(engine, position, &has_failed) && !has_failed;
}

void save_points_tick(struct server *server)
{
    struct statistics *statistics = server_statistics(server);
    if (config_number(server_config(server), CONFIG_APPENDFSYNC) != SYNC_NO ||
        atomic_load(&statistics->save_running)) {
        return;
    }
    uint64_t changes;
    int64_t passed_ms = clock_monotonic_ms() - atomic_load(&statistics->last_save_clock_ms);
    if (!is_due(server, &changes, passed_ms)) {
        return;
    }
    if (persistence_begin_save(server) == STATUS_OK) { /* else the next tick tries again */
        LOG_NOTICE("%" PRIu64 " changes in %" PRId64 " seconds: making them durable.", changes,
                   passed_ms / 1000);
    }
}
