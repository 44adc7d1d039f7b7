/*
 * sim_memory.h - the bytes of one file of the simulated disk, as a process sees them: memory that
 * can be mapped, and that copies of a disk share until one of them changes it.
 *
 * Making such memory costs several system calls, and so does a new length: what is given up is kept
 * for the next, as long and as full as it was.
 * Functions are thread-safe apart from each other; one memory belongs to one disk's lock. Memory
 * that can't be had ends the test.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_MEMORY_H
#define SCDB_TESTS_SUPPORT_SIM_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

struct sim_memory {
    int descriptor;      /* of a memfd, which is exactly as long as the file */
    uint8_t *view;       /* ours, to read and write it without system calls */
    uint64_t view_size;  /* of the mapping: at least the file's length */
    uint64_t stale_size; /* of a file of length 0: what it has still of another one */
    unsigned references;
    pid_t maker;             /* a process forked later sees it, but leaves it alone */
    struct sim_memory *next; /* among those kept */
};

/* Of length 0, one reference. */
struct sim_memory *sim_memory_create(void);

/* Gives a reference up; `size` is the length that it has. */
void sim_memory_release(struct sim_memory *memory, uint64_t size);

/* To be called before others map what may be of length 0. */
void sim_memory_settle(struct sim_memory *memory);

/* From length `old_size` to `size`; what is added is zeros. */
void sim_memory_resize(struct sim_memory *memory, uint64_t old_size, uint64_t size);

#endif
