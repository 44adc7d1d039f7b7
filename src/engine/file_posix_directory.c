/* file_posix_directory.c - opening a directory of the real disk as a file system: see file.h. */
#include "engine/file_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_PERMISSIONS 0700
#define DIRECTORY_FLAGS       (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* Opens the directory; one that had to be made is durable in its parent before anything in it can
 * be. -1 and errno on failure. */
static int open_or_make_directory(const char *path)
{
    int descriptor = open(path, DIRECTORY_FLAGS);
    if (descriptor >= 0 || errno != ENOENT) {
        return descriptor;
    }
    if (mkdir(path, DIRECTORY_PERMISSIONS) != 0 && errno != EEXIST) {
        return -1;
    }
    descriptor = open(path, DIRECTORY_FLAGS);
    if (descriptor < 0) {
        return -1;
    }
    int parent = openat(descriptor, "..", DIRECTORY_FLAGS);
    int error_number = parent < 0 ? errno : file_posix_sync_directory(parent);
    if (parent >= 0) {
        (void)close(parent);
    }
    if (error_number != 0) {
        (void)close(descriptor);
        errno = error_number;
        return -1;
    }
    return descriptor;
}

static enum status refused(const char *path, int error_number, struct error *error)
{
    enum status status = error_number == ENOENT                             ? STATUS_NOT_FOUND
                         : error_number == ENOSPC || error_number == EDQUOT ? STATUS_DISK_FULL
                                                                            : STATUS_IO;
    return error_set(error, status,
                     "can't open directory '%s': %s; check 'dir' and its permissions", path,
                     strerror(error_number));
}

static enum status open_directory(const char *path, bool read_only, struct file_system **out,
                                  struct error *error)
{
    struct posix_system *system = calloc(1, sizeof(*system));
    if (system == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to open directory '%s'", path);
    }
    system->directory = read_only ? open(path, DIRECTORY_FLAGS) : open_or_make_directory(path);
    if (system->directory < 0) {
        int error_number = errno;
        free(system);
        return refused(path, error_number, error);
    }
    system->base.operations = &file_posix_operations;
    system->base.read_only = read_only;
    system->lock = -1;
    *out = &system->base;
    return STATUS_OK;
}

enum status file_posix_open_directory(const char *path, struct file_system **out,
                                      struct error *error)
{
    return open_directory(path, false, out, error);
}

enum status file_posix_open_directory_read_only(const char *path, struct file_system **out,
                                                struct error *error)
{
    return open_directory(path, true, out, error);
}
