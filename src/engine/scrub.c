/* scrub.c - see scrub.h. */
#include "engine/scrub.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/advice.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"

#include <inttypes.h>

void scrub_init(struct scrub *scrub)
{
    *scrub = (struct scrub){.last_ms = clock_monotonic_ms()};
}

static void leave_segment(struct scrub *scrub)
{
    if (scrub->segment != NULL) {
        record_scanner_deinit(&scrub->scanner);
        segment_unreference(scrub->segment);
        scrub->segment = NULL;
    }
}

void scrub_deinit(struct scrub *scrub)
{
    leave_segment(scrub);
}

void engine_set_scrub_interval(struct engine *engine, uint64_t interval_s)
{
    atomic_store(&engine->scrub.interval_s, interval_s);
}

void scrub_begin(struct scrub *scrub)
{
    if (!atomic_load(&scrub->running)) {
        scrub->next_number = 0;
        atomic_store(&scrub->running, true);
    }
}

static void end_pass(struct scrub *scrub)
{
    leave_segment(scrub);
    atomic_store(&scrub->running, false);
    atomic_fetch_add(&scrub->passes, 1);
    scrub->last_ms = clock_monotonic_ms();
}

/* --- from segment to segment -------------------------------------------------------------- */

/* The sealed segment with the smallest number that this pass has not seen, referenced. */
static struct segment *take_next_segment(struct engine *engine)
{
    struct segment *next = NULL;
    size_t handle = 0;
    struct segment *segment;
    mutex_lock(&engine->lock);
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        bool is_due = segment->sealed && !segment->damaged &&
                      segment->number >= engine->scrub.next_number &&
                      segment->end > SEGMENT_HEADER_SIZE;
        if (is_due && (next == NULL || segment->number < next->number)) {
            next = segment;
        }
    }
    if (next != NULL) {
        segment_reference(next);
    }
    mutex_unlock(&engine->lock);
    return next;
}

/* False: there is none left, or no memory for now. */
static bool enter_next_segment(struct engine *engine)
{
    struct scrub *scrub = &engine->scrub;
    struct segment *segment = take_next_segment(engine);
    if (segment == NULL) {
        end_pass(scrub);
        return false;
    }
    enum status status =
        record_scanner_init(&scrub->scanner, segment, SEGMENT_HEADER_SIZE, segment->end, true);
    if (status != STATUS_OK) {
        segment_unreference(segment);
        return false; /* the next round tries again */
    }
    scrub->segment = segment;
    scrub->next_number = segment->number + 1;
    scrub->value_offset = 0;
    return true;
}

/* A compaction may have done away with it meanwhile: then its file is kept open for nothing. */
static bool is_still_there(struct engine *engine, const struct segment *wanted)
{
    size_t handle = 0;
    const struct segment *segment;
    mutex_lock(&engine->lock);
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        if (segment == wanted) {
            break;
        }
    }
    mutex_unlock(&engine->lock);
    return segment != NULL;
}

/* --- damage ------------------------------------------------------------------------------- */

static void note_damage(struct engine *engine, uint64_t offset, enum status status)
{
    struct scrub *scrub = &engine->scrub;
    struct segment *segment = scrub->segment;
    mutex_lock(&engine->lock);
    bool is_first = !segment->damaged;
    segment->damaged = true;
    mutex_unlock(&engine->lock);
    atomic_fetch_add(&scrub->damaged_records, 1);
    if (is_first) {
        atomic_fetch_add(&scrub->damaged_segments, 1);
        char name[FILE_NAME_SIZE_MAX];
        segment_file_name(segment->kind, segment->number, name);
        LOG_WARNING("scrub: %s is damaged at offset %" PRIu64 ": %s. It is kept as it is. Stop the "
                    "server, then: " ADVICE_DAMAGED,
                    name, offset, status_words(status));
    }
}

/* --- records ------------------------------------------------------------------------------ */

struct value_check {
    const uint8_t *bytes;
    uint64_t offset; /* of the part of the value to look at */
    uint64_t size;
    uint64_t seed;
    enum status status;
};

static void check_value(void *context)
{
    struct value_check *check = context;
    check->status = record_verify_value(check->bytes, check->offset, check->size, check->seed);
}

/* The next piece of a record whose value is too large for the scanner's buffer, through the
 * mapping: a disk that fails is noticed there too. Returns its size. */
static uint64_t check_large_value(struct engine *engine, const struct scanned_record *scanned)
{
    struct scrub *scrub = &engine->scrub;
    const struct segment *segment = scrub->segment;
    uint64_t from = scrub->value_offset;
    uint64_t left = scanned->record.value.size - from;
    struct value_check check = {.bytes = segment->mapping + scanned->offset,
                                .offset = from,
                                .size = left < SCRUB_STEP_SIZE ? left : SCRUB_STEP_SIZE,
                                .seed = segment->seed};
    if (!fault_guard_run(check_value, &check)) {
        check.status = STATUS_IO;
    }
    if (check.status != STATUS_OK) {
        note_damage(engine, scanned->offset, check.status);
    }
    if (check.status != STATUS_OK || check.size == left) {
        scrub->value_offset = 0; /* on to the record behind it */
        file_drop_cache(segment->file, scanned->offset, scanned->size);
        return scanned->size - from;
    }
    scrub->value_offset = from + check.size;
    scrub->scanner.offset = scanned->offset;
    return check.size;
}

/* The next record. Returns how much was read; 0: the segment is done with. */
static uint64_t check_record(struct engine *engine)
{
    struct scrub *scrub = &engine->scrub;
    uint64_t start = scrub->scanner.offset;
    struct scanned_record scanned;
    enum status status = record_scanner_next(&scrub->scanner, &scanned);
    if (status == STATUS_NO_MEMORY) {
        return SCRUB_STEP_SIZE; /* the next round tries again */
    }
    if (status != STATUS_OK) {
        if (status != STATUS_NOT_FOUND) {
            note_damage(engine, start, status);
        }
        return 0;
    }
    if (!scanned.has_value) {
        return check_large_value(engine, &scanned);
    }
    status = record_verify_value(scanned.bytes, 0, scanned.record.value.size, scrub->segment->seed);
    if (status != STATUS_OK) {
        note_damage(engine, scanned.offset, status);
    }
    return scanned.size;
}

static void check_piece(struct engine *engine)
{
    struct scrub *scrub = &engine->scrub;
    uint64_t done = 0;
    while (done < SCRUB_STEP_SIZE) {
        uint64_t size = check_record(engine);
        if (size == 0) {
            leave_segment(scrub);
            break;
        }
        done += size;
    }
    atomic_fetch_add(&scrub->read_bytes, done);
}

static bool is_due(const struct scrub *scrub)
{
    uint64_t interval_s = atomic_load(&scrub->interval_s);
    return interval_s > 0 && clock_monotonic_ms() - scrub->last_ms >= (int64_t)interval_s * 1000;
}

void scrub_step(struct engine *engine)
{
    struct scrub *scrub = &engine->scrub;
    if (!atomic_load(&scrub->running)) {
        if (!is_due(scrub)) {
            return;
        }
        scrub_begin(scrub);
    }
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < scrub->next_step_ms) {
        return;
    }
    scrub->next_step_ms = now_ms + SCRUB_STEP_INTERVAL_MS;
    if (scrub->segment != NULL && !is_still_there(engine, scrub->segment)) {
        leave_segment(scrub);
    }
    if (scrub->segment != NULL || enter_next_segment(engine)) {
        check_piece(engine);
    }
}
