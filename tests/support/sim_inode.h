/*
 * sim_inode.h - one file of the simulated disk: what a process sees, and what is on the platter.
 *
 * The rules are in sim_disk.h (1 to 3, 7). A copy shares both with the original until either is
 * changed. Not thread-safe: the disk's lock is held, and an original rests while it has copies.
 * Memory that can't be had ends the test.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_INODE_H
#define SCDB_TESTS_SUPPORT_SIM_INODE_H

#include "support/sim_memory.h"
#include "support/test_random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much of what is not durable a power cut takes: what chance says, all, nothing, a single
 * sector of each file and a single change of a name (with those that need it), or all but one. */
enum sim_loss { SIM_LOSS_RANDOM, SIM_LOSS_ALL, SIM_LOSS_NONE, SIM_LOSS_ONE, SIM_LOSS_ALL_BUT_ONE };

/* What lies on the platter, in sectors; beyond: zeros. */
struct sim_platter {
    unsigned references;
    uint64_t sectors;
    uint8_t bytes[];
};

/* A place where a process sees the file. */
struct sim_mapping {
    uint8_t *address;
    uint64_t size;
    struct sim_mapping *next;
};

struct sim_inode {
    /* what a process sees */
    struct sim_memory *memory;
    uint64_t size;
    uint64_t allocated; /* bytes that count against the capacity */
    struct sim_mapping *mappings;

    /* what a power cut leaves */
    struct sim_platter *platter;
    uint64_t platter_size;
    bool *dirty;      /* for each sector: the cache may differ, and would be written */
    bool forgotten;   /* a sync has failed: sectors that are not dirty may differ as well */
    bool cut_pending; /* rule 3: nothing goes to the platter before the next sync, */
    uint64_t cut_to;  /* which first cuts it to this length */

    unsigned open_count;
    bool reachable;         /* used while unreachable inodes are looked for */
    struct sim_inode *copy; /* used while a disk is copied */
    struct sim_inode *next;
};

struct sim_inode *sim_inode_create(void);
void sim_inode_destroy(struct sim_inode *inode);

/* The same file on another disk: not open, not mapped. */
struct sim_inode *sim_inode_clone(const struct sim_inode *inode);

const uint8_t *sim_inode_map(struct sim_inode *inode, uint64_t size);
void sim_inode_unmap(struct sim_inode *inode, const uint8_t *address, uint64_t size);

void sim_inode_write(struct sim_inode *inode, uint64_t offset, const void *data, size_t size);
size_t sim_inode_read(struct sim_inode *inode, uint64_t offset, void *into, size_t size);

/* Makes it longer (zeros) or shorter. */
void sim_inode_set_size(struct sim_inode *inode, uint64_t size, struct test_random *random);

/* All to the platter. */
void sim_inode_sync(struct sim_inode *inode);

/* A sync that fails: some to the platter, the rest forgotten (rule 7). */
void sim_inode_sync_failed(struct sim_inode *inode, struct test_random *random);

/* Some of the dirty sectors, and perhaps the length, to the platter, as the kernel does it at any
 * time. */
void sim_inode_write_back(struct sim_inode *inode, struct test_random *random);

/* Would a power cut leave it as it is, whatever gets lost? */
bool sim_inode_is_durable(const struct sim_inode *inode);

/* A power cut, after which the cache is what the platter holds. */
void sim_inode_cut_power(struct sim_inode *inode, enum sim_loss loss, struct test_random *random);

/* Flips bits on both sides; offset < size. */
void sim_inode_flip(struct sim_inode *inode, uint64_t offset, uint8_t mask);

#endif
