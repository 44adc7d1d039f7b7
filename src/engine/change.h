/*
 * change.h - what a write does besides appending a record: index and accounting.
 *
 * engine.h's writing functions are in change.c; this header is for the engine's other files. All
 * functions want the execution lock.
 */
#ifndef SCDB_ENGINE_CHANGE_H
#define SCDB_ENGINE_CHANGE_H

#include "engine/engine.h"
#include "engine/lookup.h"

/* The record that a slot pointed to is dead now. One that can't be read has no known size: its
 * bytes stay counted as live, and its segment counts as damaged, so that no compaction takes it for
 * one without anything dead. */
void change_forget_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                          struct index_hash hash, const struct lookup *lookup);

#endif
