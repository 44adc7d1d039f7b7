/*
 * recovery_candidates.h - slots of a checkpoint that may be of a key that the log has, too.
 *
 * They have the key's hash of 48 bits; whether they are of the key, their records tell, which
 * recovery_lookup.h reads. For that the candidates stand in the order of their records in the
 * files; for changing the index afterwards, in about the order of their slots and entries. Sorting
 * costs a fraction of what visiting either of them in the other's order does.
 *
 * One thread, which has a second one help it where there is much to collect.
 */
#ifndef SCDB_ENGINE_RECOVERY_CANDIDATES_H
#define SCDB_ENGINE_RECOVERY_CANDIDATES_H

#include "engine/recovery_settle.h"

/* What the record of a candidate's slot is. */
enum recovery_verdict {
    RECOVERY_UNKNOWN, /* nobody has looked */
    RECOVERY_OTHER_KEY,
    RECOVERY_OLDER,   /* of the entry's key, and not newer: `units` is its size */
    RECOVERY_NEWER,   /* of the entry's key, and newer */
    RECOVERY_CORRUPT, /* it can't be read */
    RECOVERY_FAILED,  /* the disk does not give it */
};

struct recovery_candidate {
    uint64_t address : 40;    /* of the slot */
    uint64_t verdict : 8;     /* enum recovery_verdict */
    uint64_t entry_high : 16; /* the place of the entry in the table */
    uint32_t entry_low;
    uint32_t units; /* of the slot's record, in 8 bytes */
};

/* Borrowed from the table. */
static inline struct recovery_entry *
recovery_candidate_entry(const struct recovery_table *table,
                         const struct recovery_candidate *candidate)
{
    return &table->entries[(uint64_t)candidate->entry_high << 32 | candidate->entry_low];
}

struct recovery_candidates {
    struct recovery_candidate *items; /* owned */
    struct recovery_candidate *spare; /* owned: where they are sorted to; as many */
    size_t count;
    size_t capacity;
    uint64_t address_bits; /* all that are set in any address */
};

void recovery_candidates_init(struct recovery_candidates *candidates);
void recovery_candidates_deinit(struct recovery_candidates *candidates);

/* Finds all of them, in the order in which their records lie in the files; entries of keyspaces
 * that are gone are used up. NO_MEMORY. */
enum status recovery_candidates_collect(struct recovery_candidates *candidates,
                                        const struct recovery_settlement *settlement) MUST_CHECK;

/* In the order in which their records lie in the files. */
void recovery_candidates_sort_by_address(struct recovery_candidates *candidates);

/* In about the order of their entries in the table, which is about that of the slots, too. */
void recovery_candidates_sort_by_entry(struct recovery_candidates *candidates,
                                       const struct recovery_table *table);

#endif
