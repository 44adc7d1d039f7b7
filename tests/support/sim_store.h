/*
 * sim_store.h - a store on a simulated disk, with a clock that stands: what tests of the engine
 * begin with.
 *
 * Everything aborts (CHECK) when it does not succeed. One thread; sim_store_begin() makes what
 * sim_store_end() destroys. Keys are of database 0.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_STORE_H
#define SCDB_TESTS_SUPPORT_SIM_STORE_H

#include "engine/engine.h"
#include "support/sim_disk.h"

struct sim_store {
    struct sim_disk *disk;
    struct file_system *fs;
    struct engine *engine;         /* NULL: closed */
    struct engine_options options; /* may be changed between two openings */
    int64_t clock_ms;              /* what the engine takes for the time */
};

/* What most tests open a store with: two databases, no threads, nothing synced unless asked for. */
struct engine_options sim_store_options(uint64_t segment_size);

/* Makes the disk and opens a store. The options' own `fs` and clock are not looked at. */
void sim_store_begin(struct sim_store *store, const struct engine_options *options);

/* Verifies and closes the store, unless it is closed; destroys the disk. */
void sim_store_end(struct sim_store *store);

/* Opens it (and says why it can't be opened), walks all its invariants, closes it well. */
void sim_store_open(struct sim_store *store);
void sim_store_verify(struct sim_store *store);
void sim_store_close(struct sim_store *store);

/* The process dies, alone or with the machine's power: the store is closed. */
void sim_store_die(struct sim_store *store, enum sim_crash kind);

/* The process dies, what it had written is there, and the next one opens the store. */
void sim_store_kill_and_open(struct sim_store *store);

/* A value, written to the page cache as well; what the put says, or else what the write does. */
enum status sim_store_put(struct sim_store *store, const char *key, struct slice value,
                          int64_t expiry_ms) MUST_CHECK;
/* So many keys, k0, k1, ..., each with "value". */
void sim_store_fill(struct sim_store *store, int count);

enum status sim_store_find(struct sim_store *store, const char *key) MUST_CHECK;
enum status sim_store_delete(struct sim_store *store, const char *key) MUST_CHECK;
void sim_store_compact(struct sim_store *store);

bool sim_store_has_file(const struct sim_store *store, const char *name);

struct engine_statistics sim_store_statistics(struct sim_store *store);

#endif
