/*
 * compaction_victims.h - what a compaction is about: its victims, and what their tombstones guard.
 *
 * For compaction.c only.
 */
#ifndef SCDB_ENGINE_COMPACTION_VICTIMS_H
#define SCDB_ENGINE_COMPACTION_VICTIMS_H

#include "base/status.h"
#include "engine/compaction.h"
#include "engine/compaction_output.h"
#include "engine/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compaction_victim {
    struct segment *segment; /* referenced until its file is removed, then NULL */
    /* The copying met what it can't read, so the file stays. (segment->damaged may be set later,
     * too, by others. Then all is copied, and tombstones may have gone that hid what is in it.) */
    bool stays;
};

/* One pass of a run. */
struct compaction {
    struct engine *engine;
    enum compaction_scope scope;
    bool merges; /* small files, too: it takes room before it gives any, and there may be none */
    struct compaction_victim *victims; /* owned, in the order of their first records */
    size_t victim_count;
    size_t finished; /* victims before this one are copied, or given up as damaged */
    size_t settled;  /* victims before this one are dealt with for good */
    uint64_t judged_sequence;
    struct compaction_output output;
    struct compaction_result *result;
};

/* Makes the log durable, seals what is closed, and chooses. No lock held. NO_MEMORY, and what a
 * sync may fail with. */
enum status compaction_victims_choose(struct compaction *run) MUST_CHECK;

/* Lets go of those that are left. */
void compaction_victims_release(struct compaction *run);

/* Rule 8 of docs/durability.md: the greatest sequence number that a tombstone in `victim` may have
 * to be let go (see the top of compaction.c). No lock held. */
uint64_t compaction_guard_limit(const struct compaction *run, const struct segment *victim);

#endif
