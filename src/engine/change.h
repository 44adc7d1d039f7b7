/*
 * change.h - what a write does besides appending a record: index and accounting.
 *
 * engine.h's writing functions are in change.c; this header is for the engine's other files. All
 * functions want the execution lock.
 */
#ifndef SCDB_ENGINE_CHANGE_H
#define SCDB_ENGINE_CHANGE_H

#include "engine/appender.h"
#include "engine/engine.h"
#include "engine/lookup.h"
#include "engine/pieces.h"

/* The record that a slot pointed to is dead now. One that can't be read has no known size: its
 * bytes stay counted as live, and its segment counts as damaged, so that no compaction takes it for
 * one without anything dead. */
void change_forget_record_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                                 struct index_hash hash, const struct lookup *lookup);

/* So it is, and if it was a header, its pieces are dead, too. */
void change_forget_locked(struct engine *engine, struct engine_keyspace *keyspace,
                          struct index_hash hash, const struct lookup *lookup);

/* Appends the record, a value or a header, which becomes its key's; not its pieces: their record
 * stays the caller's business. Failures are those of engine_put_locked, and SOURCE_LOST. */
enum status change_put_locked(struct engine *engine, struct engine_keyspace *keyspace,
                              struct append *append) MUST_CHECK;

/* Whether the index takes the key, which is new there or not: so long as the index is not changed,
 * change_put_locked() will not fail for want of a slot. INDEX_FULL, KEY_LIMIT, NO_MEMORY. */
enum status change_reserve_slot_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                       struct index_hash hash, bool is_new,
                                       int64_t expiry_ms) MUST_CHECK;

/* Counts the bytes of a piece, which lies in this keyspace, among the live ones, or takes them off.
 * It can't fail where the segment has been prepared for the keyspace. */
void change_count_piece_locked(struct engine *engine, uint64_t keyspace_id, struct piece piece,
                               bool is_live);

/* All pieces of a string are dead now. Entries that tell of it can be read until the lock is
 * released. */
void change_abandon_pieces_locked(struct engine *engine, struct engine_keyspace *keyspace,
                                  struct pieces *pieces);

/* A key was changed by a command. What an undo puts back was counted when it was changed. */
void change_count_locked(struct engine *engine);

#endif
