/*
 * compaction.h - copying what is live together, so that files of dead records can go.
 *
 * See compaction.c for how, and docs/durability.md for the rules of ordering.
 */
#ifndef SCDB_ENGINE_COMPACTION_H
#define SCDB_ENGINE_COMPACTION_H

#include "base/status.h"
#include "engine/engine.h"

enum compaction_scope {
    COMPACTION_ALL,     /* COMPACT: all dead bytes are reclaimed, and small files merged */
    COMPACTION_GARBAGE, /* there is too much garbage: a few victims, the best; or there are too
                           many small files: those */
    COMPACTION_PASS     /* the interval is over: a few victims of the pass that are worth it; or
                           small files, as above */
};

/* A pass begins: the rounds of COMPACTION_PASS are about the files that have records now, and no
 * others. So there is a round that gains nothing, also while much is being written. Lock not held;
 * who runs compactions. */
void compaction_begin_pass(struct engine *engine);

/* Reclaims dead bytes. No lock held; the maintenance thread, or with
 * engine_options.without_threads the caller. CLOSED: given up because the engine closes. After any
 * failure all that was stays. */
enum status compaction_run(struct engine *engine, enum compaction_scope scope,
                           struct compaction_result *out) MUST_CHECK;

#endif
