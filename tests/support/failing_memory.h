/*
 * failing_memory.h - makes the engine's allocations fail on demand.
 *
 * A test program that is linked with the layers "engine_failing" and "base_failing" (Makefile) has
 * an engine whose malloc, calloc and realloc are these. All others keep theirs. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_FAILING_MEMORY_H
#define SCDB_TESTS_SUPPORT_FAILING_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* The n-th (1 = the next) to the (n + count - 1)-th allocation from now on fails. n = 0: none. */
void failing_memory_arm(uint64_t n, uint64_t count);

/* Allocations since failing_memory_arm(). */
uint64_t failing_memory_allocations(void);

/* How many of them have failed. */
uint64_t failing_memory_failures(void);

void *failing_malloc(size_t size);
void *failing_calloc(size_t count, size_t size);
void *failing_realloc(void *memory, size_t size);

#endif
