/*
 * process.h - what the kernel says of this process: memory and processor time. Any thread.
 */
#ifndef SCDB_COMMANDS_PROCESS_H
#define SCDB_COMMANDS_PROCESS_H

#include <stdint.h>

/* Bytes; 0 where the kernel would not say. */
struct process_memory {
    uint64_t resident;  /* all pages of the process in memory */
    uint64_t anonymous; /* those of its own (heap, index, stacks): what "used memory" means here */
    uint64_t file;      /* pages of mapped segments: page cache, which the kernel can take back */
    uint64_t machine;   /* memory of the machine */
};

void process_memory_read(struct process_memory *out);

/* Microseconds of processor time. */
struct process_cpu {
    uint64_t system;
    uint64_t user;
    uint64_t system_thread; /* of the calling thread */
    uint64_t user_thread;
};

void process_cpu_read(struct process_cpu *out);

#endif
