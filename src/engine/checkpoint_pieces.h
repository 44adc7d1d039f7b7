/*
 * checkpoint_pieces.h - strings in pieces, as a checkpoint has them behind its facts.
 *
 * Unlike the tables of the indexes they are copied all at one moment, with the live bytes: the last
 * before the checkpoint's end. docs/file-format.md section 8 describes every byte.
 *
 * Pure functions of bytes and of what is copied, which wants the execution lock.
 */
#ifndef SCDB_ENGINE_CHECKPOINT_PIECES_H
#define SCDB_ENGINE_CHECKPOINT_PIECES_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "engine/pieces.h"
#include "engine/spaces.h"

/* Appends all strings in pieces of keyspaces whose ids are below `end_id`. NO_MEMORY. */
enum status checkpoint_pieces_append(const struct spaces *spaces, uint64_t end_id,
                                     struct buffer *out) MUST_CHECK;

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
