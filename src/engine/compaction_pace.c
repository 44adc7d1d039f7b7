/* compaction_pace.c - see compaction_pace.h. */
#include "engine/compaction_pace.h"

#include "base/clock.h"
#include "engine/engine_state.h"

#include <stdlib.h>

/* Permille of its time that a compaction works: one that nobody asked for while there is no hurry,
 * and as much as there can be before writers are slowed; one that somebody waits for; and any once
 * they are. */
#define DUTY_GENTLE 200
#define DUTY_URGENT 800
#define DUTY_WANTED 500
#define DUTY_MOST   900

/* Where garbage starts no compaction, one that was asked for hurries as if so many percent did: it
 * must outrun those who write meanwhile, or it would never end. */
#define PERCENTAGE_OF_WANTED 50

/* Shorter rests cost more than they give others; longer ones would hold up the housekeeping. */
#define REST_LEAST_US ((int64_t)300)
#define REST_MOST_US  ((int64_t)20 * 1000)

/* While no segment is ready (log_stock.h) so much of one may be written in a second: the last
 * quarter then lasts for half a second. */
#define SHORT_PART 2

/* Timers count milliseconds: nobody waits for less than some of them, but the next one for all
 * that has come together; and who was woken late has paid for what comes next. */
#define DELAY_LEAST_US  ((int64_t)4 * 1000)
#define DELAY_CREDIT_US ((int64_t)10 * 1000)

/* While more space is being reserved, which usually takes less than this. */
#define GROWTH_DELAY_MAX_US ((int64_t)5 * 1000)

/* What compactions are taken to give back as long as none has been measured, and at least and at
 * most. */
#define GAIN_RATE_FIRST ((uint64_t)32 << 20)
#define GAIN_RATE_LEAST ((uint64_t)1 << 20)
#define GAIN_RATE_MOST  ((uint64_t)1 << 30)

/* Small files that may stay in a store of any size: of 65,536 descriptors or mappings an eighth. */
#define SMALL_FILES_MOST 8192
#define SMALL_FILES_PART 8

/* After merging has found no room. */
#define MERGE_RETRY_MS 60000

void compaction_pace_deinit(struct compaction_pace *pace)
{
    free(pace->files);
    pace->files = NULL;
}

/* --- small files -------------------------------------------------------------------------- */

uint64_t compaction_small_most(const struct engine *engine)
{
    uint64_t part = engine->descriptors / SMALL_FILES_PART;
    return part > 0 && part < SMALL_FILES_MOST ? part : SMALL_FILES_MOST;
}

bool compaction_may_merge(const struct engine *engine)
{
    return clock_monotonic_ms() >= atomic_load(&engine->pace.merge_from_ms);
}

void compaction_note_no_room_to_merge(struct engine *engine)
{
    atomic_store(&engine->pace.merge_from_ms, clock_monotonic_ms() + MERGE_RETRY_MS);
}

/* --- the gauge ---------------------------------------------------------------------------- */

struct compaction_file compaction_describe_locked(const struct segment *segment)
{
    uint64_t dead = segment_dead_bytes(segment);
    bool has_dead = dead > 0 || segment->damaged;
    uint64_t judged = segment->judged_sequence;
    uint64_t guard = segment->first_sequence > judged ? segment->first_sequence : judged;
    return (struct compaction_file){
        .bytes = dead - segment->waiting_bytes + segment->live_bytes,
        .live_bytes = segment->live_bytes,
        .kept_bytes = segment->kept_bytes,
        .kept_sequence = segment->kept_sequence,
        .guard_sequence = has_dead && segment->first_sequence > 0 ? guard : UINT64_MAX,
        .last_sequence = segment->last_sequence,
        .can_go = segment->closed && segment->end > SEGMENT_HEADER_SIZE && !segment->damaged,
    };
}

static bool reserve_files(struct compaction_pace *pace, size_t count)
{
    if (count <= pace->file_capacity) {
        return true;
    }
    struct compaction_file *files = realloc(pace->files, 2 * count * sizeof(*files));
    if (files == NULL) {
        return false;
    }
    pace->files = files;
    pace->file_capacity = 2 * count;
    return true;
}

void compaction_gauge_locked(struct engine *engine)
{
    struct compaction_pace *pace = &engine->pace;
    if (!reserve_files(pace, engine->segments.segment_count)) {
        return; /* the next look will do */
    }
    struct compaction_totals totals = {.segment_size = engine->segment_size,
                                       .small_most = compaction_small_most(engine)};
    size_t count = 0;
    size_t handle = 0;
    const struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        totals.all_live_bytes += segment->live_bytes;
        pace->files[count++] = compaction_describe_locked(segment);
    }
    compaction_add_up(pace->files, count, &totals);
    totals.small_count = compaction_may_merge(engine) ? totals.small_count : 0;
    unsigned percentage = atomic_load(&pace->percentage);
    struct compaction_pressure pressure =
        compaction_press(&totals, percentage > 0 ? percentage : PERCENTAGE_OF_WANTED);
    atomic_store(&pace->urgency, pressure.urgency);
    atomic_store(&pace->slowness, percentage > 0 ? pressure.slowness : 0);
    atomic_store(&pace->kept_bytes, totals.kept_bytes);
    atomic_store(&pace->has_many_small, compaction_has_many_small(&totals));
    atomic_store(&pace->is_due, compaction_is_due(&totals, percentage));
}

/* --- a run -------------------------------------------------------------------------------- */

static int64_t duty_of(const struct compaction_pace *pace)
{
    int64_t urgency = atomic_load(&pace->urgency);
    if (urgency == 1000) {
        /* Where nobody slows the writers, it takes all it can get. */
        return atomic_load(&pace->percentage) == 0 ? 1000 : DUTY_MOST;
    }
    int64_t duty = DUTY_GENTLE + urgency * (DUTY_URGENT - DUTY_GENTLE) / 1000;
    return pace->is_wanted && duty < DUTY_WANTED ? DUTY_WANTED : duty;
}

void compaction_pace_begin(struct engine *engine, bool is_wanted)
{
    struct compaction_pace *pace = &engine->pace;
    pace->is_wanted = is_wanted;
    pace->debt_us = 0;
    pace->rested_us = 0;
    pace->began_us = clock_monotonic_us();
    pace->work_from_us = pace->began_us;
}

void compaction_pace_step(struct engine *engine)
{
    struct compaction_pace *pace = &engine->pace;
    if (engine->options.without_threads) {
        return; /* nobody else is there, and tests don't wait */
    }
    int64_t duty = duty_of(pace);
    int64_t now_us = clock_monotonic_us();
    pace->debt_us += (now_us - pace->work_from_us) * (1000 - duty) / duty;
    pace->work_from_us = now_us;
    if (pace->debt_us < REST_LEAST_US) {
        return;
    }
    /* What a sync took is not paid for in full: it took time, but no processor and no lock. A sleep
     * that lasted longer than it should, on a busy machine, counts for the work to come. */
    pace->debt_us = pace->debt_us < REST_MOST_US ? pace->debt_us : REST_MOST_US;
    clock_sleep_us(pace->debt_us);
    pace->work_from_us = clock_monotonic_us();
    int64_t rested_us = pace->work_from_us - now_us;
    pace->rested_us += rested_us;
    pace->debt_us -= rested_us;
    pace->debt_us = pace->debt_us > -REST_MOST_US ? pace->debt_us : -REST_MOST_US;
}

static void note_gain(struct compaction_pace *pace, uint64_t gained, int64_t worked_us)
{
    uint64_t rate = gained / (uint64_t)(worked_us > 1000 ? worked_us / 1000 : 1) * 1000;
    rate = rate < GAIN_RATE_LEAST ? GAIN_RATE_LEAST : rate;
    rate = rate > GAIN_RATE_MOST ? GAIN_RATE_MOST : rate;
    uint64_t before = atomic_load(&pace->gain_rate);
    atomic_store(&pace->gain_rate, before == 0 ? rate : (before * 3 + rate) / 4);
}

void compaction_pace_end(struct engine *engine, uint64_t gained)
{
    struct compaction_pace *pace = &engine->pace;
    int64_t duration_us = clock_monotonic_us() - pace->began_us;
    atomic_store(&pace->last_run_us, duration_us);
    atomic_store(&pace->last_run_reclaimed, gained);
    atomic_fetch_add(&pace->reclaimed_bytes, gained);
    atomic_store(&pace->run_size, 0);
    atomic_store(&pace->run_done, 0);
    if (gained > 0) {
        note_gain(pace, gained, duration_us - pace->rested_us);
    }
}

/* --- writers ------------------------------------------------------------------------------ */

/* Bytes a second that writers may write together because of compaction. */
static uint64_t allowed_rate(const struct compaction_pace *pace, unsigned slowness)
{
    uint64_t rate = atomic_load(&pace->gain_rate);
    rate = rate == 0 ? GAIN_RATE_FIRST : rate;
    return rate / 1000 * (1000 - slowness * 3 / 4);
}

/* What holds writers back: how fast they may go together, and how long one waits at most at once.
 */
struct brake {
    uint64_t rate;
    int64_t most_us;
};

static void press(struct brake *brake, uint64_t rate, int64_t most_us)
{
    brake->rate = rate < brake->rate ? rate : brake->rate;
    brake->most_us = most_us > brake->most_us ? most_us : brake->most_us;
}

static struct brake find_brake(const struct engine *engine)
{
    const struct compaction_pace *pace = &engine->pace;
    struct brake brake = {.rate = UINT64_MAX};
    unsigned slowness = atomic_load_explicit(&pace->slowness, memory_order_relaxed);
    if (slowness > 0) {
        press(&brake, allowed_rate(pace, slowness),
              slowness < 1000 ? COMPACTION_DELAY_MAX_US : COMPACTION_DELAY_MAX_FULL_US);
    }
    if (atomic_load_explicit(&engine->stock.is_short, memory_order_relaxed)) {
        press(&brake, engine->segment_size / SHORT_PART, COMPACTION_DELAY_MAX_FULL_US);
    }
    if (atomic_load_explicit(&engine->grow.is_short, memory_order_relaxed)) {
        press(&brake, engine->segment_size / SHORT_PART, GROWTH_DELAY_MAX_US);
    }
    return brake;
}

bool engine_slows_writers(const struct engine *engine)
{
    return find_brake(engine).most_us > 0;
}

int64_t engine_write_delay_us(struct engine *engine, uint64_t size)
{
    struct compaction_pace *pace = &engine->pace;
    const struct brake brake = find_brake(engine);
    if (brake.most_us == 0 || size == 0) {
        return 0;
    }
    int64_t now_us = clock_monotonic_us();
    int64_t cost_us = (int64_t)((double)size * 1e6 / (double)brake.rate);
    int64_t least_us = now_us - DELAY_CREDIT_US;
    int64_t until_us = atomic_load(&pace->writers_until_us);
    int64_t next_us;
    do {
        next_us = (until_us > least_us ? until_us : least_us) + cost_us;
        next_us = next_us - now_us > brake.most_us ? now_us + brake.most_us : next_us;
    } while (!atomic_compare_exchange_weak(&pace->writers_until_us, &until_us, next_us));
    if (next_us - now_us < DELAY_LEAST_US) {
        return 0;
    }
    atomic_fetch_add(&pace->slowed_writes, 1);
    atomic_fetch_add(&pace->slowed_us, (uint64_t)(next_us - now_us));
    return next_us - now_us;
}

uint64_t engine_value_bytes_locked(const struct engine *engine)
{
    return engine->value_bytes;
}

void compaction_pace_report(const struct engine *engine, struct engine_statistics *out)
{
    const struct compaction_pace *pace = &engine->pace;
    out->kept_bytes = atomic_load(&pace->kept_bytes);
    out->compaction_moved_bytes = atomic_load(&pace->moved_bytes);
    out->compaction_reclaimed_bytes = atomic_load(&pace->reclaimed_bytes);
    out->compaction_size = atomic_load(&pace->run_size);
    out->compaction_done = atomic_load(&pace->run_done);
    out->last_compaction_us = (uint64_t)atomic_load(&pace->last_run_us);
    out->last_compaction_reclaimed_bytes = atomic_load(&pace->last_run_reclaimed);
    out->compaction_failing = atomic_load(&pace->failure) != STATUS_OK;
    out->slowed_writes = atomic_load(&pace->slowed_writes);
    out->slowed_us = atomic_load(&pace->slowed_us);
}

void engine_set_compaction_percentage(struct engine *engine, unsigned percentage)
{
    atomic_store(&engine->pace.percentage, percentage);
    maintenance_wake(engine);
}
