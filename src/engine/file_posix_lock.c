/* file_posix_lock.c - the lock of a directory on the real disk: see file.h. */
#include "engine/file_posix.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HOLDER_SIZE_MAX 128

static void read_holder(int descriptor, char *holder, size_t holder_size)
{
    if (holder_size == 0) {
        return;
    }
    char text[HOLDER_SIZE_MAX];
    ssize_t size = pread(descriptor, text, sizeof(text) - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    text[strcspn(text, "\n")] = '\0';
    (void)snprintf(holder, holder_size, "%s", text[0] == '\0' ? "another process" : text);
}

/* Who holds the lock is for people; a full disk must not keep a store from being opened. */
static void write_holder(int descriptor)
{
    char host[64] = "";
    char text[HOLDER_SIZE_MAX];
    (void)gethostname(host, sizeof(host) - 1);
    int size = snprintf(text, sizeof(text), "pid %ld on host %s\n", (long)getpid(), host);
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)size, 0) != size) {
        LOG_VERBOSE("can't write into the lock file who holds it: %s", strerror(errno));
    }
}

/* Returns 0 or an errno; `operation` as of flock. */
static int try_flock(int descriptor, int operation)
{
    int result;
    do {
        result = flock(descriptor, operation | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* Who keeps us from the lock: a writer has left its name in the file, readers write nothing. */
static void find_holder(int descriptor, bool read_only, char *holder, size_t holder_size)
{
    if (!read_only && try_flock(descriptor, LOCK_SH) == 0) {
        (void)snprintf(holder, holder_size, "a process that reads it (read-only yes)");
    } else {
        read_holder(descriptor, holder, holder_size);
    }
}

/* The lock file, open; *status says what to return when it is not (-1). */
static int open_lock_file(const struct posix_system *system, const char *name, enum status *status)
{
    bool read_only = system->base.read_only;
    int descriptor = -1;
    *status = file_posix_open(system, name, read_only ? O_RDONLY : O_RDWR | O_CREAT, &descriptor);
    if (*status != STATUS_IO) {
        return descriptor;
    }
    if (read_only && errno == ENOENT) {
        *status = STATUS_OK; /* nobody has ever written here: a copy, a backup */
    } else if (read_only && errno == EACCES) {
        *status = STATUS_REFUSED;
    } else if (errno == EROFS || errno == EACCES) {
        *status = STATUS_READ_ONLY;
    } else {
        *status = file_posix_failed(errno, "open", name);
    }
    return -1;
}

/* The lock belongs to the open file: the kernel releases it however the process ends, and a second
 * one fails even within one process. The file stays: removing it would race with an opener. */
enum status file_posix_lock(struct file_system *fs, const char *name, char *holder,
                            size_t holder_size)
{
    struct posix_system *system = file_posix_system(fs);
    if (system->lock >= 0) {
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    int descriptor = open_lock_file(system, name, &status);
    if (descriptor < 0) {
        return status;
    }
    int error_number = try_flock(descriptor, fs->read_only ? LOCK_SH : LOCK_EX);
    if (error_number != 0) {
        status = STATUS_LOCKED;
        if (error_number == EWOULDBLOCK) {
            find_holder(descriptor, fs->read_only, holder, holder_size);
        } else {
            status = file_posix_failed(error_number, "lock", name);
        }
        (void)close(descriptor);
        return status;
    }
    if (!fs->read_only) {
        write_holder(descriptor);
    }
    system->lock = descriptor;
    return STATUS_OK;
}
