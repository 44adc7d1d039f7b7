/* log_stock.c - see log_stock.h. */
#include "engine/log_stock.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"

/* A failure is tried again after so long, when nobody asks before; and each that follows it after
 * twice as long, up to RETRY_MS_MAX: an attempt reserves room and syncs it. */
#define RETRY_MS     100
#define RETRY_MS_MAX 6400

void log_stock_init(struct log_stock *stock)
{
    *stock = (struct log_stock){.target = 1};
    mutex_init(&stock->making);
    standby_init(&stock->standby);
}

void log_stock_deinit(struct log_stock *stock)
{
    while (stock->count > 0) {
        segment_unreference(stock->segments[--stock->count]);
    }
    standby_deinit(&stock->standby);
    mutex_deinit(&stock->making);
}

/* --- taking and putting: execution lock held ---------------------------------------------- */

size_t log_stock_target(int64_t filled_in_ms)
{
    int64_t count = LOG_STOCK_HORIZON_MS / (filled_in_ms < 1 ? 1 : filled_in_ms);
    return count < 1 ? 1 : count > LOG_STOCK_MAX ? LOG_STOCK_MAX : (size_t)count;
}

struct segment *log_stock_take_locked(struct engine *engine)
{
    struct log_stock *stock = &engine->stock;
    return stock->count == 0 ? NULL : stock->segments[--stock->count];
}

bool log_stock_try_put_locked(struct engine *engine, struct segment *segment)
{
    struct log_stock *stock = &engine->stock;
    if (stock->count == LOG_STOCK_MAX || segment->capacity != engine->segment_size) {
        return false;
    }
    stock->segments[stock->count++] = segment;
    atomic_store(&stock->is_short, false);
    return true;
}

void log_stock_note_roll_locked(struct engine *engine)
{
    struct log_stock *stock = &engine->stock;
    int64_t now_ms = clock_monotonic_ms();
    atomic_store(&stock->is_short, false);
    if (!standby_is_running(&stock->standby)) {
        return; /* who comes by now and then makes one at a time */
    }
    stock->target = log_stock_target(now_ms - stock->last_roll_ms);
    stock->last_roll_ms = now_ms;
    if (stock->count < stock->target) {
        standby_wake(&stock->standby);
    }
}

void log_stock_note_growth_locked(struct engine *engine, uint64_t from)
{
    struct log_stock *stock = &engine->stock;
    const struct segment *active = engine->appender.active;
    uint64_t quarter = active->capacity / 4;
    if (stock->count > 0) {
        return;
    }
    if (from <= 2 * quarter && active->end > 2 * quarter) {
        standby_wake(&stock->standby);
    }
    if (from <= 3 * quarter && active->end > 3 * quarter && standby_is_running(&stock->standby)) {
        atomic_store(&stock->is_short, true);
        standby_wake(&stock->standby);
    }
}

/* --- making: no lock held ----------------------------------------------------------------- */

/* How many should be made now. */
static size_t missing_locked(const struct engine *engine)
{
    const struct log_stock *stock = &engine->stock;
    const struct segment *active = engine->appender.active;
    if (stock->count >= stock->target || sync_has_stopped(&engine->sync) ||
        engine->appender.room_is_kept) {
        return 0;
    }
    if (active->capacity > engine->segment_size) {
        return stock->count == 0 && appender_may_leave_locked(engine) ? 1 : 0;
    }
    if (active->end == 0) {
        return 0; /* it is what would have to be ready */
    }
    bool is_soon = stock->target > 1 || active->end > active->capacity / 2;
    return is_soon ? stock->target - stock->count : 0;
}

static enum status make(struct engine *engine, const struct log_facts *facts, size_t count)
    REQUIRES(engine->stock.making)
{
    struct log_batch batch = {.count = count};
    mutex_lock(&engine->manifest_mutex);
    enum status status = log_files_make_several(engine, facts, engine->segment_size, &batch);
    mutex_unlock(&engine->manifest_mutex);
    mutex_lock(&engine->lock);
    for (size_t i = 0; status == STATUS_OK && i < batch.count; i++) {
        log_files_put_back_locked(engine, batch.segments[i]);
    }
    if (status != STATUS_OK) {
        atomic_store(&engine->stock.is_short, false); /* it would not help to wait */
    }
    mutex_unlock(&engine->lock);
    return status;
}

static enum status refill(struct engine *engine)
{
    struct log_stock *stock = &engine->stock;
    enum status status = STATUS_OK;
    mutex_lock(&engine->stock.making);
    mutex_lock(&engine->lock);
    size_t count = missing_locked(engine);
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_unlock(&engine->lock);
    if (count > 0) {
        status = make(engine, &facts, count);
        if (status != STATUS_OK && stock->status != status) {
            LOG_WARNING("can't make the next log segment ready: %s", status_words(status));
        }
        stock->status = status;
    }
    mutex_lock(&engine->lock);
    bool has_left = appender_leave_locked(engine);
    mutex_unlock(&engine->lock);
    mutex_unlock(&engine->stock.making);
    if (has_left) {
        sync_request(engine); /* nobody may write for a while, and what was left has much room */
    }
    return status;
}

void log_stock_refill(struct engine *engine)
{
    (void)refill(engine); /* it has been logged */
}

enum status log_stock_ensure(struct engine *engine)
{
    struct log_stock *stock = &engine->stock;
    enum status status = STATUS_OK;
    mutex_lock(&engine->stock.making);
    mutex_lock(&engine->lock);
    bool is_empty = stock->count == 0;
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_unlock(&engine->lock);
    if (is_empty) {
        status = make(engine, &facts, 1);
    }
    mutex_unlock(&engine->stock.making);
    return status;
}

/* --- the thread --------------------------------------------------------------------------- */

long log_stock_pause_ms(long before_ms, bool has_failed)
{
    long doubled_ms = before_ms < RETRY_MS_MAX / 2 ? 2 * before_ms : RETRY_MS_MAX;
    return has_failed ? doubled_ms : RETRY_MS;
}

static void stock_round(void *context)
{
    struct engine *engine = context;
    struct standby *standby = &engine->stock.standby;
    bool has_failed = refill(engine) != STATUS_OK;
    standby_set_pause(standby, log_stock_pause_ms(standby->work.pause_ms, has_failed));
}

enum status log_stock_start(struct engine *engine)
{
    struct log_stock *stock = &engine->stock;
    const struct standby_work work = {
        .name = "stock", .pause_ms = RETRY_MS, .round = stock_round, .context = engine};
    stock->last_roll_ms = clock_monotonic_ms();
    return standby_start(&stock->standby, &work);
}

void log_stock_stop(struct engine *engine)
{
    standby_stop(&engine->stock.standby);
}
