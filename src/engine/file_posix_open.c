/*
 * file_posix_open.c - opening a file of the real disk, and nothing else that may have its name: to
 * open a named pipe could wait for ever, and what a directory or a device holds is no store's.
 */
#include "engine/file_posix.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return "a directory";
    }
    if (S_ISFIFO(mode)) {
        return "a named pipe";
    }
    return S_ISSOCK(mode) ? "a socket" : "a device";
}

enum status file_posix_not_a_file(mode_t mode, const char *action, const char *name)
{
    LOG_WARNING("can't %s file '%s': it is %s, and all files of a store are regular ones; move it "
                "out of the directory, and put back the file that had its name, if there was one",
                action, name, kind_of(mode));
    return STATUS_NOT_A_FILE;
}

/* These can't even be opened, or not like this. */
static bool is_of_no_file(int error_number)
{
    return error_number == EISDIR || error_number == ENXIO || error_number == ENODEV;
}

int file_posix_above_standard(int descriptor)
{
    if (descriptor < 0 || descriptor > STDERR_FILENO) {
        return descriptor;
    }
    int above = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error_number = errno;
    (void)close(descriptor);
    errno = error_number;
    return above;
}

enum status file_posix_open(const struct posix_system *system, const char *name, int flags,
                            int *out)
{
    int descriptor;
    struct stat about;
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY; /* a regular file never waits */
    do {
        descriptor = openat(system->directory, name, flags, FILE_POSIX_PERMISSIONS);
    } while (descriptor < 0 && errno == EINTR);
    descriptor = file_posix_above_standard(descriptor);
    int error_number = errno;
    if (descriptor < 0) {
        bool is_known = is_of_no_file(error_number) &&
                        fstatat(system->directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
        errno = error_number;
        return is_known && !S_ISREG(about.st_mode)
                   ? file_posix_not_a_file(about.st_mode, "open", name)
                   : STATUS_IO;
    }
    bool is_known = fstat(descriptor, &about) == 0;
    error_number = errno;
    if (is_known && S_ISREG(about.st_mode)) {
        *out = descriptor;
        return STATUS_OK;
    }
    (void)close(descriptor);
    errno = error_number;
    return is_known ? file_posix_not_a_file(about.st_mode, "open", name) : STATUS_IO;
}
