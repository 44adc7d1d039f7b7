/*
 * compaction.h - copying what is live together, so that files of dead records can go.
 *
 * See compaction.c for how, and docs/durability.md for the rules of ordering.
 */
#ifndef SCDB_ENGINE_COMPACTION_H
#define SCDB_ENGINE_COMPACTION_H

#include "base/status.h"
#include "engine/engine.h"

/* Reclaims all dead bytes. No lock held; the maintenance thread, or with
 * engine_options.without_threads the caller. CLOSED: given up because the engine closes. After any
 * failure all that was stays. */
enum status compaction_run(struct engine *engine, struct compaction_result *out) MUST_CHECK;

#endif
