/* new_directory.c - see new_directory.h. */
#include "check/new_directory.h"

#include "engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING         ".incomplete"
#define ONLY_FOR_OWNER 0700

/* "", "." and "a/.." can't be the new name of a directory. */
static bool is_name(const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    size_t begin = size;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    size_t dots = strspn(path + begin, ".");
    return begin < size && !(dots == size - begin && dots <= 2);
}

static enum status check_is_free(const char *path, struct error *error)
{
    struct stat about;
    if (!is_name(path)) {
        return error_set(error, STATUS_INVALID,
                         "'%s' can't be the name of a new directory: name it from outside", path);
    }
    if (lstat(path, &about) != 0) {
        int error_number = errno;
        return error_number == ENOENT ? STATUS_OK
                                      : error_set(error, STATUS_IO, "can't look at '%s': %s", path,
                                                  strerror(error_number));
    }
    if (file_posix_is_vacant(path)) {
        return STATUS_OK;
    }
    return error_set(
        error, STATUS_EXISTS,
        "'%s' exists already; name a directory that does not, or one that is empty and "
        "that no file system is mounted on (a new one inside that will do)",
        path);
}

static const char *advice_for(int error_number)
{
    switch (error_number) {
    case EEXIST:
        return "; unless another run is at work there, an earlier one did not come to its end: "
               "remove it";
    case ENOENT:
    case ENOTDIR:
    case EACCES:
        return "; the directory that it is to lie in must be there, and you be allowed to write "
               "to it";
    default:
        return "";
    }
}

enum status new_directory_begin(struct new_directory *directory, const char *path,
                                struct error *error)
{
    enum status status = check_is_free(path, error);
    if (status != STATUS_OK) {
        return status;
    }
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    char *work_path = malloc(length + sizeof(ENDING));
    if (work_path == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    memcpy(work_path, path, length);
    memcpy(work_path + length, ENDING, sizeof(ENDING));
    if (mkdir(work_path, ONLY_FOR_OWNER) != 0) {
        int error_number = errno;
        status = error_set(error, error_number == EEXIST ? STATUS_EXISTS : STATUS_IO,
                           "can't make directory '%s': %s%s", work_path, strerror(error_number),
                           advice_for(error_number));
        free(work_path);
        return status;
    }
    *directory = (struct new_directory){.path = path, .work_path = work_path};
    return STATUS_OK;
}

/* The name is durable when the directory that holds it is. */
static int sync_parent(const char *path)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int directory = open(path, flags);
    if (directory < 0) {
        return errno;
    }
    int parent = openat(directory, "..", flags);
    int error_number = parent < 0 || fsync(parent) != 0 ? errno : 0;
    if (parent >= 0) {
        (void)close(parent);
    }
    (void)close(directory);
    return error_number;
}

enum status new_directory_finish(struct new_directory *directory, struct error *error)
{
    if (rename(directory->work_path, directory->path) != 0) {
        return error_set(error, STATUS_IO,
                         "all is done, but '%s' can't be renamed to '%s': %s; rename it, or use it "
                         "under that name",
                         directory->work_path, directory->path, strerror(errno));
    }
    int error_number = sync_parent(directory->path);
    return error_number == 0
               ? STATUS_OK
               : error_set(
                     error, STATUS_IO,
                     "all is done, and '%s' is whole, but the directory that it lies in can't "
                     "be synced: %s; after a power cut it may have the name '%s'",
                     directory->path, strerror(error_number), directory->work_path);
}

void new_directory_end(struct new_directory *directory)
{
    free(directory->work_path);
    *directory = (struct new_directory){0};
}
