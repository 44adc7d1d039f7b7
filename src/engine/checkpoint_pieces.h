/*
 * checkpoint_pieces.h - strings in pieces, as they stand at the end of a checkpoint's facts.
 *
 * Unlike the tables of the indexes they are as they were at one moment, that of the live bytes: the
 * last before the checkpoint's end. They are copied before, and those that change once more
 * (pieces_order.h). docs/file-format.md section 8 describes every byte.
 *
 * Functions that end in _locked want the execution lock; the others are pure.
 */
#ifndef SCDB_ENGINE_CHECKPOINT_PIECES_H
#define SCDB_ENGINE_CHECKPOINT_PIECES_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "engine/map_facts.h"
#include "engine/pieces.h"
#include "engine/pieces_order.h"
#include "engine/spaces.h"

/* Copies of strings, those that have become void among them. */
struct checkpoint_pieces {
    struct pieces_copy *first; /* owned */
    struct pieces_copy *last;
    uint64_t count;
    uint64_t string_count; /* in the beginning */
};

/* A checkpoint begins; the copies are all zero. */
void checkpoint_pieces_begin_locked(struct checkpoint_pieces *copies, const struct spaces *spaces);

/* While others change strings faster than they are copied, there is no end to it: are there three
 * times as many copies as there were strings? */
bool checkpoint_pieces_are_enough(const struct checkpoint_pieces *copies);

void checkpoint_pieces_deinit(struct checkpoint_pieces *copies);

/* As much as is copied in one hold of the lock, in pieces; a string costs as much as some. */
#define CHECKPOINT_PIECES_HOLD  16384
#define CHECKPOINT_STRING_COSTS 32

/* Copies strings of keyspaces whose ids are below `end_id` that have not been copied as they are,
 * until what was copied costs `most`. *is_done: none is left. NO_MEMORY. */
enum status checkpoint_pieces_copy_locked(struct checkpoint_pieces *copies, struct spaces *spaces,
                                          uint64_t end_id, uint64_t most, bool *is_done) MUST_CHECK;

/* The copies are what they are from now on: changes do not concern them any more. */
void checkpoint_pieces_settle_locked(struct spaces *spaces);

/* Appends the copies that are not void, which have been settled, of the map's keyspaces: those of
 * others were flushed. NO_MEMORY. */
enum status checkpoint_pieces_append(const struct checkpoint_pieces *copies,
                                     const struct map_facts *map, struct buffer *out) MUST_CHECK;

/* Reads them: a string, then each of its pieces, then the next string. */
struct checkpoint_pieces_reader {
    struct slice left;     /* the caller sets it to all the bytes; all else is zero then */
    struct pieces string;  /* without its pieces */
    uint64_t piece_count;  /* of it, not read yet */
    uint64_t last_ordinal; /* plus one */
};

/* NOT_FOUND: there is no further one. CORRUPT: that can't be. */
enum status checkpoint_pieces_next_string(struct checkpoint_pieces_reader *reader) MUST_CHECK;
enum status checkpoint_pieces_next_piece(struct checkpoint_pieces_reader *reader, uint64_t *ordinal,
                                         struct piece *out) MUST_CHECK;

#endif
