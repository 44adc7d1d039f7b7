/*
 * engine_part.h - reading values by parts, for the engine's other files: what engine.h does not
 * say.
 *
 * All functions want the execution lock.
 */
#ifndef SCDB_ENGINE_ENGINE_PART_H
#define SCDB_ENGINE_ENGINE_PART_H

#include "engine/engine.h"
#include "engine/pieces.h"

/* The bytes of a piece, verified, where they lie; empty when it was never written. What the caller
 * answers rests on it. CORRUPT, IO: it can't be read (logged). */
enum status engine_part_piece_locked(struct engine *engine, const struct pieces *pieces,
                                     uint64_t ordinal, struct slice *out) MUST_CHECK;

/* engine_verify_locked() for a value in pieces. */
enum status engine_part_verify_locked(struct engine *engine, const struct entry *entry,
                                      uint64_t offset, uint64_t size) MUST_CHECK;

#endif
