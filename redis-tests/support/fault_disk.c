/*
 * fault_disk.c - a disk that fails on demand, for a server that is started with it in LD_PRELOAD.
 *
 * SCDB_FAULTS names a directory. As long as it holds a file "fail-fdatasync", fdatasync gives EIO;
 * "hold-fdatasync": it does not return; "fail-pwritev": pwritev gives EIO; "full-pwritev": ENOSPC.
 * Files of the log (*.log) only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

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

static bool is_log(int descriptor)
{
    char link[64];
    char name[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, name, sizeof(name) - 1);
    return size > 4 && memcmp(name + size - 4, ".log", 4) == 0;
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

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t) =
        (ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "pwritev");
    if (is_log(descriptor) && is_asked_for("fail-pwritev")) {
        errno = EIO;
        return -1;
    }
    if (is_log(descriptor) && is_asked_for("full-pwritev")) {
        errno = ENOSPC;
        return -1;
    }
    return real(descriptor, parts, count, offset);
}
