/* memory_return.c - see memory_return.h. */
#include "server/memory_return.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define INTERVAL_MS  5000
#define GROWTH_BYTES ((uint64_t)16 << 20)
#define KEPT_BYTES   (4 << 20)

void memory_return_begin(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

/* The process's own pages, without those of mapped files; 0 where the kernel would not say. */
static uint64_t own_bytes(void)
{
    int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return 0;
    }
    char text[128]; /* pages: "size resident shared ..." */
    ssize_t size = read(descriptor, text, sizeof(text) - 1);
    (void)close(descriptor);
    if (size <= 0) {
        return 0;
    }
    text[size] = '\0';
    char *rest;
    (void)strtoull(text, &rest, 10);
    uint64_t resident = strtoull(rest, &rest, 10);
    uint64_t shared = strtoull(rest, &rest, 10);
    long page_size = sysconf(_SC_PAGESIZE);
    return resident > shared && page_size > 0 ? (resident - shared) * (uint64_t)page_size : 0;
}

bool memory_return_tick(struct memory_return *memory, int64_t now_ms)
{
    if (memory->looked_ms != 0 && now_ms - memory->looked_ms < INTERVAL_MS) {
        return false;
    }
    memory->looked_ms = now_ms;
    uint64_t bytes = own_bytes();
    bool grown = memory->low_bytes != 0 && bytes > memory->low_bytes + GROWTH_BYTES;
    if (grown) {
        (void)malloc_trim(0);
        memory->low_bytes = own_bytes();
    } else if (memory->low_bytes == 0 || bytes < memory->low_bytes) {
        memory->low_bytes = bytes;
    }
    return grown;
}
