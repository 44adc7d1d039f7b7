/* daemon.c - see daemon.h. */
#include "server/daemon.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void daemon_open_standard_streams(void)
{
    int null;
    do {
        null = open("/dev/null", O_RDWR); /* the lowest one that is free */
    } while (null >= STDIN_FILENO && null <= STDERR_FILENO);
    if (null >= 0) {
        (void)close(null);
    }
}

enum status daemon_enter_directory(const char *directory, bool may_make, char *path,
                                   unsigned path_size, struct error *error)
{
    if (may_make && mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return error_set(error, STATUS_IO,
                         "can't make the directory '%s': %s; make it, or set 'dir' to another",
                         directory, strerror(errno));
    }
    if (chdir(directory) != 0 || getcwd(path, path_size) == NULL) {
        return error_set(error, STATUS_IO,
                         "can't use the directory '%s': %s; check 'dir' and its permissions",
                         directory, strerror(errno));
    }
    return STATUS_OK;
}

enum status daemon_detach(struct error *error)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        return error_set(error, STATUS_IO, "can't go into the background: %s", strerror(errno));
    }
    if (child > 0) {
        _exit(0);
    }
    (void)setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)close(null);
    }
    return STATUS_OK;
}

void daemon_write_pid_file(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fprintf(file, "%d\n", (int)getpid()) < 0) {
        LOG_WARNING("Can't write the pid file '%s': %s.", path, strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void daemon_remove_pid_file(const char *path)
{
    (void)unlink(path);
}

void daemon_notify(const char *line)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(address.sun_path)) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* a name outside of the file system */
    }
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(descriptor, line, strlen(line), MSG_NOSIGNAL, (struct sockaddr *)&address, size) <
        0) {
        LOG_WARNING("Can't tell the service manager '%s': %s.", line, strerror(errno));
    }
    (void)close(descriptor);
}

enum supervised daemon_supervisor(enum supervised mode)
{
    bool any = mode == SUPERVISED_AUTO;
    if ((any || mode == SUPERVISED_UPSTART) && getenv("UPSTART_JOB") != NULL) {
        return SUPERVISED_UPSTART;
    }
    return (any || mode == SUPERVISED_SYSTEMD) && getenv("NOTIFY_SOCKET") != NULL
               ? SUPERVISED_SYSTEMD
               : SUPERVISED_NO;
}

uint64_t daemon_raise_file_limit(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur >= wanted && limit.rlim_cur == limit.rlim_max) {
        return limit.rlim_cur;
    }
    /* Only root may raise the hard limit; others take what there is. */
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = wanted};
    if (limit.rlim_max < wanted && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        return wanted;
    }
    raised.rlim_cur = limit.rlim_max;
    raised.rlim_max = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}
