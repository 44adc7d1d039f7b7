/*
 * sim_disk_state.h - what a simulated disk consists of: for sim_disk.c and its neighbours only.
 *
 * Everything is under the mutex, but for the hooks, which are set while nobody uses the disk.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_DISK_STATE_H
#define SCDB_TESTS_SUPPORT_SIM_DISK_STATE_H

#include "base/mutex.h"
#include "support/sim_disk.h"
#include "support/sim_faults.h"
#include "support/sim_names.h"
#include "support/test_random.h"

struct sim_directory {
    char prefix[FILE_NAME_SIZE_MAX]; /* of names: "" or "x/" */
    const void *lock_owner;          /* a mount */
    unsigned lock_readers;           /* read-only mounts */
};

struct sim_disk {
    struct mutex mutex;
    struct test_random random;
    struct sim_names names;
    struct sim_inode *inodes; /* all, reachable or open */
    uint64_t capacity;        /* 0 = no limit */
    bool ignore_reservations;
    bool is_cold;           /* nothing is in the page cache */
    uint64_t dropped_bytes; /* from it, by drop_cache() */
    uint64_t reads_ahead;   /* calls of read_ahead() */

    struct sim_faults faults;
    char crash_name[FILE_NAME_SIZE_MAX]; /* as handed out */

    _Atomic(sim_disk_hook *) hook; /* NULL = none */
    void *hook_context;
    sim_disk_witness *witness; /* NULL = none */
    void *witness_context;

    struct sim_directory directories[SIM_DIRECTORIES_MAX]; /* the first is always there */
    size_t directory_count;
    unsigned open_files;
    unsigned mappings;
    unsigned mounts;
};

/* Makes [0, end) of the file allocated; DISK_FULL and nothing changed when there is no room. Mutex
 * held. */
enum status sim_disk_allocate(struct sim_disk *disk, struct sim_inode *inode,
                              uint64_t end) MUST_CHECK;

/* Frees what has no name, neither now nor after a crash, and is not open. Mutex held. */
void sim_disk_collect(struct sim_disk *disk);

#endif
