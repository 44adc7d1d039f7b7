/*
 * sim_search.h - where something stands in the files of a store on a simulated disk, and damage
 * there.
 *
 * Everything aborts (CHECK) when a file can't be read. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_SEARCH_H
#define SCDB_TESTS_SUPPORT_SIM_SEARCH_H

#include "support/sim_store.h"

struct sim_place {
    char name[FILE_NAME_SIZE_MAX];
    uint64_t offset;
};

/* The first place in the last of the files that have the bytes. Looked at are files whose names end
 * with `suffix` ("": all). False: they are nowhere, and the place is untouched. */
bool sim_search(const struct sim_store *store, const char *suffix, struct slice bytes,
                struct sim_place *place);

/* Turns a bit of the byte at `distance` from there; aborts when the bytes are nowhere. */
void sim_search_flip(struct sim_store *store, const char *suffix, struct slice bytes,
                     uint64_t distance);

/* How many files there are whose names end so. */
unsigned sim_search_count(const struct sim_store *store, const char *suffix);

#endif
