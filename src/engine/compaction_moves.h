/*
 * compaction_moves.h - from where to where a compaction has copied records, until all of a file's
 * moves are published.
 *
 * Half a million of them are held for a segment of 64 MiB, so each takes 24 bytes: what rarely
 * changes from one to the next (the keyspace, and for strings in pieces the string) is kept beside
 * them. And their memory is the system's own, not the heap's, which would keep for itself what only
 * a compaction needs.
 *
 * Threads: one at a time.
 */
#ifndef SCDB_ENGINE_COMPACTION_MOVES_H
#define SCDB_ENGINE_COMPACTION_MOVES_H

#include "base/status.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is moved. */
struct compaction_owner {
    uint64_t keyspace_id;
    uint64_t pieces_id; /* 0: it is not of a string in pieces */
    uint64_t place;     /* pieces.h: a header's, or the piece's ordinal */
};

/* A live record that has a copy. */
struct compaction_move {
    struct index_hash hash;
    struct record_address from;
    uint32_t to_unit; /* offset in the packed file, in units of 8 bytes */
    uint32_t units;   /* its size */
};

/* All zero to begin with. */
struct compaction_moves {
    struct compaction_move *items; /* owned */
    size_t count;
    size_t capacity;
    struct compaction_owner_run *runs; /* owned; each from the move where its owner begins */
    size_t run_count;
    size_t run_capacity;
};

/* Where a walk through the moves is; all zero at the first. */
struct compaction_moves_cursor {
    size_t next;
    size_t run;
};

/* Frees all memory. */
void compaction_moves_deinit(struct compaction_moves *moves);

/* Forgets all moves; the memory stays for the next file's. */
void compaction_moves_clear(struct compaction_moves *moves);

/* Makes room for one more move. NO_MEMORY: nothing has changed. */
enum status compaction_moves_reserve(struct compaction_moves *moves) MUST_CHECK;

/* Appends a move, for which there is room. */
void compaction_moves_add(struct compaction_moves *moves, const struct compaction_move *move,
                          const struct compaction_owner *owner);

/* The next move and its owner, both borrowed until the moves change; NULL behind the last. */
const struct compaction_move *compaction_moves_next(const struct compaction_moves *moves,
                                                    struct compaction_moves_cursor *cursor,
                                                    const struct compaction_owner **owner);

#endif
