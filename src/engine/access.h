/*
 * access.h - how the clock of a key moves when it is read or written: see sample.h. The engine's
 * own; lock held.
 */
#ifndef SCDB_ENGINE_ACCESS_H
#define SCDB_ENGINE_ACCESS_H

#include "base/random.h"
#include "engine/engine_state.h"
#include "engine/sample.h"

/* What of its clock a key has when it is made. By recency it is better off than one that was not
 * used since clocks sank, and worse off than one that was read after it was written; by frequency
 * it has to show first that it is used at all. (Measured: see docs/architecture.md.) */
static inline uint8_t access_first_clock(const struct engine *engine)
{
    return engine->access == ACCESS_RECENCY ? 1 : 0;
}

static inline uint8_t access_raised_clock(struct engine *engine, uint8_t clock)
{
    if (engine->access == ACCESS_NOT_NOTED || clock == ENGINE_CLOCK_MAX) {
        return clock;
    }
    if (engine->access == ACCESS_RECENCY) {
        return ENGINE_CLOCK_MAX;
    }
    uint64_t chances = (uint64_t)clock * engine->access_factor + 10;
    bool rises = chances == 10 || random_next(&engine->random_state) % chances < 10;
    return rises ? (uint8_t)(clock + 1) : clock;
}

#endif
