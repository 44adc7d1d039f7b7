/*
 * live_databases.h - which database a keyspace is, as far as maps could be read.
 *
 * Part of live.h; one thread.
 */
#ifndef SCDB_CHECK_LIVE_DATABASES_H
#define SCDB_CHECK_LIVE_DATABASES_H

#include "check/live.h"
#include "engine/mark.h"

/* Begins with the manifest's map; without one, with that of a new store of 16 databases. NO_MEMORY.
 */
enum status live_databases_init(struct live *live) MUST_CHECK;

/* Takes a map record over when it is newer than what is there. NO_MEMORY: nothing has changed. */
enum status live_databases_take_map(struct live *live, uint64_t sequence,
                                    const struct mark_keyspace_map *map) MUST_CHECK;

/* Can only a lost map have named this keyspace, and may one have been lost? */
bool live_databases_lack(const struct live *live, uint64_t keyspace_id);

/* All keyspaces are known: the strays are numbered in the order in which keyspaces were made. */
void live_databases_sort_strays(struct live *live);

/* The database of a keyspace; NULL: it was flushed. With `add_stray`, a keyspace so new that only a
 * lost map can have named it becomes a further database. NO_MEMORY: *out is untouched. */
enum status live_databases_find(struct live *live, uint64_t keyspace_id, bool add_stray,
                                struct live_database **out) MUST_CHECK;

#endif
