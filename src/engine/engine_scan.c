/*
 * engine_scan.c - walks over all keys of a keyspace: engine_scan_locked() of engine.h.
 *
 * Slots come in the order of hashes, so their records lie anywhere, and a walk does little but wait
 * for them. So it asks for records some time before it reads them (prefetch.h), for more of them
 * where they are far away.
 */
#include "base/clock.h"
#include "engine/engine_state.h"
#include "engine/lookup.h"
#include "engine/prefetch.h"

#define AHEAD_NEAR 8
#define AHEAD_FAR  64

/* The time is taken of so many records together. */
#define TIMED_RECORDS 8

struct scan {
    struct engine *engine;
    const struct entry_visitor *visitor;
    struct record_address ahead[AHEAD_FAR]; /* a ring: the walk's nth slot at n % its size */
    uint64_t found;                         /* slots */
    uint64_t visited;                       /* of them */
    int64_t timed_from_us;                  /* monotonic */
};

static void take_time(struct scan *scan)
{
    int64_t now_us = clock_monotonic_us();
    prefetch_note_locked(scan->engine, TIMED_RECORDS, now_us - scan->timed_from_us);
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
        visit(scan, scan->ahead[scan->visited % AHEAD_FAR]);
        scan->visited++;
        if (scan->visited % TIMED_RECORDS == 0) {
            take_time(scan);
        }
    }
}

static void add_slot(void *context, const struct index_entry *slot)
{
    struct scan *scan = context;
    visit_down_to(scan, (prefetch_is_far_locked(scan->engine) ? AHEAD_FAR : AHEAD_NEAR) - 1);
    prefetch_head_locked(scan->engine, slot->address);
    scan->ahead[scan->found % AHEAD_FAR] = slot->address;
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
