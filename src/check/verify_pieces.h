/*
 * verify_pieces.h - damaged pieces of strings, as lines that name the key.
 *
 * A piece has no key: the header of its string has, which may lie in any file. So the pieces are
 * gathered, and told of when all files were read; those are read again then, for the headers.
 *
 * One thread. A struct verify_pieces borrows the files of the walks.
 */
#ifndef SCDB_CHECK_VERIFY_PIECES_H
#define SCDB_CHECK_VERIFY_PIECES_H

#include "check/history.h"
#include "check/report.h"
#include "check/walk.h"

struct verify_piece;

/* All zeros: none. */
struct verify_pieces {
    struct verify_piece *pieces; /* owned */
    size_t count;
    size_t capacity;
};

void verify_pieces_deinit(struct verify_pieces *found);

/* The piece that the walk has come to, and what walk_value said of it. NO_MEMORY. */
enum status verify_pieces_add(struct verify_pieces *found, const struct walk *walk,
                              enum status status) MUST_CHECK;

/* A line for each. NO_MEMORY: there may be none. */
enum status verify_pieces_report(const struct verify_pieces *found, const struct history *history,
                                 struct report *report) MUST_CHECK;

#endif
