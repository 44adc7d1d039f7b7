/*
 * recovery_candidates.h - slots of a checkpoint that may be of a key that the log has, too.
 *
 * They have the key's hash of 48 bits; whether they are of the key, their records tell. One thread.
 */
#ifndef SCDB_ENGINE_RECOVERY_CANDIDATES_H
#define SCDB_ENGINE_RECOVERY_CANDIDATES_H

#include "engine/recovery_settle.h"

struct recovery_candidate {
    uint64_t address;             /* of the slot */
    struct recovery_entry *entry; /* borrowed from the table */
};

struct recovery_candidates {
    struct recovery_candidate *items; /* owned */
    size_t count;
    size_t capacity;
};

void recovery_candidates_init(struct recovery_candidates *candidates);
void recovery_candidates_deinit(struct recovery_candidates *candidates);

/* Adds all of them, in the order in which their records lie in the files; entries of keyspaces that
 * are gone are used up. NO_MEMORY. */
enum status recovery_candidates_collect(struct recovery_candidates *candidates,
                                        const struct recovery_settlement *settlement) MUST_CHECK;

#endif
