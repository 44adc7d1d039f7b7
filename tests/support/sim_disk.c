/* sim_disk.c - see sim_disk.h: the calls, and what is made to go wrong with them. */
#include "support/sim_disk.h"

#include "base/check.h"
#include "support/sim_disk_state.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_BACK_ONE_IN 4 /* changing calls after which the kernel writes something back */

struct sim_mount {
    struct file_system base;
    struct sim_disk *disk;
    struct sim_directory *directory;
    bool holds_shared; /* is one of the lock_readers */
};

struct sim_file {
    struct file base;
    struct sim_inode *inode;
    bool writable;
    char name[FILE_NAME_SIZE_MAX]; /* it was opened as */
};

static struct sim_disk *disk_of(struct file_system *fs)
{
    return ((struct sim_mount *)fs)->disk;
}

static struct sim_file *file_of(struct file *file)
{
    return (struct sim_file *)file;
}

static struct sim_directory *directory_of(struct file_system *fs)
{
    return ((struct sim_mount *)fs)->directory;
}

/* A name as the disk has it. */
struct sim_path {
    char text[2 * FILE_NAME_SIZE_MAX];
};

static struct sim_path path_of(struct file_system *fs, const char *name)
{
    struct sim_path path;
    CHECK(strchr(name, '/') == NULL);
    int size = snprintf(path.text, sizeof(path.text), "%s%s", directory_of(fs)->prefix, name);
    CHECK(size > 0 && size < FILE_NAME_SIZE_MAX);
    return path;
}

/* The kernel writes back what it likes, when it likes. */
static void write_something_back(struct sim_disk *disk)
{
    if (!test_random_one_in(&disk->random, WRITE_BACK_ONE_IN)) {
        return;
    }
    for (struct sim_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        if (test_random_one_in(&disk->random, 3)) {
            sim_inode_write_back(inode, &disk->random);
        }
    }
}

/* Every call begins here. */
static enum sim_fate begin_locked(struct sim_disk *disk, enum sim_call call, const char *name,
                                  enum status *status)
{
    if (!disk->faults.crashed && sim_call_changes(call)) {
        write_something_back(disk);
    }
    return sim_faults_begin(&disk->faults, call, name, status);
}

/* Without the mutex. */
static void call_hook(const struct file *file, enum sim_call call)
{
    struct sim_disk *disk = disk_of(file->fs);
    sim_disk_hook *hook = atomic_exchange(&disk->hook, NULL);
    if (hook != NULL) {
        hook(disk->hook_context, call, ((const struct sim_file *)file)->name);
        atomic_store(&disk->hook, hook);
    }
}

/* Without the mutex, before a changing call. */
static void call_witness(struct sim_disk *disk, enum sim_call call, const char *name)
{
    if (disk->witness != NULL && !sim_disk_crashed(disk)) {
        struct sim_step step = {.call = call, .name = name};
        disk->witness(disk->witness_context, &step);
    }
}

/* --- space -------------------------------------------------------------------------------- */

static void mark_reachable(struct sim_disk *disk, bool all)
{
    for (struct sim_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        inode->reachable = inode->open_count > 0;
    }
    sim_names_mark(&disk->names, all);
}

void sim_disk_collect(struct sim_disk *disk)
{
    mark_reachable(disk, true);
    struct sim_inode **link = &disk->inodes;
    while (*link != NULL) {
        struct sim_inode *inode = *link;
        if (inode->reachable) {
            link = &inode->next;
        } else {
            *link = inode->next;
            sim_inode_destroy(inode);
        }
    }
}

static uint64_t used_bytes(struct sim_disk *disk)
{
    uint64_t used = 0;
    mark_reachable(disk, false);
    for (struct sim_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        used += inode->reachable ? inode->allocated : 0;
    }
    return used;
}

static uint64_t free_bytes(struct sim_disk *disk)
{
    if (disk->capacity == 0) {
        return (uint64_t)1 << 40;
    }
    uint64_t used = used_bytes(disk);
    return used < disk->capacity ? disk->capacity - used : 0;
}

enum status sim_disk_allocate(struct sim_disk *disk, struct sim_inode *inode, uint64_t end)
{
    if (end <= inode->allocated) {
        return STATUS_OK;
    }
    if (end - inode->allocated > free_bytes(disk)) {
        return STATUS_DISK_FULL;
    }
    inode->allocated = end;
    return STATUS_OK;
}

/* --- calls on files ----------------------------------------------------------------------- */

static enum status new_file(struct file_system *fs, struct sim_inode *inode, const char *name,
                            enum file_mode mode, struct file **out)
{
    struct sim_file *file = calloc(1, sizeof(*file));
    CHECK(file != NULL);
    file->base.fs = fs;
    file->inode = inode;
    file->writable = mode != FILE_MODE_READ;
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    inode->open_count++;
    disk_of(fs)->open_files++;
    *out = &file->base;
    return STATUS_OK;
}

static enum status create_locked(struct file_system *fs, const char *name, struct file **out)
{
    struct sim_disk *disk = disk_of(fs);
    enum status status;
    enum sim_fate fate = begin_locked(disk, SIM_CREATE, name, &status);
    if (fate == SIM_FATE_DO && sim_names_find(&disk->names, name) != NULL) {
        return STATUS_EXISTS;
    }
    if (!sim_faults_take_place(&disk->faults, fate, &status) ||
        sim_names_find(&disk->names, name) != NULL) {
        return status;
    }
    struct sim_inode *inode = sim_inode_create();
    inode->next = disk->inodes;
    disk->inodes = inode;
    sim_names_create(&disk->names, name, inode);
    return status == STATUS_OK ? new_file(fs, inode, name, FILE_MODE_CREATE, out) : status;
}

static enum status open_locked(struct file_system *fs, const char *name, enum file_mode mode,
                               struct file **out)
{
    struct sim_disk *disk = disk_of(fs);
    enum status status;
    if (begin_locked(disk, SIM_OPEN, name, &status) != SIM_FATE_DO) {
        return status;
    }
    struct sim_inode *inode = sim_names_find(&disk->names, name);
    return inode == NULL ? STATUS_NOT_FOUND : new_file(fs, inode, name, mode, out);
}

static enum status sim_open(struct file_system *fs, const char *name, enum file_mode mode,
                            struct file **out)
{
    struct sim_disk *disk = disk_of(fs);
    struct sim_path path = path_of(fs, name);
    if (fs->read_only && mode != FILE_MODE_READ) {
        return STATUS_READ_ONLY;
    }
    if (mode == FILE_MODE_CREATE) {
        call_witness(disk, SIM_CREATE, name);
    }
    mutex_lock(&disk->mutex);
    enum status status = mode == FILE_MODE_CREATE ? create_locked(fs, path.text, out)
                                                  : open_locked(fs, path.text, mode, out);
    mutex_unlock(&disk->mutex);
    return status;
}

static void sim_close(struct file *file)
{
    struct sim_disk *disk = disk_of(file->fs);
    mutex_lock(&disk->mutex);
    file_of(file)->inode->open_count--;
    disk->open_files--;
    sim_disk_collect(disk);
    mutex_unlock(&disk->mutex);
    free(file_of(file));
}

static enum status reserve_locked(struct sim_disk *disk, struct sim_file *file, uint64_t size)
{
    enum status status;
    enum sim_fate fate = begin_locked(disk, SIM_RESERVE, file->name, &status);
    if (!sim_faults_take_place(&disk->faults, fate, &status)) {
        return status;
    }
    if (!disk->ignore_reservations) {
        enum status allocated = sim_disk_allocate(disk, file->inode, size);
        if (allocated != STATUS_OK) {
            return status == STATUS_OK ? allocated : status;
        }
    }
    if (size > file->inode->size) {
        sim_inode_set_size(file->inode, size, &disk->random);
    }
    return status;
}

static enum status sim_reserve(struct file *file, uint64_t size)
{
    struct sim_disk *disk = disk_of(file->fs);
    CHECK(file_of(file)->writable);
    call_witness(disk, SIM_RESERVE, file_of(file)->name);
    mutex_lock(&disk->mutex);
    enum status status = reserve_locked(disk, file_of(file), size);
    mutex_unlock(&disk->mutex);
    return status;
}

/* Writes the first `limit` bytes of the parts. */
static void write_bytes(struct sim_file *file, uint64_t offset, const struct slice *parts,
                        size_t part_count, uint64_t limit)
{
    for (size_t i = 0; i < part_count && limit > 0; i++) {
        size_t size = parts[i].size < limit ? parts[i].size : (size_t)limit;
        sim_inode_write(file->inode, offset, parts[i].data, size);
        offset += size;
        limit -= size;
    }
}

static enum status write_locked(struct sim_disk *disk, struct sim_file *file, uint64_t offset,
                                const struct slice *parts, size_t part_count)
{
    enum status status;
    enum sim_fate fate = begin_locked(disk, SIM_WRITE, file->name, &status);
    uint64_t size = 0;
    for (size_t i = 0; i < part_count; i++) {
        size += parts[i].size;
    }
    uint64_t limit = 0;
    if (fate == SIM_FATE_DO || fate == SIM_FATE_CRASH_AFTER) {
        limit = size;
        status = fate == SIM_FATE_DO ? STATUS_OK : status;
    } else if (fate == SIM_FATE_FAIL || fate == SIM_FATE_CRASH_WITHIN) {
        limit = test_random_below(&disk->random, size + 1);
    }
    enum status allocated =
        limit == 0 ? STATUS_OK : sim_disk_allocate(disk, file->inode, offset + limit);
    if (allocated != STATUS_OK) {
        uint64_t end = file->inode->allocated + free_bytes(disk);
        uint64_t fits = end > offset ? end - offset : 0;
        limit = test_random_below(&disk->random, (fits < limit ? fits : limit) + 1);
        CHECK(sim_disk_allocate(disk, file->inode, offset + limit) == STATUS_OK || limit == 0);
        status = status == STATUS_OK ? allocated : status;
    }
    write_bytes(file, offset, parts, part_count, limit);
    return status;
}

static enum status sim_write(struct file *file, uint64_t offset, const struct slice *parts,
                             size_t part_count)
{
    struct sim_disk *disk = disk_of(file->fs);
    CHECK(file_of(file)->writable);
    call_hook(file, SIM_WRITE);
    if (disk->witness != NULL && !sim_disk_crashed(disk)) {
        struct sim_step step = {.call = SIM_WRITE,
                                .name = file_of(file)->name,
                                .offset = offset,
                                .parts = parts,
                                .part_count = part_count};
        disk->witness(disk->witness_context, &step);
    }
    mutex_lock(&disk->mutex);
    enum status status = write_locked(disk, file_of(file), offset, parts, part_count);
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_read(struct file *file, uint64_t offset, void *into, size_t size,
                            size_t *read_size)
{
    struct sim_disk *disk = disk_of(file->fs);
    enum status status;
    call_hook(file, SIM_READ);
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_READ, file_of(file)->name, &status) == SIM_FATE_DO) {
        *read_size = sim_inode_read(file_of(file)->inode, offset, into, size);
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_map(struct file *file, uint64_t size, const uint8_t **out)
{
    struct sim_disk *disk = disk_of(file->fs);
    enum status status;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_MAP, file_of(file)->name, &status) == SIM_FATE_DO) {
        disk->mappings++;
        *out = sim_inode_map(file_of(file)->inode, size);
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static void sim_unmap(struct file *file, const uint8_t *address, uint64_t size)
{
    struct sim_disk *disk = disk_of(file->fs);
    mutex_lock(&disk->mutex);
    sim_inode_unmap(file_of(file)->inode, address, size);
    disk->mappings--;
    mutex_unlock(&disk->mutex);
}

static void sim_drop_cache(struct file *file, uint64_t offset, uint64_t size)
{
    (void)offset;
    mutex_lock(&disk_of(file->fs)->mutex);
    disk_of(file->fs)->dropped_bytes += size;
    mutex_unlock(&disk_of(file->fs)->mutex);
}

static void sim_read_ahead(struct file *file, uint64_t offset, uint64_t size)
{
    (void)offset;
    (void)size;
    mutex_lock(&disk_of(file->fs)->mutex);
    disk_of(file->fs)->reads_ahead++;
    mutex_unlock(&disk_of(file->fs)->mutex);
}

static void sim_fault_in(struct file *file, const uint8_t *address, uint64_t size)
{
    (void)file;
    (void)address;
    (void)size;
}

static void sim_find_cached(struct file *file, const uint8_t *address, uint64_t size,
                            uint8_t *pages)
{
    (void)address;
    mutex_lock(&disk_of(file->fs)->mutex);
    memset(pages, disk_of(file->fs)->is_cold ? 0 : 1, (size_t)(size / FILE_PAGE_SIZE));
    mutex_unlock(&disk_of(file->fs)->mutex);
}

static enum status sim_size(struct file *file, uint64_t *out)
{
    struct sim_disk *disk = disk_of(file->fs);
    enum status status;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_SIZE, file_of(file)->name, &status) == SIM_FATE_DO) {
        *out = file_of(file)->inode->size;
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

/* fstat() tells both: as a call it is one of those for the size. */
static enum status sim_link_count(struct file *file, uint64_t *out)
{
    struct sim_disk *disk = disk_of(file->fs);
    enum status status;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_SIZE, file_of(file)->name, &status) == SIM_FATE_DO) {
        *out = sim_names_count(&disk->names, file_of(file)->inode);
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_verify_place(struct file *file, uint64_t size_least)
{
    struct sim_disk *disk = disk_of(file->fs);
    enum status status;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_SIZE, file_of(file)->name, &status) == SIM_FATE_DO) {
        const struct sim_inode *inode = file_of(file)->inode;
        bool is_named = sim_names_find(&disk->names, file_of(file)->name) == inode;
        status = !is_named                  ? STATUS_NOT_FOUND
                 : inode->size < size_least ? STATUS_CORRUPT
                                            : STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_truncate(struct file *file, uint64_t size)
{
    struct sim_disk *disk = disk_of(file->fs);
    enum status status;
    CHECK(file_of(file)->writable);
    call_witness(disk, SIM_TRUNCATE, file_of(file)->name);
    mutex_lock(&disk->mutex);
    enum sim_fate fate = begin_locked(disk, SIM_TRUNCATE, file_of(file)->name, &status);
    if (sim_faults_take_place(&disk->faults, fate, &status)) {
        sim_inode_set_size(file_of(file)->inode, size, &disk->random);
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_sync(struct file *file)
{
    struct sim_disk *disk = disk_of(file->fs);
    struct sim_inode *inode = file_of(file)->inode;
    enum status status;
    call_hook(file, SIM_SYNC);
    call_witness(disk, SIM_SYNC, file_of(file)->name);
    mutex_lock(&disk->mutex);
    switch (begin_locked(disk, SIM_SYNC, file_of(file)->name, &status)) {
    case SIM_FATE_DO:
        status = STATUS_OK;
        sim_inode_sync(inode);
        break;
    case SIM_FATE_CRASH_AFTER:
        sim_inode_sync(inode);
        break;
    case SIM_FATE_FAIL:
        sim_inode_sync_failed(inode, &disk->random);
        break;
    case SIM_FATE_CRASH_WITHIN:
        sim_inode_write_back(inode, &disk->random);
        break;
    case SIM_FATE_REFUSE:
    case SIM_FATE_CRASH_BEFORE:
        break;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

/* --- calls on names ----------------------------------------------------------------------- */

static enum status sim_rename(struct file_system *fs, const char *from_name, const char *to_name)
{
    struct sim_disk *disk = disk_of(fs);
    struct sim_path from_path = path_of(fs, from_name);
    struct sim_path to_path = path_of(fs, to_name);
    const char *from = from_path.text;
    const char *to = to_path.text;
    enum status status;
    if (fs->read_only) {
        return STATUS_READ_ONLY;
    }
    call_witness(disk, SIM_RENAME, from);
    mutex_lock(&disk->mutex);
    enum sim_fate fate = begin_locked(disk, SIM_RENAME, from, &status);
    bool exists = sim_names_find(&disk->names, from) != NULL;
    if (fate == SIM_FATE_DO && !exists) {
        status = STATUS_NOT_FOUND;
    } else if (sim_faults_take_place(&disk->faults, fate, &status) && exists &&
               strcmp(from, to) != 0) {
        sim_names_rename(&disk->names, from, to);
        sim_disk_collect(disk);
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_remove(struct file_system *fs, const char *file_name)
{
    struct sim_disk *disk = disk_of(fs);
    struct sim_path path = path_of(fs, file_name);
    const char *name = path.text;
    enum status status;
    if (fs->read_only) {
        return STATUS_READ_ONLY;
    }
    call_witness(disk, SIM_REMOVE, name);
    mutex_lock(&disk->mutex);
    enum sim_fate fate = begin_locked(disk, SIM_REMOVE, name, &status);
    bool exists = sim_names_find(&disk->names, name) != NULL;
    if (fate == SIM_FATE_DO && !exists) {
        status = STATUS_NOT_FOUND;
    } else if (sim_faults_take_place(&disk->faults, fate, &status) && exists) {
        sim_names_remove(&disk->names, name);
        sim_disk_collect(disk);
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_link(struct file_system *fs, const char *file_name, struct file_system *to)
{
    struct sim_disk *disk = disk_of(fs);
    struct sim_path from_path = path_of(fs, file_name);
    struct sim_path to_path = path_of(to, file_name);
    enum status status;
    if (fs->read_only || to->read_only) {
        return STATUS_READ_ONLY;
    }
    if (disk_of(to) != disk) {
        return STATUS_INVALID;
    }
    call_witness(disk, SIM_LINK, to_path.text);
    mutex_lock(&disk->mutex);
    enum sim_fate fate = begin_locked(disk, SIM_LINK, to_path.text, &status);
    struct sim_inode *inode = sim_names_find(&disk->names, from_path.text);
    bool is_taken = sim_names_find(&disk->names, to_path.text) != NULL;
    if (fate == SIM_FATE_DO && (inode == NULL || is_taken)) {
        status = inode == NULL ? STATUS_NOT_FOUND : STATUS_EXISTS;
    } else if (sim_faults_take_place(&disk->faults, fate, &status) && inode != NULL && !is_taken) {
        sim_names_create(&disk->names, to_path.text, inode);
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_list(struct file_system *fs,
                            void (*on_name)(void *context, const char *name), void *context)
{
    struct sim_disk *disk = disk_of(fs);
    enum status status;
    struct sim_name *copy = NULL; /* so that on_name may call into the disk */
    size_t count = 0;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_LIST, "", &status) == SIM_FATE_DO) {
        count = disk->names.cache.count;
        copy = malloc(count * sizeof(*copy) + 1);
        CHECK(copy != NULL);
        if (count > 0) {
            memcpy(copy, disk->names.cache.entries, count * sizeof(*copy));
        }
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    const char *prefix = directory_of(fs)->prefix;
    for (size_t i = 0; i < count; i++) {
        if (sim_names_is_in(copy[i].name, prefix)) {
            on_name(context, copy[i].name + strlen(prefix));
        }
    }
    free(copy);
    return status;
}

static enum status sim_sync_directory(struct file_system *fs)
{
    struct sim_disk *disk = disk_of(fs);
    enum status status;
    call_witness(disk, SIM_SYNC_DIRECTORY, "");
    mutex_lock(&disk->mutex);
    const char *prefix = directory_of(fs)->prefix;
    enum sim_fate fate = begin_locked(disk, SIM_SYNC_DIRECTORY, prefix, &status);
    if (fate == SIM_FATE_DO && atomic_load(&fs->names_lost)) {
        status = STATUS_IO; /* what file.h promises: the disk itself would say OK */
    } else if (fate == SIM_FATE_FAIL) {
        sim_names_sync_failed(&disk->names, prefix, &disk->random);
        sim_disk_collect(disk);
    } else if (sim_faults_take_place(&disk->faults, fate, &status)) {
        sim_names_sync(&disk->names, prefix);
        sim_disk_collect(disk);
    }
    if (status != STATUS_OK) {
        atomic_store(&fs->names_lost, true);
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static bool is_lock_held_by_others(const struct sim_mount *mount)
{
    const struct sim_directory *directory = mount->directory;
    bool is_read = !mount->base.read_only && directory->lock_readers > 0;
    return is_read || (directory->lock_owner != NULL && directory->lock_owner != mount);
}

static void take_lock(struct sim_mount *mount)
{
    if (!mount->base.read_only) {
        mount->directory->lock_owner = mount;
    } else if (!mount->holds_shared) {
        mount->holds_shared = true;
        mount->directory->lock_readers++;
    }
}

/* The lock is the kernel's, not a file's content: the file is not made. */
static enum status sim_lock(struct file_system *fs, const char *name, char *holder,
                            size_t holder_size)
{
    struct sim_disk *disk = disk_of(fs);
    enum status status;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_LOCK, name, &status) == SIM_FATE_DO) {
        if (is_lock_held_by_others((struct sim_mount *)fs)) {
            (void)snprintf(holder, holder_size, "pid 1 on host simulated");
            status = STATUS_LOCKED;
        } else {
            take_lock((struct sim_mount *)fs);
            status = STATUS_OK;
        }
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static enum status sim_free_space(struct file_system *fs, uint64_t *out)
{
    struct sim_disk *disk = disk_of(fs);
    enum status status;
    mutex_lock(&disk->mutex);
    if (begin_locked(disk, SIM_FREE_SPACE, "", &status) == SIM_FATE_DO) {
        *out = free_bytes(disk);
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

static void sim_close_system(struct file_system *fs)
{
    struct sim_disk *disk = disk_of(fs);
    mutex_lock(&disk->mutex);
    struct sim_directory *directory = directory_of(fs);
    if (directory->lock_owner == fs) {
        directory->lock_owner = NULL;
    }
    if (((struct sim_mount *)fs)->holds_shared) {
        directory->lock_readers--;
    }
    disk->mounts--;
    mutex_unlock(&disk->mutex);
    free((struct sim_mount *)fs);
}

static const struct file_operations sim_operations = {
    .open = sim_open,
    .close = sim_close,
    .reserve = sim_reserve,
    .write = sim_write,
    .read = sim_read,
    .map = sim_map,
    .unmap = sim_unmap,
    .drop_cache = sim_drop_cache,
    .read_ahead = sim_read_ahead,
    .fault_in = sim_fault_in,
    .find_cached = sim_find_cached,
    .size = sim_size,
    .link_count = sim_link_count,
    .verify_place = sim_verify_place,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .rename = sim_rename,
    .remove = sim_remove,
    .link = sim_link,
    .list = sim_list,
    .sync_directory = sim_sync_directory,
    .lock = sim_lock,
    .free_space = sim_free_space,
    .close_system = sim_close_system,
};

/* --- the test's side ---------------------------------------------------------------------- */

struct sim_disk *sim_disk_create(uint64_t seed)
{
    struct sim_disk *disk = calloc(1, sizeof(*disk));
    CHECK(disk != NULL);
    mutex_init(&disk->mutex);
    test_random_init(&disk->random, seed);
    disk->directory_count = 1;
    disk->faults.random = &disk->random;
    disk->faults.crash_call = SIM_CALL_COUNT;
    return disk;
}

void sim_disk_destroy(struct sim_disk *disk)
{
    CHECK(disk->open_files == 0 && disk->mappings == 0 && disk->mounts == 0);
    sim_names_deinit(&disk->names);
    sim_disk_collect(disk);
    mutex_deinit(&disk->mutex);
    free(disk);
}

/* The directory with this prefix, made when it is not there. */
static struct sim_directory *find_directory(struct sim_disk *disk, const char *prefix)
{
    for (size_t i = 0; i < disk->directory_count; i++) {
        if (strcmp(disk->directories[i].prefix, prefix) == 0) {
            return &disk->directories[i];
        }
    }
    CHECK(disk->directory_count < SIM_DIRECTORIES_MAX);
    struct sim_directory *made = &disk->directories[disk->directory_count++];
    int size = snprintf(made->prefix, sizeof(made->prefix), "%s", prefix);
    CHECK(size > 0 && size < (int)sizeof(made->prefix));
    return made;
}

static struct file_system *mount_disk(struct sim_disk *disk, const char *prefix, bool read_only)
{
    struct sim_mount *mount = calloc(1, sizeof(*mount));
    CHECK(mount != NULL);
    mount->base.operations = &sim_operations;
    mount->base.read_only = read_only;
    mount->disk = disk;
    mutex_lock(&disk->mutex);
    mount->directory = find_directory(disk, prefix);
    disk->mounts++;
    mutex_unlock(&disk->mutex);
    return &mount->base;
}

struct file_system *sim_disk_mount(struct sim_disk *disk)
{
    return mount_disk(disk, "", false);
}

struct file_system *sim_disk_mount_directory(struct sim_disk *disk, const char *directory)
{
    char prefix[FILE_NAME_SIZE_MAX];
    (void)snprintf(prefix, sizeof(prefix), "%s/", directory);
    return mount_disk(disk, prefix, false);
}

struct file_system *sim_disk_mount_read_only(struct sim_disk *disk)
{
    return mount_disk(disk, "", true);
}

void sim_disk_crash_after(struct sim_disk *disk, uint64_t calls)
{
    mutex_lock(&disk->mutex);
    disk->faults.calls_to_crash = calls;
    mutex_unlock(&disk->mutex);
}

void sim_disk_crash_now(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    if (!disk->faults.crashed) {
        (void)sim_faults_crash(&disk->faults, SIM_CALL_COUNT, "");
    }
    mutex_unlock(&disk->mutex);
}

bool sim_disk_crashed(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    bool crashed = disk->faults.crashed;
    mutex_unlock(&disk->mutex);
    return crashed;
}

enum sim_call sim_disk_crash_call(struct sim_disk *disk, const char **name)
{
    mutex_lock(&disk->mutex);
    enum sim_call call = disk->faults.crash_call;
    memcpy(disk->crash_name, disk->faults.crash_name, sizeof(disk->crash_name));
    *name = disk->crash_name;
    mutex_unlock(&disk->mutex);
    return call;
}

static void start_again_locked(struct sim_disk *disk)
{
    CHECK(disk->open_files == 0 && disk->mappings == 0);
    sim_disk_collect(disk);
    memset(disk->faults.rules, 0, sizeof(disk->faults.rules));
    disk->faults.calls_to_crash = 0;
    for (size_t i = 0; i < disk->directory_count; i++) {
        disk->directories[i].lock_owner = NULL;
    }
    disk->faults.crashed = false;
}

void sim_disk_restart_losing(struct sim_disk *disk, enum sim_loss bytes, enum sim_loss names)
{
    mutex_lock(&disk->mutex);
    CHECK(disk->open_files == 0 && disk->mappings == 0);
    sim_names_cut_power(&disk->names, names, &disk->random);
    for (struct sim_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        sim_inode_cut_power(inode, bytes, &disk->random);
    }
    start_again_locked(disk);
    mutex_unlock(&disk->mutex);
}

void sim_disk_restart(struct sim_disk *disk, enum sim_crash kind)
{
    if (kind == SIM_POWER_CUT) {
        sim_disk_restart_losing(disk, SIM_LOSS_RANDOM, SIM_LOSS_RANDOM);
        return;
    }
    mutex_lock(&disk->mutex);
    start_again_locked(disk);
    mutex_unlock(&disk->mutex);
}

void sim_disk_fail(struct sim_disk *disk, enum sim_call call, uint64_t n, uint64_t count,
                   enum status status)
{
    CHECK(call < SIM_CALL_COUNT && status != STATUS_OK);
    mutex_lock(&disk->mutex);
    struct sim_failure_rule rule = {.count = 0};
    if (n > 0) {
        rule = (struct sim_failure_rule){.after = n - 1, .count = count, .status = status};
    }
    disk->faults.rules[call] = rule;
    mutex_unlock(&disk->mutex);
}

void sim_disk_set_hook(struct sim_disk *disk, sim_disk_hook *hook, void *context)
{
    disk->hook_context = context;
    atomic_store(&disk->hook, hook);
}

void sim_disk_set_witness(struct sim_disk *disk, sim_disk_witness *witness, void *context)
{
    disk->witness = witness;
    disk->witness_context = context;
}

void sim_disk_set_capacity(struct sim_disk *disk, uint64_t bytes)
{
    mutex_lock(&disk->mutex);
    disk->capacity = bytes;
    mutex_unlock(&disk->mutex);
}

void sim_disk_ignore_reservations(struct sim_disk *disk, bool ignore)
{
    mutex_lock(&disk->mutex);
    disk->ignore_reservations = ignore;
    mutex_unlock(&disk->mutex);
}

enum status sim_disk_flip(struct sim_disk *disk, const char *name, uint64_t offset, uint8_t mask)
{
    mutex_lock(&disk->mutex);
    struct sim_inode *inode = sim_names_find(&disk->names, name);
    enum status status = STATUS_NOT_FOUND;
    if (inode != NULL && offset < inode->size) {
        sim_inode_flip(inode, offset, mask);
        status = STATUS_OK;
    }
    mutex_unlock(&disk->mutex);
    return status;
}

uint64_t sim_disk_calls(struct sim_disk *disk, enum sim_call call)
{
    mutex_lock(&disk->mutex);
    uint64_t calls = disk->faults.calls[call];
    mutex_unlock(&disk->mutex);
    return calls;
}

uint64_t sim_disk_changing_calls(struct sim_disk *disk)
{
    uint64_t calls = 0;
    mutex_lock(&disk->mutex);
    for (enum sim_call call = 0; call < SIM_CALL_COUNT; call++) {
        calls += sim_call_changes(call) ? disk->faults.calls[call] : 0;
    }
    mutex_unlock(&disk->mutex);
    return calls;
}

void sim_disk_set_cold(struct sim_disk *disk, bool is_cold)
{
    mutex_lock(&disk->mutex);
    disk->is_cold = is_cold;
    mutex_unlock(&disk->mutex);
}

uint64_t sim_disk_dropped_bytes(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    uint64_t dropped = disk->dropped_bytes;
    mutex_unlock(&disk->mutex);
    return dropped;
}

uint64_t sim_disk_reads_ahead(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    uint64_t calls = disk->reads_ahead;
    mutex_unlock(&disk->mutex);
    return calls;
}

uint64_t sim_disk_used_bytes(struct sim_disk *disk)
{
    mutex_lock(&disk->mutex);
    uint64_t used = used_bytes(disk);
    mutex_unlock(&disk->mutex);
    return used;
}
