/*
 * pieces_order.h - which strings of a table a checkpoint has copied, as they are.
 *
 * A checkpoint has to have all strings as they are at one moment, and to copy them all then would
 * take a tenth of a second where they hold 100 GB. So they are copied before, a few in each hold of
 * the lock, and who changes one, or takes it away, says so: its copy is void then, and it is copied
 * once more. What is left for that moment is what was changed just before.
 *
 * The strings of a table stand in two lists, fresh and copied. Between checkpoints all are fresh.
 *
 * Threads: as pieces.h.
 */
#ifndef SCDB_ENGINE_PIECES_ORDER_H
#define SCDB_ENGINE_PIECES_ORDER_H

#include "engine/pieces.h"

/* A string as it stands in a checkpoint. */
struct pieces_copy {
    struct pieces_copy *next;
    uint64_t keyspace_id;
    bool is_void; /* the string has changed, or gone */
    size_t size;
    uint8_t bytes[];
};

/* For pieces.c: a string that comes, and one that goes. */
void pieces_order_add(struct pieces_table *table, struct pieces *pieces);
void pieces_order_remove(struct pieces_table *table, struct pieces *pieces);

/* The string has been changed. */
void pieces_order_touch(struct pieces_table *table, struct pieces *pieces);

/* The next one to be copied; NULL: there is none. */
struct pieces *pieces_order_fresh(const struct pieces_table *table);

/* A fresh one has been copied. The copy is the caller's, until it calls pieces_order_forget(). */
void pieces_order_note_copy(struct pieces_table *table, struct pieces *pieces,
                            struct pieces_copy *copy);

/* All are fresh again, and the copies are not looked at any more. */
void pieces_order_forget(struct pieces_table *table);

#endif
