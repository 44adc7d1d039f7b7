/*
 * sim_names.h - the directory of the simulated disk: names, and which changes of them are durable.
 *
 * The rule is in sim_disk.h (4). Inodes are borrowed. Not thread-safe: the disk's lock is held.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_NAMES_H
#define SCDB_TESTS_SUPPORT_SIM_NAMES_H

#include "engine/file.h"
#include "support/sim_inode.h"
#include "support/test_random.h"

#include <stdbool.h>
#include <stddef.h>

struct sim_name {
    char name[FILE_NAME_SIZE_MAX];
    struct sim_inode *inode;
};

struct sim_name_list {
    struct sim_name *entries; /* owned, in no order */
    size_t count;
    size_t capacity;
};

enum sim_change_kind { SIM_CHANGE_CREATE, SIM_CHANGE_RENAME, SIM_CHANGE_REMOVE };

struct sim_change {
    enum sim_change_kind kind;
    char name[FILE_NAME_SIZE_MAX];
    char to[FILE_NAME_SIZE_MAX]; /* of a rename, else "" */
    struct sim_inode *inode;     /* that has its name from it; NULL of a removal */
};

struct sim_names {
    struct sim_name_list cache;
    struct sim_name_list platter;
    /* Owned; in order. They lead from platter to cache, but for the names whose changes were lost.
     */
    struct sim_change *pending;
    size_t pending_count;
    size_t pending_capacity;
};

/* All-zero is empty. */
void sim_names_deinit(struct sim_names *names);

/* The inode of that name, as a process sees it; NULL when there is none. */
struct sim_inode *sim_names_find(const struct sim_names *names, const char *name);

/* How many names it has, as a process sees them. */
size_t sim_names_count(const struct sim_names *names, const struct sim_inode *inode);

/* The caller has checked what a change needs: `name` is not there, or is there. */
void sim_names_create(struct sim_names *names, const char *name, struct sim_inode *inode);
void sim_names_rename(struct sim_names *names, const char *from, const char *to);
void sim_names_remove(struct sim_names *names, const char *name);

/* Pending changes of the names that begin with `directory` ("" or "x/") to the platter. */
void sim_names_sync(struct sim_names *names, const char *directory);

/* The same, but only some get there, by chance, in an order that a file system could have taken;
 * the others never will. */
void sim_names_sync_failed(struct sim_names *names, const char *directory,
                           struct test_random *random);

/* Does the name lie in this directory, and not in one below? */
bool sim_names_is_in(const char *name, const char *directory);

/* All, none, or some of them by chance, in an order that a file system could have taken; then the
 * cache is the platter. */
void sim_names_cut_power(struct sim_names *names, enum sim_loss loss, struct test_random *random);

/* Makes `to`, which is empty, the same, with the inodes' copies (sim_inode.h: `copy`). */
void sim_names_copy(const struct sim_names *from, struct sim_names *to);

/* Sets `reachable` of all inodes that have a name in the cache, or (all) could have one again. */
void sim_names_mark(const struct sim_names *names, bool all);

#endif
