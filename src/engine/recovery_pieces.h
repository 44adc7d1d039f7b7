/*
 * recovery_pieces.h - strings in pieces, while a store is being opened.
 *
 * Files are read in no useful order, so of each header and each piece the record with the greatest
 * sequence number counts, and of those that share it the one with the greatest address: a copy, see
 * recovery_table.h. Which strings are alive is known when the indexes are: a slot must point
 * at the header. All others are given up.
 *
 * Used by one thread at a time, while the store is being opened.
 */
#ifndef SCDB_ENGINE_RECOVERY_PIECES_H
#define SCDB_ENGINE_RECOVERY_PIECES_H

#include "engine/pieces.h"

struct engine;

struct recovery_pieces {
    struct index_budget budget; /* without a limit: a store that was written can be opened */
    struct pieces_table table;  /* of all keyspaces */
};

/* Not to be moved between init and deinit. */
void recovery_pieces_init(struct recovery_pieces *found);
void recovery_pieces_deinit(struct recovery_pieces *found);

/* A record of RECORD_PIECED that was read. */
struct recovery_pieces_found {
    const struct record *record;
    struct record_address address;
    uint64_t size;          /* of the record in its file */
    struct index_hash hash; /* of its key */
};

/* CORRUPT: the record says what can't be. NO_MEMORY. */
enum status recovery_pieces_take(struct recovery_pieces *found,
                                 const struct recovery_pieces_found *seen) MUST_CHECK;

/* Puts what `from` has found to that of `into`. CORRUPT: they don't fit. NO_MEMORY. */
enum status recovery_pieces_merge(struct recovery_pieces *into,
                                  const struct recovery_pieces *from) MUST_CHECK;

/* Brings what was found to the keyspaces, whose indexes are whole, and which may know strings from
 * a checkpoint. NO_MEMORY, IO. */
enum status recovery_pieces_settle(struct engine *engine, struct recovery_pieces *found) MUST_CHECK;

#endif
