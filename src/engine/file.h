/*
 * file.h - the seam between the store and a disk.
 *
 * All file access of the engine goes through one table of functions. file_posix.c is the real
 * disk; tests/support/sim_disk.c is a simulated one that crashes and fails on demand. Paths are
 * relative to the directory that the file system was opened on and hold no '/'.
 *
 * Threads: every function may be called from any thread; calls on one file that overlap in bytes
 * are the caller's business. Ownership: a struct file belongs to who created or opened it, until
 * close. Failure: every function leaves its out parameters untouched on failure; DISK_FULL for
 * ENOSPC, EDQUOT and EFBIG, NOT_FOUND for ENOENT, EXISTS for EEXIST, LOCKED for a lock that is
 * held, NO_MEMORY for ENOMEM, FILE_LIMIT for EMFILE and ENFILE, NOT_A_FILE where something else
 * than a regular file has the name, IO for everything else (both logged where it happens, with the
 * file's name); interrupted and short calls are continued inside. A file system that was opened
 * read-only refuses whatever could change something with READ_ONLY.
 */
#ifndef SCDB_ENGINE_FILE_H
#define SCDB_ENGINE_FILE_H

#include "base/slice.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;        /* an open file, defined by the implementation */
struct file_system; /* a directory and how to reach it, perhaps for reading only */

#define FILE_NAME_SIZE_MAX 64
#define FILE_PAGE_SIZE     4096

/* How a file is opened: `create` makes it and fails with EXISTS when it is there. */
enum file_mode { FILE_MODE_READ, FILE_MODE_WRITE, FILE_MODE_CREATE };

struct file_operations {
    /* Never waits for what else may have the name: a named pipe, say. REFUSED: only of
     * FILE_MODE_READ, when the file may be sound, but permissions, the limit of open files or a
     * symbolic link keep us from it. */
    enum status (*open)(struct file_system *fs, const char *name, enum file_mode mode,
                        struct file **out);
    void (*close)(struct file *file);

    /* Makes room on the disk for bytes [0, size) and makes the file at least that long; the new
     * bytes read as zero. DISK_FULL: the file is as it was. On a file system that can't reserve,
     * only the length is set, and write() may give DISK_FULL all the same. IO: also where the file
     * is shorter than this or truncate() has made it, since it was opened. */
    enum status (*reserve)(struct file *file, uint64_t size);

    /* Writes all the slices, one behind the other, from `offset` on. On failure any part of the
     * range may have been written. SOURCE_LOST: a slice lies in a mapping, of which the disk can't
     * deliver a page; the file written to is as good as before. */
    enum status (*write)(struct file *file, uint64_t offset, const struct slice *parts,
                         size_t part_count);

    /* Reads up to `size` bytes; *read_size is smaller only at the end of the file. */
    enum status (*read)(struct file *file, uint64_t offset, void *into, size_t size,
                        size_t *read_size);

    /* Maps [0, size), size > 0, read-only for random access; bytes beyond the end of the file must
     * not be touched until the file has grown over them. Writes show through the mapping. */
    enum status (*map)(struct file *file, uint64_t size, const uint8_t **out);
    void (*unmap)(struct file *file, const uint8_t *address, uint64_t size);

    /* Tells that the pages of [offset, offset+size) will not be needed again soon. */
    void (*drop_cache)(struct file *file, uint64_t offset, uint64_t size);

    /* Tells that they will be needed soon: the disk may begin to bring them. */
    void (*read_ahead)(struct file *file, uint64_t offset, uint64_t size);

    /* Does now what the first read of each page of a mapped range would have to do: so that reading
     * meets no page fault, if the pages stay in memory. `address` begins a page. */
    void (*fault_in)(struct file *file, const uint8_t *address, uint64_t size);

    /* Which pages of a mapped range are in memory? `address` begins a page, of FILE_PAGE_SIZE
     * bytes; pages[i] becomes 0 when the i-th of them is not there, else 1 (also when nobody
     * knows). */
    void (*find_cached)(struct file *file, const uint8_t *address, uint64_t size, uint8_t *pages);

    enum status (*size)(struct file *file, uint64_t *out);

    /* How many names it has, those in other directories (link) included. */
    enum status (*link_count)(struct file *file, uint64_t *out);

    /* Does the name that it was opened by still lead to it, and is it at least so long? (A file
     * that is renamed while it is open has that name no more.) NOT_FOUND: the name is gone, or
     * another file has it. CORRUPT: the file is shorter. IO: nobody can tell. Nothing is logged. */
    enum status (*verify_place)(struct file *file, uint64_t size_least);

    /* IO: also where that would make a file longer that is shorter than it was made. */
    enum status (*truncate)(struct file *file, uint64_t size);

    /* fdatasync: data and the file's length are durable (its name is not: sync_directory). */
    enum status (*sync)(struct file *file);

    /* Replaces `to` when it exists, atomically. What failed with a status of which
     * fs_rename_is_undone() is true has changed nothing; after any other nobody knows. REFUSED: the
     * system does not allow it, or what has the name `to` can't be replaced. */
    enum status (*rename)(struct file_system *fs, const char *from, const char *to);
    enum status (*remove)(struct file_system *fs, const char *name);

    /* Gives the file `name` the same name in the directory `to`, too, which has the same
     * implementation. INVALID: `to` is on another file system. EXISTS: the name is taken there. */
    enum status (*link)(struct file_system *fs, const char *name, struct file_system *to);

    /* Calls `on_name` for each regular file, in no order; names of FILE_NAME_SIZE_MAX bytes and
     * more, which can't be ours, are passed over. */
    enum status (*list)(struct file_system *fs, void (*on_name)(void *context, const char *name),
                        void *context);

    /* The names (created, renamed, removed) become durable. On failure names_lost is set: which of
     * them last nobody knows, not those of others either. A later call would prove nothing, and
     * fails with IO as long as that is set; who clears it has made sure of the names he needs. */
    enum status (*sync_directory)(struct file_system *fs);

    /* Locks the directory, and in it the file `name`, which is made if need be and tells who has
     * it; exclusively, until the file system is closed or the process ends. LOCKED: `holder` tells
     * who has it ("pid 123 on host x"). Who has the lock may ask again, and has it again; when the
     * file was removed or replaced meanwhile, it is made and locked anew, and LOCKED says that
     * another process was quicker. A read-only file system takes shared locks, which others of its
     * kind may hold too, and no file is made. READ_ONLY: the disk does not let us write. REFUSED:
     * it does not let us read. NOT_A_FILE. */
    enum status (*lock)(struct file_system *fs, const char *name, char *holder, size_t holder_size);

    /* Bytes free for us on the disk. */
    enum status (*free_space)(struct file_system *fs, uint64_t *out);

    void (*close_system)(struct file_system *fs);
};

/* Each implementation's file_system and file begin with these. */
struct file_system {
    const struct file_operations *operations;
    bool read_only;         /* it was opened so */
    atomic_bool names_lost; /* a sync_directory() has failed: set before any later one begins */
};

struct file {
    struct file_system *fs;
};

/* The real disk: opens directory `path`, creating it (one level) when it is missing; where it holds
 * no store its own name is made durable. On success the caller owns *out, closed with fs_close. */
enum status file_posix_open_directory(const char *path, struct file_system **out,
                                      struct error *error) MUST_CHECK;

/* The same for reading only: makes nothing, changes nothing. */
enum status file_posix_open_directory_read_only(const char *path, struct file_system **out,
                                                struct error *error) MUST_CHECK;

/* Does this path name something that lies, or would lie, right in the directory of `fs`? Then its
 * name there, a part of `path`; else NULL. */
const char *file_posix_name_within(struct file_system *fs, const char *path);

/* Is nothing to be seen there, or a directory that a rename can replace: not by a symbolic link,
 * holding nothing, and no file system mounted on it? */
bool file_posix_is_vacant(const char *path);

/* Makes a directory, whose name is not durable yet, and opens it. EXISTS: something is there. */
enum status file_posix_make_directory(const char *path, struct file_system **out,
                                      struct error *error) MUST_CHECK;

/* Renames the directory `from`, opened as `fs`, durably; `to` is vacant and in the same place. */
enum status file_posix_rename_directory(struct file_system *fs, const char *from, const char *to,
                                        struct error *error) MUST_CHECK;

/* Removes a directory if it is empty; else it stays. */
void file_posix_remove_directory(const char *path);

/* Short names for the calls through the table. */
static inline MUST_CHECK enum status fs_open(struct file_system *fs, const char *name,
                                             enum file_mode mode, struct file **out)
{
    return fs->operations->open(fs, name, mode, out);
}

static inline MUST_CHECK enum status fs_rename(struct file_system *fs, const char *from,
                                               const char *to)
{
    return fs->operations->rename(fs, from, to);
}

/* Of a status other than OK that fs_rename() has returned. */
static inline bool fs_rename_is_undone(enum status status)
{
    return status == STATUS_REFUSED || status == STATUS_READ_ONLY || status == STATUS_DISK_FULL ||
           status == STATUS_NOT_FOUND;
}

static inline MUST_CHECK enum status fs_remove(struct file_system *fs, const char *name)
{
    return fs->operations->remove(fs, name);
}

static inline MUST_CHECK enum status fs_link(struct file_system *fs, const char *name,
                                             struct file_system *to)
{
    return fs->operations->link(fs, name, to);
}

static inline MUST_CHECK enum status
fs_list(struct file_system *fs, void (*on_name)(void *context, const char *name), void *context)
{
    return fs->operations->list(fs, on_name, context);
}

static inline MUST_CHECK enum status fs_sync_directory(struct file_system *fs)
{
    return fs->operations->sync_directory(fs);
}

static inline MUST_CHECK enum status fs_lock(struct file_system *fs, const char *name, char *holder,
                                             size_t holder_size)
{
    return fs->operations->lock(fs, name, holder, holder_size);
}

static inline MUST_CHECK enum status fs_free_space(struct file_system *fs, uint64_t *out)
{
    return fs->operations->free_space(fs, out);
}

static inline void fs_close(struct file_system *fs)
{
    fs->operations->close_system(fs);
}

static inline void file_close(struct file *file)
{
    file->fs->operations->close(file);
}

static inline MUST_CHECK enum status file_reserve(struct file *file, uint64_t size)
{
    return file->fs->operations->reserve(file, size);
}

static inline MUST_CHECK enum status file_write(struct file *file, uint64_t offset,
                                                const struct slice *parts, size_t part_count)
{
    return file->fs->operations->write(file, offset, parts, part_count);
}

static inline MUST_CHECK enum status file_read(struct file *file, uint64_t offset, void *into,
                                               size_t size, size_t *read_size)
{
    return file->fs->operations->read(file, offset, into, size, read_size);
}

static inline MUST_CHECK enum status file_map(struct file *file, uint64_t size, const uint8_t **out)
{
    return file->fs->operations->map(file, size, out);
}

static inline void file_unmap(struct file *file, const uint8_t *address, uint64_t size)
{
    file->fs->operations->unmap(file, address, size);
}

static inline void file_drop_cache(struct file *file, uint64_t offset, uint64_t size)
{
    file->fs->operations->drop_cache(file, offset, size);
}

static inline void file_read_ahead(struct file *file, uint64_t offset, uint64_t size)
{
    file->fs->operations->read_ahead(file, offset, size);
}

static inline void file_fault_in(struct file *file, const uint8_t *address, uint64_t size)
{
    file->fs->operations->fault_in(file, address, size);
}

static inline void file_find_cached(struct file *file, const uint8_t *address, uint64_t size,
                                    uint8_t *pages)
{
    file->fs->operations->find_cached(file, address, size, pages);
}

static inline MUST_CHECK enum status file_size(struct file *file, uint64_t *out)
{
    return file->fs->operations->size(file, out);
}

static inline MUST_CHECK enum status file_truncate(struct file *file, uint64_t size)
{
    return file->fs->operations->truncate(file, size);
}

static inline MUST_CHECK enum status file_sync(struct file *file)
{
    return file->fs->operations->sync(file);
}

static inline MUST_CHECK enum status file_verify_place(struct file *file, uint64_t size_least)
{
    return file->fs->operations->verify_place(file, size_least);
}

static inline MUST_CHECK enum status file_link_count(struct file *file, uint64_t *out)
{
    return file->fs->operations->link_count(file, out);
}

#endif
