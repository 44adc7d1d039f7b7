/* sim_memory.c - see sim_memory.h. */
#include "support/sim_memory.h"

#include "base/check.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VIEW_SIZE_FIRST ((uint64_t)64 * 1024)
#define KEPT_MAX        64

static pthread_mutex_t kept_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct sim_memory *kept;
static unsigned kept_count;

static void destroy(struct sim_memory *memory)
{
    CHECK(munmap(memory->view, memory->view_size) == 0);
    (void)close(memory->descriptor);
    free(memory);
}

/* After a fork both would use the same memory. kept_mutex held. */
static void leave_to_parent(void)
{
    while (kept != NULL && kept->maker != getpid()) {
        struct sim_memory *memory = kept;
        kept = memory->next;
        kept_count--;
        destroy(memory);
    }
}

static struct sim_memory *take_kept(void)
{
    CHECK(pthread_mutex_lock(&kept_mutex) == 0);
    leave_to_parent();
    struct sim_memory *memory = kept;
    if (memory != NULL) {
        kept = memory->next;
        kept_count--;
    }
    CHECK(pthread_mutex_unlock(&kept_mutex) == 0);
    return memory;
}

static struct sim_memory *make(void)
{
    struct sim_memory *memory = calloc(1, sizeof(*memory));
    CHECK(memory != NULL);
    memory->descriptor = memfd_create("sim_disk", MFD_CLOEXEC);
    CHECK(memory->descriptor >= 0);
    memory->maker = getpid();
    memory->view_size = VIEW_SIZE_FIRST;
    memory->view =
        mmap(NULL, VIEW_SIZE_FIRST, PROT_READ | PROT_WRITE, MAP_SHARED, memory->descriptor, 0);
    CHECK(memory->view != MAP_FAILED);
    return memory;
}

struct sim_memory *sim_memory_create(void)
{
    struct sim_memory *memory = take_kept();
    memory = memory != NULL ? memory : make();
    memory->references = 1;
    return memory;
}

void sim_memory_release(struct sim_memory *memory, uint64_t size)
{
    CHECK(memory->references > 0);
    if (--memory->references > 0) {
        return;
    }
    if (memory->maker != getpid()) {
        destroy(memory);
        return;
    }
    memory->stale_size = size > 0 ? size : memory->stale_size;
    CHECK(pthread_mutex_lock(&kept_mutex) == 0);
    leave_to_parent();
    bool keep = kept_count < KEPT_MAX && memory->view_size == VIEW_SIZE_FIRST;
    if (keep) {
        memory->next = kept;
        kept = memory;
        kept_count++;
    }
    CHECK(pthread_mutex_unlock(&kept_mutex) == 0);
    if (!keep) {
        destroy(memory);
    }
}

static void set_length(const struct sim_memory *memory, uint64_t size)
{
    CHECK(ftruncate(memory->descriptor, (off_t)size) == 0);
}

void sim_memory_settle(struct sim_memory *memory)
{
    if (memory->stale_size > 0) {
        set_length(memory, 0);
        memory->stale_size = 0;
    }
}

void sim_memory_resize(struct sim_memory *memory, uint64_t old_size, uint64_t size)
{
    uint64_t length = old_size;
    if (memory->stale_size > 0) {
        length = memory->stale_size;
        memset(memory->view, 0, (size_t)(length < size ? length : size));
        memory->stale_size = 0;
    }
    if (size != length) {
        set_length(memory, size);
    }
    if (size > memory->view_size) {
        void *view = mremap(memory->view, memory->view_size, 2 * size, MREMAP_MAYMOVE);
        CHECK(view != MAP_FAILED);
        memory->view = view;
        memory->view_size = 2 * size;
    }
}
