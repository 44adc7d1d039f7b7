/*
 * file_posix.c - file.h on a real disk (Linux).
 *
 * What it assumes of the file system: fdatasync makes a file's data and length durable, fsync of
 * a directory the names in it, and a rename within a directory is atomic. What fails is logged
 * here, once, with the file's name and the kernel's words; a status has no room for them.
 */
#include "engine/file_posix.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define PARTS_PER_CALL 64

struct posix_file {
    struct file base;
    int descriptor;
    _Atomic uint64_t size_due; /* that we gave it; 0: none */
    char name[FILE_NAME_SIZE_MAX];
};

static struct posix_file *file_of(struct file *file)
{
    return (struct posix_file *)file;
}

/* What the process lacks, every write lacks that needs a new file, or a longer one. */
static void tell_failure(int error_number, const char *action, const char *name)
{
    static struct log_limit descriptors_limit;
    static struct log_limit size_limit;
    struct log_limit *limit = NULL;
    const char *advice = "";
    if (error_number == EMFILE || error_number == ENFILE) {
        advice = "; raise the limit of open files (ulimit -n)";
        limit = &descriptors_limit;
    } else if (error_number == EFBIG) {
        advice = "; raise the limit of the system (ulimit -f)";
        limit = &size_limit;
    }
    if (limit == NULL || log_limit_try(limit, LOG_LIMIT_TROUBLE_MS, clock_monotonic_ms())) {
        LOG_WARNING("can't %s file '%s': %s%s", action, name, strerror(error_number), advice);
    }
}

enum status file_posix_failed(int error_number, const char *action, const char *name)
{
    switch (error_number) {
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return STATUS_DISK_FULL;
    case EFBIG:
        tell_failure(error_number, action, name);
        return STATUS_DISK_FULL;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        tell_failure(error_number, action, name);
        return STATUS_FILE_LIMIT;
    default:
        tell_failure(error_number, action, name);
        return STATUS_IO;
    }
}

/* --- files -------------------------------------------------------------------------------- */

/* Whether a file can be read says nothing of what is in it where it is not the disk that fails. */
static bool is_refusal(int error_number)
{
    return error_number == EACCES || error_number == EPERM || error_number == ELOOP ||
           error_number == EMFILE || error_number == ENFILE;
}

static enum status not_opened(int error_number, enum file_mode mode, const char *name)
{
    enum status status = file_posix_failed(error_number, "open", name);
    return mode == FILE_MODE_READ && is_refusal(error_number) ? STATUS_REFUSED : status;
}

static enum status posix_open(struct file_system *fs, const char *name, enum file_mode mode,
                              struct file **out)
{
    static const int flags_of[] = {
        [FILE_MODE_READ] = O_RDONLY,
        [FILE_MODE_WRITE] = O_RDWR,
        [FILE_MODE_CREATE] = O_RDWR | O_CREAT | O_EXCL,
    };
    CHECK(strlen(name) < FILE_NAME_SIZE_MAX && strchr(name, '/') == NULL);
    if (fs->read_only && mode != FILE_MODE_READ) {
        return STATUS_READ_ONLY;
    }
    struct posix_file *file = malloc(sizeof(*file));
    if (file == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        file_posix_open(file_posix_system(fs), name, flags_of[mode], &file->descriptor);
    if (status != STATUS_OK) {
        int error_number = errno;
        free(file);
        return status == STATUS_IO ? not_opened(error_number, mode, name) : status;
    }
    file->base.fs = fs;
    atomic_init(&file->size_due, 0);
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    *out = &file->base;
    return STATUS_OK;
}

static void posix_close(struct file *file)
{
    /* What close() could report, sync() has reported before if anyone relied on it. */
    (void)close(file_of(file)->descriptor);
    free(file_of(file));
}

static enum status posix_size(struct file *file, uint64_t *out)
{
    struct stat about;
    if (fstat(file_of(file)->descriptor, &about) != 0) {
        return file_posix_failed(errno, "examine", file_of(file)->name);
    }
    *out = (uint64_t)about.st_size;
    return STATUS_OK;
}

static enum status posix_link_count(struct file *file, uint64_t *out)
{
    struct stat about;
    if (fstat(file_of(file)->descriptor, &about) != 0) {
        return file_posix_failed(errno, "examine", file_of(file)->name);
    }
    *out = (uint64_t)about.st_nlink;
    return STATUS_OK;
}

static enum status posix_verify_place(struct file *file, uint64_t size_least)
{
    struct stat opened;
    enum status status = file_posix_verify_name(file_posix_system(file->fs), file_of(file)->name,
                                                file_of(file)->descriptor, &opened);
    bool is_shorter = status == STATUS_OK && (uint64_t)opened.st_size < size_least;
    return is_shorter ? STATUS_CORRUPT : status;
}

/* Made longer again it would look as if nothing had been in what somebody has cut off. */
static bool is_cut(struct posix_file *file, uint64_t size)
{
    bool is_shorter = size < atomic_load(&file->size_due);
    if (is_shorter) {
        LOG_WARNING("file '%s' is shorter than it was made: somebody has cut it", file->name);
    }
    return is_shorter;
}

/* The size that is due is at no time larger than the file is, so that who asks for both meanwhile
 * does not take it for cut. */
static enum status set_size(struct posix_file *file, uint64_t size_before, uint64_t size)
{
    int result;
    if (size < size_before) {
        atomic_store(&file->size_due, size);
    }
    do {
        result = ftruncate(file->descriptor, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return file_posix_failed(errno, "truncate", file->name);
    }
    atomic_store(&file->size_due, size);
    return STATUS_OK;
}

static enum status posix_truncate(struct file *file, uint64_t size)
{
    uint64_t size_before;
    enum status status = posix_size(file, &size_before);
    if (status != STATUS_OK) {
        return status;
    }
    if (size_before < size && is_cut(file_of(file), size_before)) {
        return STATUS_IO;
    }
    return set_size(file_of(file), size_before, size);
}

/*
 * Where the file system can't reserve (EOPNOTSUPP), the file only gets its length: a full disk is
 * then found out by write(). Writing zeros instead would be no better on the file systems that lack
 * fallocate, for they copy on write.
 */
static enum status posix_reserve(struct file *file, uint64_t size)
{
    uint64_t size_before;
    enum status status = posix_size(file, &size_before);
    if (status != STATUS_OK) {
        return status;
    }
    if (is_cut(file_of(file), size_before)) {
        return STATUS_IO;
    }
    int result;
    do {
        result = fallocate(file_of(file)->descriptor, 0, 0, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        atomic_store(&file_of(file)->size_due, size > size_before ? size : size_before);
        return STATUS_OK;
    }
    int error_number = errno;
    if (error_number == EOPNOTSUPP) {
        return size > size_before ? set_size(file_of(file), size_before, size) : STATUS_OK;
    }
    /* A part may have been allocated before the disk was full, and the file be longer now. */
    if (size > size_before && set_size(file_of(file), size, size_before) != STATUS_OK) {
        return STATUS_IO;
    }
    return file_posix_failed(error_number, "reserve space for", file_of(file)->name);
}

/* Fills `vectors` with the parts from *index, *skip on; returns how many. */
static int gather(const struct slice *parts, size_t part_count, size_t index, size_t skip,
                  struct iovec *vectors)
{
    int count = 0;
    for (; index < part_count && count < PARTS_PER_CALL; index++, skip = 0) {
        if (parts[index].size > skip) {
            /* pwritev takes a pointer to non-const, and does not write through it. */
            vectors[count].iov_base = (void *)(uintptr_t)(parts[index].data + skip);
            vectors[count].iov_len = parts[index].size - skip;
            count++;
        }
    }
    return count;
}

/* Most often there is one part, and then the kernel need not fetch the vector. */
static ssize_t write_at(int descriptor, const struct iovec *vectors, int count, off_t offset)
{
    return count == 1 ? pwrite(descriptor, vectors[0].iov_base, vectors[0].iov_len, offset)
                      : pwritev(descriptor, vectors, count, offset);
}

static enum status posix_write(struct file *file, uint64_t offset, const struct slice *parts,
                               size_t part_count)
{
    size_t index = 0;
    size_t skip = 0; /* bytes of parts[index] already written */
    for (;;) {
        struct iovec vectors[PARTS_PER_CALL];
        int count = gather(parts, part_count, index, skip, vectors);
        if (count == 0) {
            return STATUS_OK;
        }
        ssize_t written = write_at(file_of(file)->descriptor, vectors, count, (off_t)offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && errno == EFAULT) {
            return STATUS_SOURCE_LOST;
        }
        if (written <= 0) {
            return file_posix_failed(written < 0 ? errno : EIO, "write", file_of(file)->name);
        }
        offset += (uint64_t)written;
        size_t left = (size_t)written;
        while (left > 0 && left >= parts[index].size - skip) {
            left -= parts[index].size - skip;
            index++;
            skip = 0;
        }
        skip += left;
    }
}

static enum status posix_read(struct file *file, uint64_t offset, void *into, size_t size,
                              size_t *read_size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(file_of(file)->descriptor, (char *)into + done, size - done,
                            (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_posix_failed(errno, "read", file_of(file)->name);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *read_size = done;
    return STATUS_OK;
}

static enum status posix_map(struct file *file, uint64_t size, const uint8_t **out)
{
    CHECK(size > 0);
    void *address = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file_of(file)->descriptor, 0);
    if (address == MAP_FAILED) {
        static struct log_limit limit;
        int error_number = errno;
        if (error_number == ENOMEM &&
            log_limit_try(&limit, LOG_LIMIT_TROUBLE_MS, clock_monotonic_ms())) {
            LOG_WARNING("can't map file '%s': the process has as many mappings or as much address "
                        "space as it may; raise vm.max_map_count (sysctl) or the limit of the "
                        "process (ulimit -v)",
                        file_of(file)->name);
        }
        return file_posix_failed(error_number, "map", file_of(file)->name);
    }
    /* Advice: reads are of single records, and read-ahead would fill the cache with strangers. */
    (void)madvise(address, (size_t)size, MADV_RANDOM);
    *out = address;
    return STATUS_OK;
}

static void posix_unmap(struct file *file, const uint8_t *address, uint64_t size)
{
    (void)file;
    CHECK(munmap((void *)(uintptr_t)address, (size_t)size) == 0);
}

static void posix_drop_cache(struct file *file, uint64_t offset, uint64_t size)
{
    /* Advice: nothing depends on whether it is taken. */
    (void)posix_fadvise(file_of(file)->descriptor, (off_t)offset, (off_t)size, POSIX_FADV_DONTNEED);
}

/* Of one such call the kernel does no more than a device takes at once. */
#define READ_AHEAD_STEP ((uint64_t)128 << 10)

static void posix_read_ahead(struct file *file, uint64_t offset, uint64_t size)
{
    for (uint64_t done = 0; done < size; done += READ_AHEAD_STEP) {
        uint64_t left = size - done;
        (void)posix_fadvise(file_of(file)->descriptor, (off_t)(offset + done),
                            (off_t)(left < READ_AHEAD_STEP ? left : READ_AHEAD_STEP),
                            POSIX_FADV_WILLNEED);
    }
}

/* Linux 5.14. What an older kernel refuses, and pages that the disk can't deliver, are met later.
 */
static void posix_fault_in(struct file *file, const uint8_t *address, uint64_t size)
{
    (void)file;
#ifdef MADV_POPULATE_READ
    (void)madvise((void *)(uintptr_t)address, (size_t)size, MADV_POPULATE_READ);
#else
    (void)address;
    (void)size;
#endif
}

/* Where a filter of system calls is in force, nobody can know what it does with one that it does
 * not allow: systemd's ends the process, and its group @system-service is without mincore(). */
static bool may_ask_for_cached(void)
{
    return sysconf(_SC_PAGESIZE) == FILE_PAGE_SIZE && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) <= 0;
}

static void posix_find_cached(struct file *file, const uint8_t *address, uint64_t size,
                              uint8_t *pages)
{
    (void)file;
    size_t count = (size_t)((size + FILE_PAGE_SIZE - 1) / FILE_PAGE_SIZE);
    bool is_known =
        may_ask_for_cached() && mincore((void *)(uintptr_t)address, (size_t)size, pages) == 0;
    for (size_t i = 0; i < count; i++) {
        pages[i] = is_known ? pages[i] & 1 : 1; /* the other bits mean nothing */
    }
}

static enum status posix_sync(struct file *file)
{
    int result;
    do {
        result = fdatasync(file_of(file)->descriptor);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : file_posix_failed(errno, "sync", file_of(file)->name);
}

/* --- the directory ------------------------------------------------------------------------ */

static enum status posix_free_space(struct file_system *fs, uint64_t *out)
{
    struct statvfs about;
    if (fstatvfs(file_posix_system(fs)->directory, &about) != 0) {
        return file_posix_failed(errno, "examine", ".");
    }
    *out = (uint64_t)about.f_bavail * about.f_frsize;
    return STATUS_OK;
}

static void posix_close_system(struct file_system *fs)
{
    struct posix_system *system = file_posix_system(fs);
    file_posix_unlock(system);
    (void)close(system->directory);
    mutex_deinit(&system->syncing);
    free(system);
}

const struct file_operations file_posix_operations = {
    .open = posix_open,
    .close = posix_close,
    .reserve = posix_reserve,
    .write = posix_write,
    .read = posix_read,
    .map = posix_map,
    .unmap = posix_unmap,
    .drop_cache = posix_drop_cache,
    .read_ahead = posix_read_ahead,
    .fault_in = posix_fault_in,
    .find_cached = posix_find_cached,
    .size = posix_size,
    .link_count = posix_link_count,
    .verify_place = posix_verify_place,
    .truncate = posix_truncate,
    .sync = posix_sync,
    .rename = file_posix_rename,
    .remove = file_posix_remove,
    .link = file_posix_link,
    .list = file_posix_list,
    .sync_directory = file_posix_sync_names,
    .lock = file_posix_lock,
    .free_space = posix_free_space,
    .close_system = posix_close_system,
};
