/*
 * keyspace_store.h - databases on a simulated disk: what tests of the keyspace layer begin with.
 *
 * From keyspace_store_begin() and _open() on the store's lock is held, as it is for commands, and
 * the time for keys is the store's clock. Everything aborts (CHECK) when it does not succeed.
 */
#ifndef SCDB_TESTS_SUPPORT_KEYSPACE_STORE_H
#define SCDB_TESTS_SUPPORT_KEYSPACE_STORE_H

#include "keyspace/keyspace.h"
#include "support/sim_store.h"

struct keyspace_store {
    struct sim_store store; /* its clock_ms is set before it is opened */
    struct keyspace *keyspace;
};

/* Makes the disk and opens a store, with sim_store_begin()'s options. */
void keyspace_store_begin(struct keyspace_store *store, const struct engine_options *options);

/* Verifies and closes the store, and destroys the disk. */
void keyspace_store_end(struct keyspace_store *store);

/* Verifies the store, closes it well and opens it again. */
void keyspace_store_reopen(struct keyspace_store *store);

/* Verifies the store; then the process dies, with all written to the page cache, and the next one
 * opens it. */
void keyspace_store_kill_and_open(struct keyspace_store *store);

/* Verifies the store, gives the lock back and the keyspace up, for calls that take the lock
 * themselves; takes both again. */
void keyspace_store_leave(struct keyspace_store *store);
void keyspace_store_enter(struct keyspace_store *store);

#endif
