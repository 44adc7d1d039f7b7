/* compaction_victims.c - see compaction_victims.h. */
#include "engine/compaction_victims.h"

#include "base/compare.h"
#include "engine/compaction_choice.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "engine/mutant.h"

#include <stdlib.h>

/* A compaction that nobody asked for, but whose time has come, takes what has this many percent of
 * garbage at least. */
#define PASS_GARBAGE_LEAST 12

/* One that garbage has started ends when little enough is left, but not before it fills this part
 * of a packed segment: there would be too many small ones. */
#define LIVE_ENOUGH_PART 4

/* Should the active segment be closed first, for the sake of what is dead in it? For one that was
 * asked for, always. Of a small store it may be nearly all: then now and then, too, but once in a
 * pass, or who writes all the time would make each round worth another. */
static bool wants_roll_locked(const struct compaction *run)
{
    const struct engine *engine = run->engine;
    const struct segment *active = engine->appender.active;
    if (active->end == 0 || run->scope == COMPACTION_GARBAGE) {
        return false;
    }
    uint64_t dead = segment_dead_bytes(active);
    if (run->scope == COMPACTION_ALL) {
        return dead > 0;
    }
    if (!active->in_pass) {
        return false;
    }
    uint64_t all_bytes = 0;
    size_t handle = 0;
    const struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        all_bytes += segment->end;
    }
    return dead > all_bytes / 4;
}

/* What is to be judged lies in closed, durable, sealed segments then, up to judged_sequence: rule
 * 17 of docs/durability.md. */
static enum status close_log(struct compaction *run)
{
    struct engine *engine = run->engine;
    mutex_lock(&engine->lock);
    bool wants_roll = wants_roll_locked(run);
    mutex_unlock(&engine->lock);
    if (wants_roll) {
        enum status ready = log_stock_ensure(engine);
        (void)ready; /* the roll tries, too, and says what became of it */
    }
    mutex_lock(&engine->lock);
    enum status status = wants_roll ? appender_roll_locked(engine) : STATUS_OK;
    const struct segment *active = engine->appender.active;
    run->judged_sequence =
        (active->first_sequence > 0 ? active->first_sequence : engine->appender.next_sequence) - 1;
    mutex_unlock(&engine->lock);
    if (status == STATUS_OK) {
        status = engine_sync(engine);
    }
    if (status == STATUS_OK) {
        log_files_seal(engine);
    }
    return status;
}

static int compare_age(const void *a, const void *b)
{
    const struct segment *left = ((const struct compaction_victim *)a)->segment;
    const struct segment *right = ((const struct compaction_victim *)b)->segment;
    return compare_numbers(left->first_sequence, right->first_sequence);
}

/* Sealed, that is, and not one that was closed and sealed while the log was synced: nothing that is
 * copied is newer than what the packed segment names, rule 17. */
static bool may_be_copied_locked(const struct compaction *run, const struct segment *segment)
{
    return segment->sealed && segment->last_sequence <= run->judged_sequence;
}

static void add_victim_locked(struct compaction *run, struct segment *segment)
{
    segment_reference(segment);
    run->victims[run->victim_count++].segment = segment;
    atomic_fetch_add(&run->engine->pace.run_size, segment->end);
}

/* Is it one that has nothing dead, and should not be a file of its own? */
static bool is_small_locked(const struct compaction *run, const struct segment *segment)
{
    return segment->live_bytes > 0 && segment_dead_bytes(segment) == 0 &&
           compaction_is_small(segment->live_bytes, run->engine->segment_size);
}

/* All with something dead. And the small ones, if they make fewer files: when they are two, or
 * there are other copies to put them with. What is left is at most one, and no victim next time. */
static void add_all_locked(struct compaction *run)
{
    const struct segment_table *segments = &run->engine->segments;
    size_t handle = 0;
    size_t sources = 0; /* of what there is to copy */
    struct segment *segment;
    while ((segment = segment_table_next(segments, &handle)) != NULL) {
        if (!may_be_copied_locked(run, segment) || segment->damaged) {
            continue;
        }
        if (segment_dead_bytes(segment) > 0) {
            add_victim_locked(run, segment);
            sources += segment->live_bytes > 0 ? 1 : 0;
        } else if (is_small_locked(run, segment)) {
            sources++;
        }
    }
    if (sources < 2 || !run->merges) {
        return;
    }
    handle = 0;
    while ((segment = segment_table_next(segments, &handle)) != NULL) {
        if (may_be_copied_locked(run, segment) && !segment->damaged &&
            is_small_locked(run, segment)) {
            add_victim_locked(run, segment);
        }
    }
}

/* `files` has room for all segments. */
static void add_best_locked(struct compaction *run, struct compaction_file *files)
{
    struct engine *engine = run->engine;
    struct compaction_totals totals = {.segment_size = engine->segment_size,
                                       .small_most = compaction_small_most(engine)};
    size_t count = 0;
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        totals.all_live_bytes += segment->live_bytes;
        files[count] = compaction_describe_locked(segment);
        files[count].can_go = files[count].can_go && may_be_copied_locked(run, segment) &&
                              (segment->in_pass || run->scope != COMPACTION_PASS);
        count++;
    }
    compaction_add_up(files, count, &totals);
    totals.small_count = run->merges ? totals.small_count : 0;
    unsigned percentage = atomic_load(&engine->pace.percentage);
    struct compaction_wish wish = {
        .next_sequence = engine->appender.next_sequence,
        .live_max = engine->segment_size,
        .garbage_least = run->scope == COMPACTION_GARBAGE ? percentage / 4 : PASS_GARBAGE_LEAST,
        .live_enough = engine->segment_size / LIVE_ENOUGH_PART,
        .garbage_enough = run->scope == COMPACTION_GARBAGE ? percentage : 0,
    };
    (void)compaction_choose(files, count, &totals, &wish);
    handle = 0;
    for (size_t i = 0; (segment = segment_table_next(&engine->segments, &handle)) != NULL; i++) {
        if (files[i].chosen) {
            add_victim_locked(run, segment);
        }
    }
}

static enum status collect_locked(struct compaction *run)
{
    size_t count = run->engine->segments.segment_count + 1;
    run->victims = calloc(count, sizeof(*run->victims));
    struct compaction_file *files = calloc(count, sizeof(*files));
    enum status status = run->victims == NULL || files == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK && run->scope == COMPACTION_ALL) {
        add_all_locked(run);
    } else if (status == STATUS_OK) {
        add_best_locked(run, files);
    }
    free(files);
    return status;
}

enum status compaction_victims_choose(struct compaction *run)
{
    enum status status = close_log(run);
    if (status != STATUS_OK) {
        return status;
    }
    mutex_lock(&run->engine->lock);
    status = collect_locked(run);
    mutex_unlock(&run->engine->lock);
    if (run->victim_count > 1) {
        qsort(run->victims, run->victim_count, sizeof(*run->victims), compare_age);
    }
    return status;
}

void compaction_victims_release(struct compaction *run)
{
    for (size_t i = 0; i < run->victim_count; i++) {
        if (run->victims[i].segment != NULL) {
            segment_unreference(run->victims[i].segment);
        }
    }
    free(run->victims);
}

/* Has it been copied, and will go? (What is settled has left the table, or stays.) */
static bool is_finished(const struct compaction *run, const struct segment *segment)
{
    for (size_t i = run->settled; i < run->finished; i++) {
        if (run->victims[i].segment == segment) {
            return !run->victims[i].stays;
        }
    }
    return false;
}

uint64_t compaction_guard_limit(const struct compaction *run, const struct segment *victim)
{
    struct engine *engine = run->engine;
    uint64_t limit = UINT64_MAX;
    size_t handle = 0;
    mutex_lock(&engine->lock);
    const struct segment *segment;
    while (!MUTANT(TOMBSTONES_GO) &&
           (segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        uint64_t guard = compaction_describe_locked(segment).guard_sequence;
        if (guard < limit && segment != victim && !is_finished(run, segment)) {
            limit = guard;
        }
    }
    mutex_unlock(&engine->lock);
    return limit;
}
