/*
 * disk_store.h - a store in a directory of the real disk: sim_store.h's sister, for tests that look
 * at its files, or want mapped pages, or large values.
 *
 * What says no more than "open" or "close" aborts (CHECK) when it does not succeed, and says why.
 * One thread opens and closes; whoever opens a store closes it.
 */
#ifndef SCDB_TESTS_SUPPORT_DISK_STORE_H
#define SCDB_TESTS_SUPPORT_DISK_STORE_H

#include "engine/engine.h"

struct disk_store {
    struct engine_options
        options; /* may be changed between two openings; the `fs` is set by them */
    struct file_system *fs;
    struct engine *engine; /* NULL: closed */
};

/* What most tests open a store with: two databases, no threads, nothing synced unless asked for. */
struct engine_options disk_store_options(uint64_t segment_size);

/* Opens the store in the directory, or makes one there. */
void disk_store_open(struct disk_store *store, const char *path);

/* The same, where it may be refused: nothing is open then, and `error` says why. */
enum status disk_store_try_open(struct disk_store *store, const char *path,
                                struct error *error) MUST_CHECK;

/* Walks all its invariants. */
void disk_store_verify(struct disk_store *store);

void disk_store_close(struct disk_store *store);

struct engine_statistics disk_store_statistics(struct disk_store *store);

#endif
