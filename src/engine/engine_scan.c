/*
 * engine_scan.c - walks over all keys of a keyspace: engine_scan_locked() of engine.h.
 *
 * Slots come in the order of hashes, so their records lie anywhere, and a walk does little but wait
 * for them. So it asks for records some time before it reads them: for lines of memory, and where
 * it has had to wait for the disk, for pages, and for as many at once as disks do at a time. Which
 * of both it is, the time shows that the last few took; to ask for a page that is in memory already
 * takes longer than to read a record.
 */
#include "base/clock.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"
#include "engine/prefetch.h"

#define AHEAD_IN_MEMORY 8
#define AHEAD_ON_DISK   64

/* The time is taken of so many records together. */
#define TIMED_RECORDS 8

/* What they take at most while they are in memory; one read of a disk takes as long, or longer. */
#define TIMED_MAX_US 40

struct scan {
    struct engine *engine;
    const struct entry_visitor *visitor;
    struct record_address ahead[AHEAD_ON_DISK]; /* a ring: the walk's nth slot at n % its size */
    uint64_t found;                             /* slots */
    uint64_t visited;                           /* of them */
    int64_t timed_from_us;                      /* monotonic */
};

static void ask_for(const struct scan *scan, struct record_address address)
{
    const struct segment_table *segments = &scan->engine->segments;
    const struct segment *segment = segment_table_find(segments, address);
    uint64_t offset = segment_offset_of(segments, segment, address);
    if (offset >= segment->tail_from) {
        return; /* in the tail in memory, which is near */
    }
    if (scan->engine->scan_waits_for_disk) {
        file_read_ahead(segment->file, offset, PREFETCH_HEAD_LINES * PREFETCH_LINE_SIZE);
    } else {
        prefetch_record(segment->mapping + offset, PREFETCH_HEAD_LINES);
    }
}

static void take_time(struct scan *scan)
{
    int64_t now_us = clock_monotonic_us();
    scan->engine->scan_waits_for_disk = now_us - scan->timed_from_us > TIMED_MAX_US;
    scan->timed_from_us = now_us;
}

static void visit(const struct scan *scan, struct record_address address)
{
    struct lookup lookup;
    lookup_address_locked(scan->engine, address, &lookup);
    if (lookup.status != STATUS_OK || engine_has_expired_locked(scan->engine, &lookup.record)) {
        return;
    }
    struct entry entry;
    if (lookup_to_entry(scan->engine, &lookup, &entry) == STATUS_OK) {
        scan->visitor->visit(scan->visitor->context, &entry);
    }
}

static void visit_down_to(struct scan *scan, uint64_t left)
{
    while (scan->found - scan->visited > left) {
        visit(scan, scan->ahead[scan->visited % AHEAD_ON_DISK]);
        scan->visited++;
        if (scan->visited % TIMED_RECORDS == 0) {
            take_time(scan);
        }
    }
}

static void add_slot(void *context, const struct index_entry *slot)
{
    struct scan *scan = context;
    visit_down_to(scan, (scan->engine->scan_waits_for_disk ? AHEAD_ON_DISK : AHEAD_IN_MEMORY) - 1);
    ask_for(scan, slot->address);
    scan->ahead[scan->found % AHEAD_ON_DISK] = slot->address;
    scan->found++;
}

void engine_scan_locked(struct engine *engine, struct engine_keyspace *keyspace, uint64_t *cursor,
                        size_t count, const struct entry_visitor *visitor)
{
    struct scan scan = {
        .engine = engine, .visitor = visitor, .timed_from_us = clock_monotonic_us()};
    engine_rest_on_all_locked(engine);
    index_scan(keyspace->index, cursor, count, add_slot, &scan);
    visit_down_to(&scan, 0);
}
