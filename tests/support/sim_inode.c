/* sim_inode.c - see sim_inode.h. */
#include "support/sim_inode.h"

#include "base/check.h"
#include "support/sim_disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define SECTOR ((uint64_t)SIM_DISK_SECTOR_SIZE)

struct sim_inode *sim_inode_create(void)
{
    struct sim_inode *inode = calloc(1, sizeof(*inode));
    CHECK(inode != NULL);
    inode->memory = memfd_create("sim_disk", MFD_CLOEXEC);
    CHECK(inode->memory >= 0);
    return inode;
}

void sim_inode_destroy(struct sim_inode *inode)
{
    CHECK(inode->open_count == 0);
    (void)close(inode->memory);
    free(inode->platter);
    free(inode->dirty);
    free(inode);
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
    uint8_t *on_platter = inode->platter + sector * SECTOR;
    ssize_t size = pread(inode->memory, on_platter, SECTOR, (off_t)(sector * SECTOR));
    CHECK(size >= 0);
    memset(on_platter + size, 0, SECTOR - (size_t)size);
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

    inode->size = inode->platter_size;
    inode->allocated = inode->size;
    CHECK(ftruncate(inode->memory, 0) == 0);
    CHECK(ftruncate(inode->memory, (off_t)inode->size) == 0);
    ssize_t written = pwrite(inode->memory, inode->platter, inode->size, 0);
    CHECK(written >= 0 && (uint64_t)written == inode->size);
}

/* --- the cache ---------------------------------------------------------------------------- */

static void grow(struct sim_inode *inode, uint64_t size)
{
    if (size > inode->size) {
        CHECK(ftruncate(inode->memory, (off_t)size) == 0);
        inode->size = size;
    }
    make_room(inode, sectors_of(size));
}

void sim_inode_write(struct sim_inode *inode, uint64_t offset, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    grow(inode, offset + size);
    size_t done = 0;
    while (done < size) {
        ssize_t written =
            pwrite(inode->memory, (const char *)data + done, size - done, (off_t)(offset + done));
        CHECK(written > 0);
        done += (size_t)written;
    }
    for (uint64_t i = offset / SECTOR; i * SECTOR < offset + size; i++) {
        inode->dirty[i] = true;
    }
}

size_t sim_inode_read(struct sim_inode *inode, uint64_t offset, void *into, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got =
            pread(inode->memory, (char *)into + done, size - done, (off_t)(offset + done));
        CHECK(got >= 0);
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return done;
}

void sim_inode_set_size(struct sim_inode *inode, uint64_t size, struct test_random *random)
{
    if (size >= inode->size) {
        grow(inode, size);
        return;
    }
    CHECK(ftruncate(inode->memory, (off_t)size) == 0);
    inode->size = size;
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
    uint8_t byte;
    CHECK(offset < inode->size && pread(inode->memory, &byte, 1, (off_t)offset) == 1);
    byte ^= mask;
    CHECK(pwrite(inode->memory, &byte, 1, (off_t)offset) == 1);
    if (offset < inode->platter_sectors * SECTOR) {
        inode->platter[offset] ^= mask;
    }
}
