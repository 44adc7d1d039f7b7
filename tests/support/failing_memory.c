/* failing_memory.c - see failing_memory.h. */
#include "support/failing_memory.h"

#include <stdbool.h>
#include <stdlib.h>

static uint64_t fails_from; /* 0 = never */
static uint64_t fails_to;   /* the first that does not again */
static uint64_t allocations;
static uint64_t failures;

void failing_memory_arm(uint64_t n, uint64_t count)
{
    fails_from = n;
    fails_to = n + count;
    allocations = 0;
    failures = 0;
}

uint64_t failing_memory_allocations(void)
{
    return allocations;
}

uint64_t failing_memory_failures(void)
{
    return failures;
}

static bool fails(void)
{
    allocations++;
    bool does = fails_from > 0 && allocations >= fails_from && allocations < fails_to;
    failures += does ? 1 : 0;
    return does;
}

void *failing_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void *failing_calloc(size_t count, size_t size)
{
    return fails() ? NULL : calloc(count, size);
}

void *failing_realloc(void *memory, size_t size)
{
    return fails() ? NULL : realloc(memory, size);
}
