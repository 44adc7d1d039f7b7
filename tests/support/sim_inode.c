/* sim_inode.c - see sim_inode.h. */
#include "support/sim_inode.h"

#include "base/check.h"
#include "support/sim_disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SECTOR ((uint64_t)SIM_DISK_SECTOR_SIZE)

static struct sim_platter *platter_create(uint64_t sectors)
{
    struct sim_platter *platter = calloc(1, sizeof(*platter) + (size_t)(sectors * SECTOR));
    CHECK(platter != NULL);
    platter->references = 1;
    platter->sectors = sectors;
    return platter;
}

static void platter_release(struct sim_platter *platter)
{
    if (--platter->references == 0) {
        free(platter);
    }
}

struct sim_inode *sim_inode_create(void)
{
    struct sim_inode *inode = calloc(1, sizeof(*inode));
    CHECK(inode != NULL);
    inode->memory = sim_memory_create();
    inode->platter = platter_create(0);
    return inode;
}

void sim_inode_destroy(struct sim_inode *inode)
{
    CHECK(inode->open_count == 0 && inode->mappings == NULL);
    sim_memory_release(inode->memory, inode->size);
    platter_release(inode->platter);
    free(inode->dirty);
    free(inode);
}

struct sim_inode *sim_inode_clone(const struct sim_inode *inode)
{
    struct sim_inode *clone = malloc(sizeof(*clone));
    CHECK(clone != NULL);
    *clone = *inode;
    clone->memory->references++;
    clone->platter->references++;
    clone->dirty = malloc((size_t)inode->platter->sectors * sizeof(*clone->dirty) + 1);
    CHECK(clone->dirty != NULL);
    if (inode->platter->sectors > 0) {
        memcpy(clone->dirty, inode->dirty, (size_t)inode->platter->sectors * sizeof(*clone->dirty));
    }
    clone->open_count = 0;
    clone->mappings = NULL;
    clone->copy = NULL;
    clone->next = NULL;
    return clone;
}

/* --- what is shared becomes one's own ------------------------------------------------------ */

static void own_memory(struct sim_inode *inode)
{
    struct sim_memory *shared = inode->memory;
    if (shared->references == 1) {
        return;
    }
    inode->memory = sim_memory_create();
    sim_memory_resize(inode->memory, 0, inode->size);
    if (inode->size > 0) {
        memcpy(inode->memory->view, shared->view, (size_t)inode->size);
    }
    sim_memory_release(shared, inode->size);
    for (struct sim_mapping *mapping = inode->mappings; mapping != NULL; mapping = mapping->next) {
        void *address = mmap(mapping->address, (size_t)mapping->size, PROT_READ,
                             MAP_SHARED | MAP_FIXED, inode->memory->descriptor, 0);
        CHECK(address == mapping->address);
    }
}

static void own_platter(struct sim_inode *inode)
{
    struct sim_platter *shared = inode->platter;
    if (shared->references == 1) {
        return;
    }
    inode->platter = platter_create(shared->sectors);
    memcpy(inode->platter->bytes, shared->bytes, (size_t)(shared->sectors * SECTOR));
    platter_release(shared);
}

const uint8_t *sim_inode_map(struct sim_inode *inode, uint64_t size)
{
    struct sim_mapping *mapping = malloc(sizeof(*mapping));
    CHECK(mapping != NULL);
    sim_memory_settle(inode->memory);
    void *address = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, inode->memory->descriptor, 0);
    CHECK(address != MAP_FAILED);
    *mapping = (struct sim_mapping){.address = address, .size = size, .next = inode->mappings};
    inode->mappings = mapping;
    return address;
}

void sim_inode_unmap(struct sim_inode *inode, const uint8_t *address, uint64_t size)
{
    struct sim_mapping **link = &inode->mappings;
    while (*link != NULL && (*link)->address != address) {
        link = &(*link)->next;
    }
    struct sim_mapping *mapping = *link;
    CHECK(mapping != NULL && mapping->size == size);
    *link = mapping->next;
    CHECK(munmap(mapping->address, (size_t)size) == 0);
    free(mapping);
}

/* Makes the memory `size` long; what is added is zeros. */
static void set_memory_size(struct sim_inode *inode, uint64_t size)
{
    if (size != inode->size) {
        own_memory(inode);
        sim_memory_resize(inode->memory, inode->size, size);
        inode->size = size;
    }
}

/* --- the platter -------------------------------------------------------------------------- */

static uint64_t sectors_of(uint64_t size)
{
    return (size + SECTOR - 1) / SECTOR;
}

static void make_room(struct sim_inode *inode, uint64_t sectors)
{
    uint64_t old = inode->platter->sectors;
    if (sectors <= old) {
        return;
    }
    uint64_t room = sectors + sectors / 2;
    struct sim_platter *platter = platter_create(room);
    memcpy(platter->bytes, inode->platter->bytes, (size_t)(old * SECTOR));
    platter_release(inode->platter);
    inode->platter = platter;
    inode->dirty = realloc(inode->dirty, (size_t)room * sizeof(*inode->dirty));
    CHECK(inode->dirty != NULL);
    memset(inode->dirty + old, 0, (size_t)(room - old) * sizeof(*inode->dirty));
}

static void cut_platter(struct sim_inode *inode, uint64_t size)
{
    uint64_t room = inode->platter->sectors * SECTOR;
    if (size < room) {
        own_platter(inode);
        memset(inode->platter->bytes + size, 0, (size_t)(room - size));
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
    own_platter(inode);
    uint8_t *on_platter = inode->platter->bytes + from;
    if (size > 0) {
        memcpy(on_platter, inode->memory->view + from, size);
    }
    memset(on_platter + size, 0, SECTOR - size);
    inode->dirty[sector] = false;
}

static void persist_some(struct sim_inode *inode, uint64_t percent, struct test_random *random)
{
    for (uint64_t i = 0; i < inode->platter->sectors; i++) {
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
    for (uint64_t i = 0; i < inode->platter->sectors; i++) {
        if (inode->dirty[i]) {
            persist_sector(inode, i);
        }
    }
    inode->platter_size = inode->size;
    inode->cut_pending = false;
}

static void forget_dirty(struct sim_inode *inode)
{
    for (uint64_t i = 0; i < inode->platter->sectors; i++) {
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
    inode->forgotten = true;
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

bool sim_inode_is_durable(const struct sim_inode *inode)
{
    bool is_durable =
        !inode->cut_pending && !inode->forgotten && inode->platter_size == inode->size;
    for (uint64_t i = 0; is_durable && i < inode->platter->sectors; i++) {
        is_durable = !inode->dirty[i];
    }
    return is_durable;
}

#define NO_SECTOR UINT64_MAX

static uint64_t choose_dirty(const struct sim_inode *inode, struct test_random *random)
{
    uint64_t seen = 0;
    uint64_t chosen = NO_SECTOR;
    for (uint64_t i = 0; i < inode->platter->sectors; i++) {
        if (inode->dirty[i] && test_random_one_in(random, ++seen)) {
            chosen = i;
        }
    }
    return chosen;
}

static void forget_one(struct sim_inode *inode, struct test_random *random)
{
    uint64_t one = choose_dirty(inode, random);
    if (one != NO_SECTOR) {
        inode->dirty[one] = false;
    }
}

static void forget_all_but_one(struct sim_inode *inode, struct test_random *random)
{
    uint64_t one = choose_dirty(inode, random);
    if (one != NO_SECTOR) {
        forget_dirty(inode);
        inode->dirty[one] = true;
    }
}

static void write_back_until_power_goes(struct sim_inode *inode, enum sim_loss loss,
                                        struct test_random *random)
{
    switch (loss) {
    case SIM_LOSS_RANDOM:
        sim_inode_write_back(inode, random);
        break;
    case SIM_LOSS_ONE:
        forget_one(inode, random);
        sim_inode_sync(inode);
        break;
    case SIM_LOSS_ALL_BUT_ONE:
        forget_all_but_one(inode, random);
        sim_inode_sync(inode);
        break;
    case SIM_LOSS_NONE:
        sim_inode_sync(inode);
        break;
    case SIM_LOSS_ALL:
        break;
    }
}

void sim_inode_cut_power(struct sim_inode *inode, enum sim_loss loss, struct test_random *random)
{
    if (sim_inode_is_durable(inode)) {
        inode->allocated = inode->size;
        return;
    }
    write_back_until_power_goes(inode, loss, random);
    forget_dirty(inode);
    inode->cut_pending = false;
    inode->forgotten = false;
    make_room(inode, sectors_of(inode->platter_size));
    cut_platter(inode, inode->platter_size);
    own_memory(inode);
    set_memory_size(inode, inode->platter_size);
    inode->allocated = inode->size;
    if (inode->size > 0) {
        memcpy(inode->memory->view, inode->platter->bytes, (size_t)inode->size);
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
    own_memory(inode);
    memcpy(inode->memory->view + offset, data, size);
    for (uint64_t i = offset / SECTOR; i * SECTOR < offset + size; i++) {
        inode->dirty[i] = true;
    }
}

size_t sim_inode_read(struct sim_inode *inode, uint64_t offset, void *into, size_t size)
{
    uint64_t left = offset < inode->size ? inode->size - offset : 0;
    size_t read = size < left ? size : (size_t)left;
    if (read > 0) {
        memcpy(into, inode->memory->view + offset, read);
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
    own_memory(inode);
    inode->memory->view[offset] ^= mask;
    if (offset < inode->platter->sectors * SECTOR) {
        own_platter(inode);
        inode->platter->bytes[offset] ^= mask;
    }
}
