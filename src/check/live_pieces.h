/*
 * live_pieces.h - strings in pieces (engine/pieces.h), in a store that is looked at from outside.
 *
 * One thread, as with live.h, of whose pass over the files this is a part.
 */
#ifndef SCDB_CHECK_LIVE_PIECES_H
#define SCDB_CHECK_LIVE_PIECES_H

#include "check/live.h"
#include "check/walk.h"

/* Whether the store may hold such records: else a newer program wrote what its manifest does not
 * announce. */
bool live_pieces_are_announced(const struct check_store *store);

/* Takes the header or piece that the walk has come to; walks go through the files in their order.
 * CORRUPT: it says what can't be. NO_MEMORY. */
enum status live_pieces_take(struct live *live, struct walk *walk,
                             struct index_hash hash) MUST_CHECK;

/* All records are taken: bytes of records, pieces included, can be told. NO_MEMORY. */
enum status live_pieces_sort(struct live *live) MUST_CHECK;

/* Bytes of the pieces whose header is the record at this address; 0 when it is no header. */
uint64_t live_pieces_size(const struct live *live, uint64_t address);

/* Puts the string together whose header the walk has come to; the memory is the caller's, to be
 * freed. With `out` NULL it only looks whether that can be done. CORRUPT, IO: a piece can't be
 * read, it was reported. NO_MEMORY. */
enum status live_pieces_read(struct live *live, const struct walk *walk, char **out,
                             size_t *size) MUST_CHECK;

#endif
