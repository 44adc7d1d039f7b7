/*
 * file_posix_lock.c - the lock of a directory on the real disk: see file.h.
 *
 * Two locks are taken, both flock's: they belong to the open file, so the kernel releases them
 * however the process ends, a second one fails even within one process, and closing some other
 * descriptor loses none. That on the directory itself can't be removed apart from the store, and is
 * taken first: whoever is refused has not touched the lock file. On a network file system it holds
 * within one machine only; that on the lock file holds between machines, and tells who has it. The
 * file stays: removing it would race with an opener.
 */
#include "engine/file_posix.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLDER_SIZE_MAX 128
#define NAMELESS        "another process ('fuser -v' on the directory tells which)"

static void read_holder(int descriptor, char *holder, size_t holder_size)
{
    if (holder_size == 0) {
        return;
    }
    char text[HOLDER_SIZE_MAX];
    ssize_t size = descriptor < 0 ? -1 : pread(descriptor, text, sizeof(text) - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    text[strcspn(text, "\n")] = '\0';
    (void)snprintf(holder, holder_size, "%s", text[0] == '\0' ? NAMELESS : text);
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

/* Who keeps us from the lock that `descriptor` is open on: a writer has left its name in the lock
 * file, readers write nothing. */
static void find_holder(const struct posix_system *system, int descriptor, const char *name,
                        char *holder, size_t holder_size)
{
    bool read_only = system->base.read_only;
    if (!read_only && try_flock(descriptor, LOCK_SH) == 0) {
        (void)try_flock(descriptor, LOCK_UN);
        (void)snprintf(holder, holder_size, "a process that reads it (read-only yes)");
        return;
    }
    int file = openat(system->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    read_holder(file, holder, holder_size);
    if (file >= 0) {
        (void)close(file);
    }
}

/* LOCKED, or OK: also where the file system has no such lock. */
static enum status lock_directory(const struct posix_system *system, const char *name, char *holder,
                                  size_t holder_size)
{
    int error_number = try_flock(system->directory, system->base.read_only ? LOCK_SH : LOCK_EX);
    if (error_number == EWOULDBLOCK) {
        find_holder(system, system->directory, name, holder, holder_size);
        return STATUS_LOCKED;
    }
    return STATUS_OK;
}

/* *out: the lock file, locked; untouched where a reader needs none. */
static enum status lock_file(const struct posix_system *system, const char *name, char *holder,
                             size_t holder_size, int *out)
{
    enum status status = STATUS_OK;
    int descriptor = open_lock_file(system, name, &status);
    if (descriptor < 0) {
        return status;
    }
    int error_number = try_flock(descriptor, system->base.read_only ? LOCK_SH : LOCK_EX);
    if (error_number != 0) {
        status = STATUS_LOCKED;
        if (error_number == EWOULDBLOCK) {
            find_holder(system, descriptor, name, holder, holder_size);
        } else {
            status = file_posix_failed(error_number, "lock", name);
        }
        (void)close(descriptor);
        return status;
    }
    if (!system->base.read_only) {
        write_holder(descriptor);
    }
    *out = descriptor;
    return STATUS_OK;
}

/* Somebody has removed the lock file, or put another in its place: that one is locked now. */
static enum status lock_again(struct posix_system *system, const char *name, char *holder,
                              size_t holder_size)
{
    int fresh = -1;
    enum status status = lock_file(system, name, holder, holder_size, &fresh);
    if (status != STATUS_OK) {
        return status;
    }
    (void)close(system->lock);
    system->lock = fresh;
    LOG_WARNING("file '%s' of the store was removed or replaced by somebody while it was locked: "
                "it is made and locked again. Leave it alone as long as the server runs",
                name);
    return STATUS_OK;
}

enum status file_posix_lock(struct file_system *fs, const char *name, char *holder,
                            size_t holder_size)
{
    struct posix_system *system = file_posix_system(fs);
    if (system->lock >= 0) {
        struct stat locked;
        bool is_gone =
            file_posix_verify_name(system, name, system->lock, &locked) == STATUS_NOT_FOUND;
        return is_gone ? lock_again(system, name, holder, holder_size) : STATUS_OK;
    }
    enum status status = lock_directory(system, name, holder, holder_size);
    if (status != STATUS_OK) {
        return status;
    }
    status = lock_file(system, name, holder, holder_size, &system->lock);
    if (status != STATUS_OK) {
        (void)try_flock(system->directory, LOCK_UN);
    }
    return status;
}

/* Not by closing alone: a child that was forked has the descriptors, too. The directory's last, or
 * one that has come to that would find the file locked. */
void file_posix_unlock(struct posix_system *system)
{
    if (system->lock >= 0) {
        (void)try_flock(system->lock, LOCK_UN);
        (void)close(system->lock);
    }
    (void)try_flock(system->directory, LOCK_UN);
}
