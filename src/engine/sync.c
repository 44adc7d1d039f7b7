/* sync.c - see sync.h. */
#include "engine/sync.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/engine_state.h"
#include "engine/mutant.h"
#include "engine/zero_ahead.h"

#define BATCH_SIZE 32

void sync_init(struct sync *sync, int policy)
{
    *sync = (struct sync){0};
    atomic_init(&sync->policy, policy);
    atomic_init(&sync->last_us, -1);
    mutex_init(&sync->mutex);
    condition_init(&sync->wake);
    condition_init(&sync->done);
}

void sync_deinit(struct sync *sync)
{
    condition_deinit(&sync->done);
    condition_deinit(&sync->wake);
    mutex_deinit(&sync->mutex);
}

/* --- the end of writing ------------------------------------------------------------------- */

bool engine_has_stopped(const struct engine *engine)
{
    return sync_has_stopped(&engine->sync);
}

const char *engine_stop_words(const struct engine *engine)
{
    static const char *const words[] = {
#define SYNC_STOP_WORDS(name, text, advice) [SYNC_STOP_##name] = text,
        SYNC_STOP_LIST(SYNC_STOP_WORDS)
#undef SYNC_STOP_WORDS
    };
    return words[atomic_load(&engine->sync.failed)];
}

const char *engine_stop_advice(const struct engine *engine)
{
    static const char *const advices[] = {
#define SYNC_STOP_ADVICE(name, text, advice) [SYNC_STOP_##name] = advice,
        SYNC_STOP_LIST(SYNC_STOP_ADVICE)
#undef SYNC_STOP_ADVICE
    };
    return advices[atomic_load(&engine->sync.failed)];
}

/* everysec: has something been waiting for a sync for too long? */
static bool is_stalled(struct engine *engine)
{
    int64_t since = atomic_load_explicit(&engine->sync.running_since_ms, memory_order_relaxed);
    if (since == 0) {
        since = atomic_load_explicit(&engine->appender.unsynced_since_ms, memory_order_relaxed);
    }
    return since != 0 && clock_monotonic_ms() - since > SYNC_STALL_MS;
}

void sync_stop_writing(struct engine *engine, enum sync_stop reason)
{
    int none = SYNC_STOP_NONE;
    if (!sync_has_stopped(&engine->sync)) {
        atomic_store(&engine->sync.failed_late, is_stalled(engine));
    }
    if (!atomic_compare_exchange_strong(&engine->sync.failed, &none, (int)reason)) {
        return;
    }
    LOG_WARNING("%s: writing stops for good, and reading goes on. Now %s",
                engine_stop_words(engine), engine_stop_advice(engine));
    sync_request(engine); /* a pass tells those who wait that they do so in vain */
}

void sync_heed_names(struct engine *engine)
{
    if (atomic_load(&engine->fs->names_lost)) {
        sync_stop_writing(engine, SYNC_STOP_NAMES);
    }
}

/* --- one pass ----------------------------------------------------------------------------- */

/* A segment that must be durable up to `end`. */
struct sync_target {
    struct segment *segment;
    uint64_t end;
};

/* What a pass covers: all that was written when it began. */
struct sync_pass {
    uint64_t position;
    struct manifest_position place;
    uint64_t changes;
};

/* The next few segments of the log, behind `*last` (NULL: from its beginning), that have bytes
 * before the pass's position that are not durable. They stay: they are on the list until the pass
 * ends, and what is on the list is neither sealed nor compacted away. */
static size_t collect_targets(struct engine *engine, const struct sync_pass *pass,
                              struct segment **last, struct sync_target *targets)
{
    size_t count = 0;
    mutex_lock(&engine->lock);
    struct segment *segment =
        *last == NULL ? engine->appender.unsynced_first : (*last)->next_unsynced;
    while (segment != NULL && count < BATCH_SIZE && segment->base_position < pass->position) {
        uint64_t end = pass->position - segment->base_position;
        end = end < segment->end ? end : segment->end;
        if (end > segment->synced_end) {
            targets[count++] = (struct sync_target){.segment = segment, .end = end};
        }
        *last = segment;
        segment = segment->next_unsynced;
    }
    mutex_unlock(&engine->lock);
    return count;
}

static void note_synced(struct engine *engine, const struct sync_target *targets, size_t count)
{
    mutex_lock(&engine->lock);
    for (size_t i = 0; i < count; i++) {
        targets[i].segment->synced_end = targets[i].end;
    }
    mutex_unlock(&engine->lock);
}

/* All that a pass covers is durable: segments that are so to their end leave the list. Not before:
 * a group may begin in one and end in another. */
static void forget_synced(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    mutex_lock(&engine->lock);
    while (appender->unsynced_first != NULL) {
        struct segment *first = appender->unsynced_first;
        if (first->synced_end < first->end) {
            break;
        }
        appender->unsynced_first = first->next_unsynced;
        first->next_unsynced = NULL;
        first->in_unsynced = false;
    }
    if (appender->unsynced_first == NULL) {
        appender->unsynced_last = NULL;
    }
    mutex_unlock(&engine->lock);
}

static enum status sync_segment(struct sync *sync, const struct segment *segment)
{
    int64_t begin_us = clock_monotonic_us();
    enum status status = file_sync(segment->file);
    atomic_store(&sync->last_us, clock_monotonic_us() - begin_us);
    atomic_store(&sync->last_unix_ms, clock_unix_ms());
    atomic_fetch_add(&sync->count, 1);
    if (status != STATUS_OK) {
        atomic_fetch_add(&sync->errors, 1);
        LOG_WARNING("fdatasync of log segment %llu failed: %s", (unsigned long long)segment->number,
                    status_words(status));
    }
    return status;
}

/* Rule 2 of docs/durability.md: in the order of the log. */
static enum status sync_segments(struct engine *engine, const struct sync_pass *pass)
{
    struct sync_target targets[BATCH_SIZE];
    struct segment *last = NULL;
    size_t count;
    while ((count = collect_targets(engine, pass, &last, targets)) > 0) {
        for (size_t i = 0; i < count; i++) {
            if (MUTANT(LOG_GAP) && i + 1 < count) {
                continue;
            }
            enum status status = sync_segment(&engine->sync, targets[i].segment);
            if (status != STATUS_OK) {
                return status;
            }
        }
        note_synced(engine, targets, count);
    }
    forget_synced(engine);
    return STATUS_OK;
}

/* How far the log is written, read together under the write mutex. */
static struct sync_pass begin_pass(struct engine *engine)
{
    struct appender *appender = &engine->appender;
    struct sync_pass pass;
    mutex_lock(&engine->write_mutex);
    pass.position = atomic_load(&appender->written_position);
    pass.place = appender->written_place;
    pass.changes = appender->written_changes;
    mutex_unlock(&engine->write_mutex);
    return pass;
}

/* Rule 3: the mark comes after what it tells of. */
static void end_pass(struct engine *engine, const struct sync_pass *pass)
{
    struct sync *sync = &engine->sync;
    mutex_lock(&engine->lock);
    engine->durable_place = pass->place;
    sync->durable_changes = pass->changes;
    atomic_store(&sync->durable_position, pass->position);
    (void)appender_try_sync_mark_locked(engine);
    mutex_unlock(&engine->lock);
}

/* In builds that are made to be found wrong. */
static void break_a_rule(struct engine *engine, const struct sync_pass *pass)
{
    if (MUTANT(DURABLE_BEFORE_SYNC)) {
        atomic_store(&engine->sync.durable_position, pass->position);
    }
    if (MUTANT(MARK_BEFORE_SYNC)) {
        mutex_lock(&engine->lock);
        engine->durable_place = pass->place;
        (void)appender_try_sync_mark_locked(engine);
        mutex_unlock(&engine->lock);
        enum status status = appender_write(engine, engine->appender.position);
        (void)status;
    }
}

static void tell_waiting(struct engine *engine)
{
    if (engine->options.on_durable != NULL) {
        engine->options.on_durable(engine->options.hook_context);
    }
}

/* What is written becomes durable, and the log says so. */
static enum status make_durable(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    struct sync_pass pass = begin_pass(engine);
    break_a_rule(engine, &pass);
    if (atomic_load(&sync->policy) == SYNC_ALWAYS) {
        zero_ahead(engine);
    }
    if (sync_segments(engine, &pass) != STATUS_OK) {
        sync_stop_writing(engine, SYNC_STOP_FDATASYNC);
    }
    sync_heed_names(engine); /* that of a segment which was synced may be among them */
    if (sync_has_stopped(sync)) {
        return STATUS_WRITES_STOPPED;
    }
    end_pass(engine, &pass);
    return STATUS_OK;
}

/* Is there anything for a pass to sync of what it set out to cover? */
static bool has_written(struct engine *engine, uint64_t payload)
{
    uint64_t written = atomic_load(&engine->appender.written_position);
    uint64_t end = payload < written ? payload : written;
    return end > atomic_load(&engine->sync.durable_position);
}

/* Everything appended so far becomes durable; where it can't all be written, what is written, for
 * which some may wait. One caller at a time. */
static enum status run_pass(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    struct appender *appender = &engine->appender;
    atomic_store(&sync->wanted, false);
    sync_heed_names(engine);
    if (sync_has_stopped(sync)) {
        tell_waiting(engine); /* who came after the pass that failed would wait for ever */
        return STATUS_WRITES_STOPPED;
    }
    /* The time is taken over before the end of the log is looked at: a record that slips in
     * between is covered, and at worst counted as older than it is. */
    atomic_store(&sync->passing, true);
    int64_t since = atomic_exchange(&appender->unsynced_since_ms, 0);
    atomic_store(&sync->running_since_ms, since);
    uint64_t payload = atomic_load(&appender->payload_position);
    enum status status = appender_write(engine, payload);
    if (status != STATUS_OK) {
        int64_t none = 0; /* not written, so not covered: as old as it was */
        (void)atomic_compare_exchange_strong(&appender->unsynced_since_ms, &none, since);
    }
    if (status != STATUS_WRITES_STOPPED && has_written(engine, payload)) {
        enum status synced = make_durable(engine);
        status = status == STATUS_OK ? synced : status;
    }
    atomic_store(&sync->running_since_ms, 0);
    atomic_store(&sync->passing, false);
    atomic_store(&sync->delay_counted, false);
    tell_waiting(engine);
    return status;
}

/* --- the thread --------------------------------------------------------------------------- */

static bool has_unsynced(struct engine *engine)
{
    return atomic_load(&engine->appender.payload_position) >
           atomic_load(&engine->sync.durable_position);
}

/* Waits until a pass is due; false = stop. */
static bool wait_until_due(struct engine *engine, struct sync *sync, int64_t last_pass_ms)
    REQUIRES(sync->mutex)
{
    while (!sync->stop) {
        if (sync->served < sync->tickets || atomic_load(&sync->wanted)) {
            return true;
        }
        if (atomic_load(&sync->policy) != SYNC_EVERYSEC || sync_has_stopped(sync)) {
            condition_wait(&sync->wake, &sync->mutex, SYNC_INTERVAL_MS);
            continue;
        }
        int64_t left = last_pass_ms + SYNC_INTERVAL_MS - clock_monotonic_ms();
        if (left <= 0 && has_unsynced(engine)) {
            return true;
        }
        /* With nothing to sync the next pass is due a second after the first record at the
         * latest; looking ten times a second keeps that close without a signal per record. */
        condition_wait(&sync->wake, &sync->mutex, left > 0 ? (long)left : 100);
    }
    return false;
}

static void *sync_main(void *argument)
{
    struct engine *engine = argument;
    struct sync *sync = &engine->sync;
    int64_t last_pass_ms = clock_monotonic_ms();
    (void)pthread_setname_np(pthread_self(), "sync");
    mutex_lock(&sync->mutex);
    while (wait_until_due(engine, sync, last_pass_ms)) {
        uint64_t serving = sync->tickets;
        mutex_unlock(&sync->mutex);
        last_pass_ms = clock_monotonic_ms();
        enum status status = run_pass(engine);
        mutex_lock(&sync->mutex);
        sync->served = serving;
        sync->last_status = status;
        condition_wake_all(&sync->done);
        if (status != STATUS_OK && !sync->stop) {
            condition_wait(&sync->wake, &sync->mutex, 10); /* a full disk: not in a tight loop */
        }
    }
    mutex_unlock(&sync->mutex);
    return NULL;
}

enum status sync_start(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    if (thread_start(&sync->thread, sync_main, engine) != 0) {
        return STATUS_NO_MEMORY;
    }
    sync->running = true;
    return STATUS_OK;
}

void sync_stop(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    if (!sync->running) {
        return;
    }
    mutex_lock(&sync->mutex);
    sync->stop = true;
    condition_wake_all(&sync->wake);
    mutex_unlock(&sync->mutex);
    CHECK(pthread_join(sync->thread, NULL) == 0);
    sync->running = false;
}

enum status sync_now(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    if (!sync->running) {
        return run_pass(engine);
    }
    mutex_lock(&sync->mutex);
    uint64_t ticket = ++sync->tickets;
    condition_wake_one(&sync->wake);
    while (sync->served < ticket) {
        condition_wait(&sync->done, &sync->mutex, -1);
    }
    enum status status = sync->last_status;
    mutex_unlock(&sync->mutex);
    return status;
}

enum status sync_last(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    sync_heed_names(engine);
    if (sync_has_stopped(sync)) {
        return STATUS_WRITES_STOPPED;
    }
    enum status status = appender_write(engine, engine->appender.position);
    if (status == STATUS_WRITES_STOPPED) {
        return status;
    }
    struct sync_pass pass = begin_pass(engine); /* of what is written, when that is not all */
    enum status synced = sync_segments(engine, &pass);
    if (synced == STATUS_OK) {
        engine->durable_place = pass.place;
        atomic_store(&sync->durable_position, pass.position);
    }
    return synced == STATUS_OK ? status : synced;
}

/* Wakes the thread for those that wait for on_durable(), once for all of them. */
void sync_request(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    if (!atomic_exchange(&sync->wanted, true)) {
        mutex_lock(&sync->mutex);
        condition_wake_one(&sync->wake);
        mutex_unlock(&sync->mutex);
    }
}

bool sync_may_reply(struct engine *engine, uint64_t position, bool *failed)
{
    struct sync *sync = &engine->sync;
    int policy = atomic_load_explicit(&sync->policy, memory_order_relaxed);
    *failed = false;
    if (policy == SYNC_NO || position <= atomic_load(&sync->durable_position)) {
        return true;
    }
    bool has_failed = sync_has_stopped(sync);
    bool is_late = has_failed ? atomic_load(&sync->failed_late) : is_stalled(engine);
    if (policy == SYNC_EVERYSEC && !is_late) {
        return true;
    }
    if (has_failed) {
        *failed = true;
        return false;
    }
    if (policy == SYNC_EVERYSEC && !atomic_exchange(&sync->delay_counted, true)) {
        atomic_fetch_add(&sync->delayed, 1);
    }
    sync_request(engine);
    /* The pass may have ended, and called on_durable, just before it was asked for. */
    return position <= atomic_load(&sync->durable_position);
}

bool sync_may_show(struct engine *engine, uint64_t position, bool *failed)
{
    *failed = false;
    bool waits = atomic_load_explicit(&engine->sync.policy, memory_order_relaxed) == SYNC_ALWAYS;
    return !waits || sync_may_reply(engine, position, failed);
}

void sync_set_policy(struct engine *engine, int policy)
{
    if (atomic_exchange(&engine->sync.policy, policy) != policy) {
        sync_request(engine); /* releases those who wait under the old policy */
    }
}

void sync_tick(struct engine *engine)
{
    struct sync *sync = &engine->sync;
    bool due = atomic_load(&sync->policy) == SYNC_EVERYSEC && has_unsynced(engine);
    if (atomic_load(&sync->wanted) || due) {
        enum status status = run_pass(engine);
        (void)status; /* logged there; engine_may_reply tells those concerned */
    }
}
