/* sim_disk_clone.c - see sim_disk.h: copies of a disk, taken at any step. */
#include "base/check.h"
#include "support/sim_disk_state.h"

#include <string.h>

struct sim_disk *sim_disk_clone(struct sim_disk *disk, uint64_t seed)
{
    struct sim_disk *clone = sim_disk_create(seed);
    mutex_lock(&disk->mutex);
    sim_disk_collect(disk);
    for (struct sim_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        inode->copy = sim_inode_clone(inode);
        inode->copy->next = clone->inodes;
        clone->inodes = inode->copy;
    }
    sim_names_copy(&disk->names, &clone->names);
    clone->directory_count = disk->directory_count;
    for (size_t i = 0; i < disk->directory_count; i++) {
        memcpy(clone->directories[i].prefix, disk->directories[i].prefix, FILE_NAME_SIZE_MAX);
    }
    clone->capacity = disk->capacity;
    clone->ignore_reservations = disk->ignore_reservations;
    mutex_unlock(&disk->mutex);
    (void)sim_faults_crash(&clone->faults, SIM_CALL_COUNT, "");
    return clone;
}

void sim_disk_write_a_part(struct sim_disk *clone, const struct sim_step *step)
{
    CHECK(step->call == SIM_WRITE);
    mutex_lock(&clone->mutex);
    struct sim_inode *inode = sim_names_find(&clone->names, step->name);
    uint64_t size = 0;
    for (size_t i = 0; i < step->part_count; i++) {
        size += step->parts[i].size;
    }
    uint64_t left = test_random_below(&clone->random, size + 1);
    uint64_t offset = step->offset;
    if (inode != NULL && sim_disk_allocate(clone, inode, offset + left) == STATUS_OK) {
        for (size_t i = 0; i < step->part_count && left > 0; i++) {
            const struct slice *part = &step->parts[i];
            size_t some = part->size < left ? part->size : (size_t)left;
            sim_inode_write(inode, offset, part->data, some);
            offset += some;
            left -= some;
        }
    }
    mutex_unlock(&clone->mutex);
}

bool sim_disk_is_durable(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    bool is_durable = disk->names.pending_count == 0;
    for (struct sim_inode *inode = disk->inodes; is_durable && inode != NULL; inode = inode->next) {
        is_durable = sim_inode_is_durable(inode);
    }
    mutex_unlock(&disk->mutex);
    return is_durable;
}

bool sim_disk_names_are_durable(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    bool is_durable = disk->names.pending_count == 0;
    mutex_unlock(&disk->mutex);
    return is_durable;
}
