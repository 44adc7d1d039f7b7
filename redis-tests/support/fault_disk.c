/*
 * fault_disk.c - a disk that fails on demand, for a server that is started with it in LD_PRELOAD.
 *
 * SCDB_FAULTS names a directory. As long as it holds a file "fail-fdatasync", fdatasync gives EIO;
 * "hold-fdatasync": it does not return; "fail-write": pwrite and pwritev give EIO; "full-write":
 * ENOSPC; "slow-read": pread gives 4 MB a second. Files of the log (*.log) only. "slow-old-file":
 * pread gives 1 MB a second of an ancestor's dump.scdb. "no-ipv6": there are no sockets for IPv6.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SLOW_BYTES_PER_US 4
#define OLD_BYTES_PER_US  1

static bool is_asked_for(const char *fault)
{
    const char *directory = getenv("SCDB_FAULTS");
    char path[4096];
    if (directory == NULL) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", directory, fault);
    return access(path, F_OK) == 0;
}

static bool ends_with(int descriptor, const char *ending)
{
    char link[64];
    char name[4096];
    size_t ending_size = strlen(ending);
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, name, sizeof(name) - 1);
    return size > (ssize_t)ending_size &&
           memcmp(name + size - ending_size, ending, ending_size) == 0;
}

static bool is_log(int descriptor)
{
    return ends_with(descriptor, ".log");
}

int fdatasync(int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    while (is_log(descriptor) && is_asked_for("hold-fdatasync")) {
        (void)usleep(1000);
    }
    if (is_log(descriptor) && is_asked_for("fail-fdatasync")) {
        errno = EIO;
        return -1;
    }
    return real(descriptor);
}

/* Is the write to fail? Then errno says of what. */
static bool is_write_refused(int descriptor)
{
    if (!is_log(descriptor)) {
        return false;
    }
    if (is_asked_for("fail-write")) {
        errno = EIO;
        return true;
    }
    if (is_asked_for("full-write")) {
        errno = ENOSPC;
        return true;
    }
    return false;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return is_write_refused(descriptor) ? -1 : real(descriptor, bytes, size, offset);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t) =
        (ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "pwritev");
    return is_write_refused(descriptor) ? -1 : real(descriptor, parts, count, offset);
}

ssize_t pread(int descriptor, void *bytes, size_t size, off_t offset)
{
    ssize_t (*real)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    if (is_log(descriptor) && is_asked_for("slow-read")) {
        (void)usleep((useconds_t)(size / SLOW_BYTES_PER_US));
    }
    if (ends_with(descriptor, "/dump.scdb") && is_asked_for("slow-old-file")) {
        (void)usleep((useconds_t)(size / OLD_BYTES_PER_US));
    }
    return real(descriptor, bytes, size, offset);
}

int socket(int domain, int type, int protocol)
{
    int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
    if (domain == AF_INET6 && is_asked_for("no-ipv6")) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return real(domain, type, protocol);
}
