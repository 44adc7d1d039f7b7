/* file_posix_names.c - the names in a directory of the real disk: see file.h. */
#include "engine/file_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status file_posix_verify_name(const struct posix_system *system, const char *name,
                                   int descriptor, struct stat *opened)
{
    struct stat named;
    if (fstat(descriptor, opened) != 0) {
        return STATUS_IO;
    }
    if (fstatat(system->directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    bool is_same = named.st_ino == opened->st_ino && named.st_dev == opened->st_dev;
    return is_same ? STATUS_OK : STATUS_NOT_FOUND;
}

/* What the kernel says before it has changed anything. */
static bool is_refusal(int error_number)
{
    return error_number == EPERM || error_number == EACCES || error_number == EBUSY ||
           error_number == EISDIR || error_number == EROFS;
}

enum status file_posix_rename(struct file_system *fs, const char *from, const char *to)
{
    int directory = file_posix_system(fs)->directory;
    if (fs->read_only) {
        return STATUS_READ_ONLY;
    }
    if (renameat(directory, from, directory, to) == 0) {
        return STATUS_OK;
    }
    int error_number = errno;
    enum status status = file_posix_failed(error_number, "rename", from);
    return is_refusal(error_number) ? STATUS_REFUSED : status;
}

enum status file_posix_remove(struct file_system *fs, const char *name)
{
    if (fs->read_only) {
        return STATUS_READ_ONLY;
    }
    if (unlinkat(file_posix_system(fs)->directory, name, 0) == 0) {
        return STATUS_OK;
    }
    return errno == EISDIR ? file_posix_not_a_file(S_IFDIR, "remove", name)
                           : file_posix_failed(errno, "remove", name);
}

enum status file_posix_link(struct file_system *fs, const char *name, struct file_system *to)
{
    if (fs->read_only || to->read_only) {
        return STATUS_READ_ONLY;
    }
    if (linkat(file_posix_system(fs)->directory, name, file_posix_system(to)->directory, name, 0) ==
        0) {
        return STATUS_OK;
    }
    return errno == EXDEV ? STATUS_INVALID : file_posix_failed(errno, "link", name);
}

static bool is_regular(int directory, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_REG;
    }
    struct stat about;
    return fstatat(directory, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(about.st_mode);
}

enum status file_posix_list(struct file_system *fs,
                            void (*on_name)(void *context, const char *name), void *context)
{
    /* Not dup(): a duplicate would share its position in the directory with the original. */
    int descriptor =
        openat(file_posix_system(fs)->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (directory == NULL) {
        int error_number = errno;
        if (descriptor >= 0) {
            (void)close(descriptor);
        }
        return file_posix_failed(error_number, "list", ".");
    }
    enum status status = STATUS_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            status = errno == 0 ? STATUS_OK : file_posix_failed(errno, "list", ".");
            break;
        }
        if (strlen(entry->d_name) < FILE_NAME_SIZE_MAX && is_regular(descriptor, entry)) {
            on_name(context, entry->d_name);
        }
    }
    (void)closedir(directory);
    return status;
}

int file_posix_sync_directory(int descriptor)
{
    int result;
    do {
        result = fsync(descriptor);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL ? 0 : errno;
}

enum status file_posix_sync_names(struct file_system *fs)
{
    struct posix_system *system = file_posix_system(fs);
    mutex_lock(&system->syncing);
    bool were_lost = atomic_load(&fs->names_lost); /* then the kernel's word means nothing */
    int error_number = were_lost ? 0 : file_posix_sync_directory(system->directory);
    if (error_number != 0) {
        atomic_store(&fs->names_lost, true);
    }
    mutex_unlock(&system->syncing);
    if (were_lost) {
        return STATUS_IO; /* the log has it already */
    }
    return error_number == 0 ? STATUS_OK : file_posix_failed(error_number, "sync", ".");
}
