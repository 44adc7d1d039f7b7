/*
 * sim_inode.h - one file of the simulated disk: what a process sees, and what is on the platter.
 *
 * The rules are in sim_disk.h (1 to 3, 7). Not thread-safe: the disk's lock is held. Memory that
 * can't be had ends the test.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_INODE_H
#define SCDB_TESTS_SUPPORT_SIM_INODE_H

#include "support/test_random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_inode {
    /* what a process sees */
    int memory;         /* a memfd, so that it can be mapped; exactly `size` long */
    uint8_t *view;      /* ours, to read and write it without system calls */
    uint64_t view_size; /* of the mapping: at least `size` */
    uint64_t size;
    uint64_t allocated; /* bytes that count against the capacity */

    /* what a power cut leaves */
    uint8_t *platter;
    uint64_t platter_sectors; /* that there is memory for; beyond: zeros */
    uint64_t platter_size;
    bool *dirty;      /* for each sector: the cache may differ, and would be written */
    bool cut_pending; /* rule 3: nothing goes to the platter before the next sync, */
    uint64_t cut_to;  /* which first cuts it to this length */

    unsigned open_count;
    bool reachable; /* used while unreachable inodes are looked for */
    struct sim_inode *next;
};

struct sim_inode *sim_inode_create(void);
void sim_inode_destroy(struct sim_inode *inode);

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

/* A power cut, after which the cache is what the platter holds. */
void sim_inode_cut_power(struct sim_inode *inode, struct test_random *random);

/* Flips bits on both sides; offset < size. */
void sim_inode_flip(struct sim_inode *inode, uint64_t offset, uint8_t mask);

#endif
