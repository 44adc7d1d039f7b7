/*
 * staircase.h - all expiry marks of a log, reduced to those that still say something.
 *
 * A mark (sequence s, time T) says that every record older than s with an expiry up to T is dead.
 * A mark with a smaller sequence and a smaller T says nothing that a later one does not. What
 * remains, by growing sequence, has falling times: a staircase, usually of one step, because time
 * usually goes forward.
 *
 * Not thread-safe; owns its array.
 */
#ifndef SCDB_ENGINE_STAIRCASE_H
#define SCDB_ENGINE_STAIRCASE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct staircase_step {
    uint64_t sequence;
    int64_t until_ms;
};

struct staircase {
    struct staircase_step *steps; /* owned */
    size_t count;
    size_t capacity;
};

void staircase_init(struct staircase *staircase);
void staircase_deinit(struct staircase *staircase);

/* Adds a mark; marks may come in any order. NO_MEMORY: nothing has changed. */
enum status staircase_add(struct staircase *staircase, uint64_t sequence,
                          int64_t until_ms) MUST_CHECK;

/* Does a mark say that the record with this sequence number and expiry is dead? */
bool staircase_covers(const struct staircase *staircase, uint64_t sequence, int64_t expiry_ms);

#endif
