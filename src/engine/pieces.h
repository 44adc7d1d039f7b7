/*
 * pieces.h - strings that lie in pieces: where each piece is.
 *
 * A large string that is changed in a place becomes a header and pieces (docs/pieces.md). Both are
 * records of RECORD_PIECED, in the keyspace of the string's key, and carry the id of the pieces.
 * The header has the key, the type, the encoding and the expiry, and says in its `place` how long
 * the string is and how long a piece. Piece i has no key; its `place` is i, its value the bytes
 * from i << shift on. A piece may be shorter than that, or missing: what lacks is zeros.
 *
 * A slot of the index points at the header. Where the pieces are is kept here: for each string an
 * array, in blocks that are made when one of their pieces is. A piece is alive when its string is
 * and the array says that it lies there; a string is alive as long as a slot points at its header.
 *
 * Ids are sequence numbers: that of the first record of the group that made the string. So no id is
 * ever given twice.
 *
 * Not thread-safe: the caller holds the execution lock, or nobody else has heard of the table. A
 * table owns its strings. Memory is counted against the store's budget for indexes.
 */
#ifndef SCDB_ENGINE_PIECES_H
#define SCDB_ENGINE_PIECES_H

#include "base/status.h"
#include "engine/index.h"
#include "engine/index_block.h"
#include "engine/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECES_SHIFT_DEFAULT 14 /* pieces of 16 KiB */
#define PIECES_SHIFT_MIN     6  /* for tests */
#define PIECES_SHIFT_MAX     16 /* one checksum covers a piece */
#define PIECES_PER_BLOCK     64
#define PIECE_UNITS_MAX      0xffffff
#define PIECE_ADDRESS_MAX    0xffffffffff

/* A string is put into pieces when it is longer than this many of them. */
#define PIECES_COUNT_MIN 4

/* --- the place of a record ------------------------------------------------------------------ */

/* What a header says in its place. */
struct pieces_shape {
    uint64_t size; /* of the string, below 2^40 */
    unsigned shift;
};

bool pieces_is_header(const struct record *record);
bool pieces_place_is_ordinal(uint64_t place);
uint64_t pieces_encode_shape(struct pieces_shape shape);

/* Of a valid record of RECORD_PIECED. CORRUPT: it says what can't be. */
enum status pieces_decode_shape(uint64_t place, struct pieces_shape *out) MUST_CHECK;

/* Bytes of the record of a piece of `size` bytes. */
uint64_t pieces_record_size(uint64_t size);

/* --- one string ----------------------------------------------------------------------------- */

/* Where a piece lies. All zeros: it was never written. An address of 0 with a sequence number: it
 * was not found, and can't be read. */
struct piece {
    uint64_t address : 40; /* struct record_address */
    uint64_t units : 24;   /* size of its record, in units of 8 bytes */
    uint64_t sequence;
};

struct pieces_copy;

struct pieces {
    uint64_t id;
    uint64_t keyspace_id;
    struct pieces_shape shape;
    struct index_hash hash; /* of the key */
    struct record_address header;
    uint64_t header_sequence; /* 0: none was seen yet (recovery) */
    uint64_t piece_sequence;  /* of the piece that was written last in this session; 0: none */
    struct piece **blocks;    /* owned; each NULL or PIECES_PER_BLOCK pieces */
    size_t block_count;
    size_t cost;         /* bytes of memory that are counted */
    struct pieces *next; /* in its bucket, or among the dead */

    /* Private to pieces_order.c. */
    struct pieces *order_next;
    struct pieces *order_previous;
    uint64_t copy_epoch;
    struct pieces_copy *copy; /* borrowed; means something in the table's epoch only */
};

/* The piece, all zeros when there is none. */
struct piece pieces_get(const struct pieces *pieces, uint64_t ordinal);

/* Changes a piece whose place was reserved. */
void pieces_set(struct pieces *pieces, uint64_t ordinal, struct piece piece);

/* The first piece at *ordinal or behind it that is not all zeros; false: there is none. */
bool pieces_next(const struct pieces *pieces, uint64_t *ordinal);

/* Frees one that is in no table. */
void pieces_free(struct pieces *pieces);

/* --- all of a keyspace ------------------------------------------------------------------------ */

struct pieces_list {
    struct pieces *first;
    struct pieces *last;
};

struct pieces_table {
    struct pieces **buckets; /* owned, and so are the strings; NULL while there are none */
    size_t bucket_count;     /* a power of two */
    size_t count;
    struct index_account account;
    struct pieces_list
        fresh; /* those that are not, or not as they are, in the checkpoint which is */
    struct pieces_list copied; /* being made, and the others: pieces_order.h */
    uint64_t epoch;
};

/* `budget` is borrowed for the table's life. */
void pieces_table_init(struct pieces_table *table, struct index_budget *budget);
void pieces_table_deinit(struct pieces_table *table);

/* It counts in another budget from now on, whatever that one's limit. */
void pieces_table_set_budget(struct pieces_table *table, struct index_budget *budget);

uint64_t pieces_table_memory(const struct pieces_table *table);

/* NULL: there is none with this id. */
struct pieces *pieces_table_find(const struct pieces_table *table, uint64_t id);

/* Adds a string without pieces. INDEX_FULL, NO_MEMORY: nothing has changed. */
enum status pieces_table_add(struct pieces_table *table, uint64_t id, uint64_t keyspace_id,
                             struct pieces **out) MUST_CHECK;

/* Makes room for the pieces [first, end) of a string of this table. INDEX_FULL, NO_MEMORY: what
 * the string says has not changed. */
enum status pieces_table_reserve(struct pieces_table *table, struct pieces *pieces, uint64_t first,
                                 uint64_t end) MUST_CHECK;

/* Takes a string out; it is the caller's. */
void pieces_table_remove(struct pieces_table *table, struct pieces *pieces);

/* The string behind `previous` in no order that means anything (NULL: the first); NULL at the end.
 */
struct pieces *pieces_table_next(const struct pieces_table *table, const struct pieces *previous);

#endif
