/* maintenance.c - see maintenance.h. */
#include "engine/maintenance.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"
#include "engine/compaction.h"
#include "engine/engine_state.h"
#include "engine/expiry.h"
#include "engine/log_files.h"
#include "engine/presence.h"

#include <stdlib.h>

/* A compaction that gained nothing, for want of room perhaps, is not tried again at once. */
#define RETRY_MS 1000

void maintenance_init(struct maintenance *maintenance)
{
    *maintenance = (struct maintenance){0};
    mutex_init(&maintenance->mutex);
    condition_init(&maintenance->wake);
}

static void free_waiters(struct maintenance_waiter *waiter)
{
    while (waiter != NULL) {
        struct maintenance_waiter *next = waiter->next;
        free(waiter);
        waiter = next;
    }
}

void maintenance_deinit(struct maintenance *maintenance)
{
    free_waiters(maintenance->waiters);
    condition_deinit(&maintenance->wake);
    mutex_deinit(&maintenance->mutex);
}

void maintenance_wake(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    mutex_lock(&maintenance->mutex);
    maintenance->woken = true;
    condition_wake_one(&maintenance->wake);
    mutex_unlock(&maintenance->mutex);
}

/* --- housekeeping ------------------------------------------------------------------------- */

/* An index of millions of keys takes its time to free: not under the lock. */
static void free_abandoned(struct engine *engine)
{
    struct engine_keyspace *keyspace;
    do {
        mutex_lock(&engine->lock);
        keyspace = spaces_take_abandoned(&engine->spaces);
        mutex_unlock(&engine->lock);
        if (keyspace != NULL) {
            spaces_destroy_keyspace(keyspace);
        }
    } while (keyspace != NULL);
}

void maintenance_free_segments(struct engine *engine)
{
    struct segment *segment;
    do {
        mutex_lock(&engine->lock);
        segment = segment_table_take_unused(&engine->segments);
        mutex_unlock(&engine->lock);
        if (segment != NULL) {
            segment_unreference(segment);
        }
    } while (segment != NULL);
}

static void look_at_garbage(struct engine *engine)
{
    mutex_lock(&engine->lock);
    compaction_gauge_locked(engine);
    mutex_unlock(&engine->lock);
}

/* Without threads in each round: what happens must not depend on the time. */
static void look_at_files(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    int64_t now_ms = clock_monotonic_ms();
    if (engine->options.without_threads ||
        now_ms - maintenance->last_look_ms >= PRESENCE_INTERVAL_MS) {
        maintenance->last_look_ms = now_ms;
        presence_look(engine);
    }
}

void maintenance_round(struct engine *engine)
{
    look_at_files(engine);
    if (!atomic_load(&engine->maintenance.expiry_paused)) {
        expiry_cycle(engine);
    }
    if (!standby_is_running(&engine->stock.standby)) {
        log_stock_refill(engine);
    }
    if (!standby_is_running(&engine->grow.standby)) {
        grow_ahead(engine);
    }
    appender_maintain(engine);
    log_files_seal(engine);
    free_abandoned(engine);
    maintenance_free_segments(engine);
    look_at_garbage(engine);
    reserve_refill(engine);
    engine->maintenance.last_round_ms = clock_monotonic_ms();
}

void engine_set_active_expiry(struct engine *engine, bool active)
{
    atomic_store(&engine->maintenance.expiry_paused, !active);
}

bool maintenance_interlude(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    if (clock_monotonic_ms() - maintenance->last_round_ms >= MAINTENANCE_INTERVAL_MS) {
        maintenance_round(engine);
    }
    mutex_lock(&maintenance->mutex);
    bool stop = maintenance->stop;
    mutex_unlock(&maintenance->mutex);
    return stop;
}

/* --- compactions -------------------------------------------------------------------------- */

/* Of those who wait only one that reclaims all is for; those who come later get the next one. */
static struct maintenance_waiter *take_waiters(struct maintenance *maintenance,
                                               enum compaction_scope scope)
{
    struct maintenance_waiter *waiters = NULL;
    mutex_lock(&maintenance->mutex);
    if (scope == COMPACTION_ALL) {
        waiters = maintenance->waiters;
        maintenance->waiters = NULL;
        maintenance->compaction_wanted = false;
    }
    atomic_store(&maintenance->compaction_running, true);
    mutex_unlock(&maintenance->mutex);
    return waiters;
}

/* Returns whether any file could go. */
static bool run_compaction(struct engine *engine, enum compaction_scope scope)
{
    struct maintenance *maintenance = &engine->maintenance;
    struct maintenance_waiter *waiters = take_waiters(maintenance, scope);
    struct compaction_result result = {0};
    enum status status = compaction_run(engine, scope, &result);
    bool has_gained = result.segments_removed > 0;

    mutex_lock(&maintenance->mutex);
    atomic_store(&maintenance->compaction_running, false);
    atomic_fetch_add(&maintenance->compactions, scope == COMPACTION_ALL || has_gained ? 1 : 0);
    mutex_unlock(&maintenance->mutex);
    for (struct maintenance_waiter *waiter = waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->done != NULL) {
            waiter->done(waiter->context, status, &result);
        }
    }
    free_waiters(waiters);
    return has_gained;
}

static enum status request_compaction(struct engine *engine, maintenance_done *done, void *context)
{
    struct maintenance *maintenance = &engine->maintenance;
    struct maintenance_waiter *waiter = calloc(1, sizeof(*waiter));
    if (waiter == NULL) {
        return STATUS_NO_MEMORY;
    }
    waiter->done = done;
    waiter->context = context;
    mutex_lock(&maintenance->mutex);
    waiter->next = maintenance->waiters;
    maintenance->waiters = waiter;
    maintenance->compaction_wanted = true;
    condition_wake_one(&maintenance->wake);
    mutex_unlock(&maintenance->mutex);
    return STATUS_OK;
}

void engine_compact_start(struct engine *engine, maintenance_done *done, void *context)
{
    enum status status =
        engine->fs->read_only ? STATUS_READ_ONLY : request_compaction(engine, done, context);
    if (status != STATUS_OK) {
        if (done != NULL) {
            struct compaction_result nothing = {0};
            done(context, status, &nothing);
        }
        return;
    }
    if (!engine->maintenance.running) {
        (void)run_compaction(engine, COMPACTION_ALL);
    }
}

/* Somebody blocked in engine_compact(). */
struct blocked_caller {
    struct mutex mutex;
    struct condition ended;
    bool is_done;
    enum status status;
    struct compaction_result result;
};

static void wake_caller(void *context, enum status status, const struct compaction_result *result)
{
    struct blocked_caller *caller = context;
    mutex_lock(&caller->mutex);
    caller->is_done = true;
    caller->status = status;
    caller->result = *result;
    condition_wake_one(&caller->ended);
    mutex_unlock(&caller->mutex);
}

enum status engine_compact(struct engine *engine, struct compaction_result *out)
{
    struct blocked_caller caller = {0};
    mutex_init(&caller.mutex);
    condition_init(&caller.ended);
    engine_compact_start(engine, wake_caller, &caller);
    mutex_lock(&caller.mutex);
    while (!caller.is_done) {
        condition_wait(&caller.ended, &caller.mutex, -1);
    }
    mutex_unlock(&caller.mutex);
    condition_deinit(&caller.ended);
    mutex_deinit(&caller.mutex);
    if (caller.status == STATUS_OK) {
        *out = caller.result;
    }
    return caller.status;
}

void engine_checkpoint(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    if (!maintenance->running) {
        (void)checkpoint_take(engine, false); /* logged */
        return;
    }
    mutex_lock(&maintenance->mutex);
    maintenance->checkpoint_wanted = true;
    condition_wake_one(&maintenance->wake);
    mutex_unlock(&maintenance->mutex);
}

void engine_set_compaction_interval(struct engine *engine, uint64_t interval_s)
{
    struct maintenance *maintenance = &engine->maintenance;
    mutex_lock(&maintenance->mutex);
    maintenance->compaction_interval_s = interval_s;
    mutex_unlock(&maintenance->mutex);
}

/* --- compactions that nobody asked for ----------------------------------------------------- */

/* Is it worth it? Copying many segments for the sake of a few dead bytes in each would be no gain:
 * a sixteenth of what the files hold must be dead. */
static bool has_garbage(struct engine *engine)
{
    uint64_t dead_bytes = 0;
    uint64_t all_bytes = 0;
    size_t handle = 0;
    const struct segment *segment;
    mutex_lock(&engine->lock);
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        if (!segment->damaged) {
            dead_bytes +=
                segment_dead_bytes(segment) - segment->kept_bytes - segment->waiting_bytes;
            all_bytes += segment->end;
        }
    }
    mutex_unlock(&engine->lock);
    return dead_bytes > 0 && dead_bytes >= all_bytes / 16;
}

static bool is_interval_over(struct maintenance *maintenance)
{
    mutex_lock(&maintenance->mutex);
    int64_t interval_ms = (int64_t)maintenance->compaction_interval_s * 1000;
    mutex_unlock(&maintenance->mutex);
    return interval_ms > 0 && clock_monotonic_ms() - maintenance->last_compaction_ms >= interval_ms;
}

bool maintenance_is_busy(struct engine *engine)
{
    const struct maintenance *maintenance = &engine->maintenance;
    mutex_lock(&engine->lock);
    bool is_taking = engine->checkpoint.taking;
    mutex_unlock(&engine->lock);
    return is_taking || atomic_load(&maintenance->compaction_running);
}

bool maintenance_compact(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    if (maintenance_is_busy(engine)) {
        return false;
    }
    if (atomic_load(&engine->pace.is_due) && clock_monotonic_ms() >= maintenance->retry_ms) {
        bool has_gained = run_compaction(engine, COMPACTION_GARBAGE);
        if (!has_gained) {
            maintenance->retry_ms = clock_monotonic_ms() + RETRY_MS;
        }
        return has_gained;
    }
    if (!maintenance->in_pass && is_interval_over(maintenance) &&
        (has_garbage(engine) || atomic_load(&engine->pace.has_many_small))) {
        maintenance->in_pass = true;
        maintenance->last_compaction_ms = clock_monotonic_ms();
        compaction_begin_pass(engine);
    }
    maintenance->in_pass = maintenance->in_pass && run_compaction(engine, COMPACTION_PASS);
    return maintenance->in_pass;
}

/* --- the thread --------------------------------------------------------------------------- */

/* By falling urgency. */
enum work { WORK_STOP, WORK_COMPACTION, WORK_CHECKPOINT, WORK_ROUND };

/* Sleeps until there is something to do, if there is `no_more`, and says what besides a round. */
static enum work wait_for_work(struct maintenance *maintenance, bool no_more)
{
    enum work work = WORK_ROUND;
    mutex_lock(&maintenance->mutex);
    if (no_more && !maintenance->stop && !maintenance->woken && !maintenance->compaction_wanted &&
        !maintenance->checkpoint_wanted) {
        condition_wait(&maintenance->wake, &maintenance->mutex, MAINTENANCE_INTERVAL_MS);
    }
    maintenance->woken = false;
    if (maintenance->stop) {
        work = WORK_STOP;
    } else if (maintenance->compaction_wanted) {
        work = WORK_COMPACTION;
    } else if (maintenance->checkpoint_wanted) {
        maintenance->checkpoint_wanted = false;
        work = WORK_CHECKPOINT;
    }
    mutex_unlock(&maintenance->mutex);
    return work;
}

static void *maintenance_main(void *argument)
{
    struct engine *engine = argument;
    bool has_more = false;
    enum work work;
    (void)pthread_setname_np(pthread_self(), "maintenance");
    while ((work = wait_for_work(&engine->maintenance, !has_more)) != WORK_STOP) {
        maintenance_round(engine);
        scrub_step(engine);
        if (work == WORK_COMPACTION) {
            (void)run_compaction(engine, COMPACTION_ALL);
            engine->maintenance.last_compaction_ms = clock_monotonic_ms();
        }
        has_more = maintenance_compact(engine);
        if (work == WORK_CHECKPOINT || checkpoint_is_due(engine)) {
            (void)checkpoint_take(engine, false); /* logged */
        }
    }
    return NULL;
}

enum status maintenance_start(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    maintenance->last_compaction_ms = clock_monotonic_ms();
    if (thread_start(&maintenance->thread, maintenance_main, engine) != 0) {
        return STATUS_NO_MEMORY;
    }
    maintenance->running = true;
    return STATUS_OK;
}

void maintenance_stop(struct engine *engine)
{
    struct maintenance *maintenance = &engine->maintenance;
    if (!maintenance->running) {
        return;
    }
    mutex_lock(&maintenance->mutex);
    maintenance->stop = true;
    condition_wake_all(&maintenance->wake);
    mutex_unlock(&maintenance->mutex);
    CHECK(pthread_join(maintenance->thread, NULL) == 0);
    maintenance->running = false;
    /* Whoever asked too late for a compaction is told so. */
    struct compaction_result nothing = {0};
    for (struct maintenance_waiter *waiter = maintenance->waiters; waiter != NULL;
         waiter = waiter->next) {
        if (waiter->done != NULL) {
            waiter->done(waiter->context, STATUS_CLOSED, &nothing);
        }
    }
}
