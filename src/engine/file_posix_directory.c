/* file_posix_directory.c - opening a directory of the real disk as a file system: see file.h. */
#include "engine/file_posix.h"

#include "base/log.h"
#include "engine/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_PERMISSIONS 0700
#define DIRECTORY_FLAGS       (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* The directory's name becomes durable. Returns 0 or an errno. */
static int sync_parent(int descriptor)
{
    int parent = openat(descriptor, "..", DIRECTORY_FLAGS);
    int error_number = parent < 0 ? errno : file_posix_sync_directory(parent);
    if (parent >= 0) {
        (void)close(parent);
    }
    return error_number;
}

/* Where a store lies the directory's name is durable: it was before there was a manifest. Where
 * none does, who made the directory may have been killed before he could sync its parent. (That of
 * one which somebody else made may not be open to us.) */
static int sync_found(int descriptor)
{
    if (faccessat(descriptor, MANIFEST_NAME, F_OK, 0) == 0) {
        return 0;
    }
    int error_number = sync_parent(descriptor);
    return error_number == EACCES || error_number == EPERM ? 0 : error_number;
}

/* Opens the directory; it is durable in its parent before anything in it can be. -1 and errno on
 * failure. One that was made then goes again: the next start, which would find it, could not make
 * up for a sync that has failed. */
static int open_or_make_directory(const char *path)
{
    int descriptor = file_posix_above_standard(open(path, DIRECTORY_FLAGS));
    bool is_found = descriptor >= 0;
    bool is_made = !is_found && errno == ENOENT && mkdir(path, DIRECTORY_PERMISSIONS) == 0;
    if (!is_found && !is_made && errno != EEXIST) {
        return -1;
    }
    if (!is_found) {
        descriptor = file_posix_above_standard(open(path, DIRECTORY_FLAGS));
    }
    if (descriptor < 0) {
        return -1;
    }
    int error_number = is_found ? sync_found(descriptor) : sync_parent(descriptor);
    if (error_number != 0) {
        (void)close(descriptor);
        if (is_made) {
            file_posix_remove_directory(path);
        }
        errno = error_number;
        return -1;
    }
    return descriptor;
}

static int just_open_directory(const char *path)
{
    return open(path, DIRECTORY_FLAGS);
}

static enum status refused(const char *path, int error_number, struct error *error)
{
    enum status status = error_number == ENOENT                             ? STATUS_NOT_FOUND
                         : error_number == ENOSPC || error_number == EDQUOT ? STATUS_DISK_FULL
                                                                            : STATUS_IO;
    return error_set(error, status,
                     "can't open the directory '%s': %s; check its name and its permissions", path,
                     strerror(error_number));
}

/* `open_it` returns a descriptor, or -1 and errno. */
static enum status open_directory(const char *path, int (*open_it)(const char *path),
                                  bool read_only, struct file_system **out, struct error *error)
{
    struct posix_system *system = calloc(1, sizeof(*system));
    if (system == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to open directory '%s'", path);
    }
    system->directory = open_it(path);
    if (system->directory < 0) {
        int error_number = errno;
        free(system);
        return refused(path, error_number, error);
    }
    system->base.operations = &file_posix_operations;
    system->base.read_only = read_only;
    system->lock = -1;
    mutex_init(&system->syncing);
    *out = &system->base;
    return STATUS_OK;
}

enum status file_posix_open_directory(const char *path, struct file_system **out,
                                      struct error *error)
{
    return open_directory(path, open_or_make_directory, false, out, error);
}

enum status file_posix_open_directory_read_only(const char *path, struct file_system **out,
                                                struct error *error)
{
    return open_directory(path, just_open_directory, true, out, error);
}

/* --- a directory for something new -------------------------------------------------------- */

const char *file_posix_name_within(struct file_system *fs, const char *path)
{
    char parent[PATH_MAX] = ".";
    struct stat ours;
    struct stat theirs;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t parent_size = (size_t)(name - path);
    if (parent_size >= sizeof(parent)) {
        return NULL;
    }
    if (parent_size > 0) {
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)parent_size, path);
    }
    bool is_within = stat(parent, &theirs) == 0 &&
                     fstat(file_posix_system(fs)->directory, &ours) == 0 &&
                     ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
    return is_within ? name : NULL;
}

static bool is_empty(DIR *directory)
{
    size_t count = 0;
    while (count <= 2 && readdir(directory) != NULL) {
        count++;
    }
    return count <= 2; /* "." and ".." */
}

/* What a file system is mounted on can't be replaced. */
static bool is_of_its_parents_disk(int directory)
{
    struct stat own;
    struct stat parents;
    return fstat(directory, &own) == 0 && fstatat(directory, "..", &parents, 0) == 0 &&
           own.st_dev == parents.st_dev;
}

bool file_posix_is_vacant(const char *path)
{
    struct stat about;
    if (lstat(path, &about) != 0) {
        return true; /* if it can't be looked at either, making it tells why */
    }
    DIR *directory = S_ISDIR(about.st_mode) ? opendir(path) : NULL;
    if (directory == NULL) {
        return false;
    }
    bool is_vacant = is_empty(directory) && is_of_its_parents_disk(dirfd(directory));
    (void)closedir(directory);
    return is_vacant;
}

enum status file_posix_make_directory(const char *path, struct file_system **out,
                                      struct error *error)
{
    if (mkdir(path, DIRECTORY_PERMISSIONS) != 0) {
        int error_number = errno;
        enum status status = error_number == EEXIST                             ? STATUS_EXISTS
                             : error_number == ENOSPC || error_number == EDQUOT ? STATUS_DISK_FULL
                                                                                : STATUS_IO;
        bool is_about_parent =
            error_number == ENOENT || error_number == EACCES || error_number == ENOTDIR;
        return error_set(error, status, "can't make directory '%s': %s%s", path,
                         strerror(error_number),
                         is_about_parent ? "; the directory that it is to lie in must be there, "
                                           "and this program's user be allowed to write to it"
                                         : "");
    }
    enum status status = open_directory(path, just_open_directory, false, out, error);
    if (status != STATUS_OK) {
        file_posix_remove_directory(path);
    }
    return status;
}

enum status file_posix_rename_directory(struct file_system *fs, const char *from, const char *to,
                                        struct error *error)
{
    int error_number = rename(from, to) == 0 ? 0 : errno;
    if (error_number == 0) {
        error_number = sync_parent(file_posix_system(fs)->directory);
    }
    return error_number == 0
               ? STATUS_OK
               : error_set(error, STATUS_IO, "can't rename directory '%s' to '%s': %s", from, to,
                           strerror(error_number));
}

void file_posix_remove_directory(const char *path)
{
    if (rmdir(path) != 0 && errno != ENOENT) {
        LOG_WARNING("can't remove directory '%s': %s", path, strerror(errno));
    }
}
