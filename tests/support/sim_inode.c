/* sim_inode.c - see sim_inode.h. */
#include "support/sim_inode.h"

#include "base/check.h"
#include "support/sim_disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define SECTOR          ((uint64_t)SIM_DISK_SECTOR_SIZE)
#define VIEW_SIZE_FIRST ((uint64_t)64 * 1024)

struct sim_inode *sim_inode_create(void)
{
    struct sim_inode *inode = calloc(1, sizeof(*inode));
    CHECK(inode != NULL);
    inode->memory = memfd_create("sim_disk", MFD_CLOEXEC);
    CHECK(inode->memory >= 0);
    inode->view_size = VIEW_SIZE_FIRST;
    inode->view = mmap(NULL, VIEW_SIZE_FIRST, PROT_READ | PROT_WRITE, MAP_SHARED, inode->memory, 0);
    CHECK(inode->view != MAP_FAILED);
    return inode;
}

void sim_inode_destroy(struct sim_inode *inode)
{
    CHECK(inode->open_count == 0);
    CHECK(munmap(inode->view, inode->view_size) == 0);
    (void)close(inode->memory);
    free(inode->platter);
    free(inode->dirty);
    free(inode);
}

/* Makes the memory `size` long; what is added is zeros. */
static void set_memory_size(struct sim_inode *inode, uint64_t size)
{
    if (size != inode->size) {
        CHECK(ftruncate(inode->memory, (off_t)size) == 0);
        inode->size = size;
    }
    if (size > inode->view_size) {
        void *view = mremap(inode->view, inode->view_size, 2 * size, MREMAP_MAYMOVE);
        CHECK(view != MAP_FAILED);
        inode->view = view;
        inode->view_size = 2 * size;
    }
}

/* --- the platter -------------------------------------------------------------------------- */

static uint64_t sectors_of(uint64_t size)
{
    return (size + SECTOR - 1) / SECTOR;
}

static void make_room(struct sim_inode *inode, uint64_t sectors)
{
    if (sectors <= inode->platter_sectors) {
        return;
    }
    uint64_t room = sectors + sectors / 2;
    uint64_t old = inode->platter_sectors;
    inode->platter = realloc(inode->platter, room * SECTOR);
    inode->dirty = realloc(inode->dirty, room * sizeof(*inode->dirty));
    CHECK(inode->platter != NULL && inode->dirty != NULL);
    memset(inode->platter + old * SECTOR, 0, (room - old) * SECTOR);
    memset(inode->dirty + old, 0, (room - old) * sizeof(*inode->dirty));
    inode->platter_sectors = room;
}

static void cut_platter(struct sim_inode *inode, uint64_t size)
{
    uint64_t room = inode->platter_sectors * SECTOR;
    if (size < room) {
        memset(inode->platter + size, 0, room - size);
    }
    if (inode->platter_size > size) {
        inode->platter_size = size;
    }
}

static void persist_sector(struct sim_inode *inode, uint64_t sector)
{
    uint64_t from = sector * SECTOR;
    uint64_t left = from < inode->size ? inode->size - from : 0;
    size_t size = (size_t)(left < SECTOR ? left : SECTOR);
    uint8_t *on_platter = inode->platter + from;
    if (size > 0) {
        memcpy(on_platter, inode->view + from, size);
    }
    memset(on_platter + size, 0, SECTOR - size);
    inode->dirty[sector] = false;
}

static void persist_some(struct sim_inode *inode, uint64_t percent, struct test_random *random)
{
    for (uint64_t i = 0; i < inode->platter_sectors; i++) {
        if (inode->dirty[i] && test_random_below(random, 100) < percent) {
            persist_sector(inode, i);
        }
    }
}

void sim_inode_sync(struct sim_inode *inode)
{
    if (inode->cut_pending) {
        cut_platter(inode, inode->cut_to);
    }
    for (uint64_t i = 0; i < inode->platter_sectors; i++) {
        if (inode->dirty[i]) {
            persist_sector(inode, i);
        }
    }
    inode->platter_size = inode->size;
    inode->cut_pending = false;
}

static void forget_dirty(struct sim_inode *inode)
{
    for (uint64_t i = 0; i < inode->platter_sectors; i++) {
        inode->dirty[i] = false;
    }
}

/* From nothing to all, with both ends as likely as what lies between. */
static uint64_t random_percent(struct test_random *random)
{
    static const uint8_t percents[] = {0, 10, 50, 90, 100};
    return percents[test_random_below(random, sizeof(percents))];
}

void sim_inode_sync_failed(struct sim_inode *inode, struct test_random *random)
{
    if (!inode->cut_pending) {
        persist_some(inode, random_percent(random), random);
    }
    forget_dirty(inode);
}

void sim_inode_write_back(struct sim_inode *inode, struct test_random *random)
{
    if (inode->cut_pending) {
        return;
    }
    persist_some(inode, random_percent(random), random);
    if (test_random_one_in(random, 2)) {
        inode->platter_size = inode->size;
    }
}

void sim_inode_cut_power(struct sim_inode *inode, struct test_random *random)
{
    sim_inode_write_back(inode, random);
    forget_dirty(inode);
    inode->cut_pending = false;
    make_room(inode, sectors_of(inode->platter_size));
    cut_platter(inode, inode->platter_size);

    set_memory_size(inode, inode->platter_size);
    inode->allocated = inode->size;
    if (inode->size > 0) {
        memcpy(inode->view, inode->platter, inode->size);
    }
}

/* --- the cache ---------------------------------------------------------------------------- */

static void grow(struct sim_inode *inode, uint64_t size)
{
    if (size > inode->size) {
        set_memory_size(inode, size);
    }
    make_room(inode, sectors_of(size));
}

void sim_inode_write(struct sim_inode *inode, uint64_t offset, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    grow(inode, offset + size);
    memcpy(inode->view + offset, data, size);
    for (uint64_t i = offset / SECTOR; i * SECTOR < offset + size; i++) {
        inode->dirty[i] = true;
    }
}

size_t sim_inode_read(struct sim_inode *inode, uint64_t offset, void *into, size_t size)
{
    uint64_t left = offset < inode->size ? inode->size - offset : 0;
    size_t read = size < left ? size : (size_t)left;
    if (read > 0) {
        memcpy(into, inode->view + offset, read);
    }
    return read;
}

void sim_inode_set_size(struct sim_inode *inode, uint64_t size, struct test_random *random)
{
    if (size >= inode->size) {
        grow(inode, size);
        return;
    }
    set_memory_size(inode, size);
    inode->allocated = inode->allocated < size ? inode->allocated : size;
    if (inode->cut_pending) {
        inode->cut_to = inode->cut_to < size ? inode->cut_to : size;
    } else if (test_random_one_in(random, 2)) {
        cut_platter(inode, size);
    } else {
        inode->cut_pending = true;
        inode->cut_to = size;
    }
}

void sim_inode_flip(struct sim_inode *inode, uint64_t offset, uint8_t mask)
{
    CHECK(offset < inode->size);
    inode->view[offset] ^= mask;
    if (offset < inode->platter_sectors * SECTOR) {
        inode->platter[offset] ^= mask;
    }
}
