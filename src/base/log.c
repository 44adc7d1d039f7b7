/* log.c - see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE_MAX 2048

static _Atomic int log_descriptor = STDOUT_FILENO;
static char log_path[PATH_MAX]; /* "" = stdout; set before other threads run */
static _Atomic int log_threshold = LOG_NOTICE_LEVEL;
static _Atomic(log_sink *) log_sink_in_use; /* NULL: the file */

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

enum status log_open(const char *path, struct error *error)
{
    int descriptor = STDOUT_FILENO;
    if (path[0] != '\0') {
        descriptor = open_file(path);
        if (descriptor < 0) {
            return error_set(
                error, STATUS_IO,
                "can't open the log file '%s': %s; check 'logfile' and its permissions", path,
                strerror(errno));
        }
    }
    (void)snprintf(log_path, sizeof(log_path), "%s", path);
    int previous = atomic_exchange(&log_descriptor, descriptor);
    if (previous != STDOUT_FILENO) {
        (void)close(previous);
    }
    return STATUS_OK;
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_threshold, (int)level);
}

void log_set_sink(log_sink *sink)
{
    atomic_store(&log_sink_in_use, sink);
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    static const char marks[] = {'.', '-', '*', '#'};
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &parts);
    char when[40];
    (void)strftime(when, sizeof(when), "%d %b %Y %H:%M:%S", &parts);
    int length = snprintf(line, size, "%d:M %s.%03d %c ", (int)getpid(), when,
                          (int)(now.tv_nsec / 1000000), marks[level]);
    return length < 0 ? 0 : (size_t)length;
}

static bool is_at_path(int descriptor)
{
    struct stat opened;
    struct stat named;
    return fstat(descriptor, &opened) == 0 && stat(log_path, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* Who rotates logs moves the file away: then another one is opened at its name. The descriptor
 * keeps its number, so no other thread can write to one that was closed meanwhile. */
static void write_line(const char *line, size_t size)
{
    int descriptor = atomic_load(&log_descriptor);
    if (log_path[0] != '\0' && !is_at_path(descriptor)) {
        int fresh = open_file(log_path);
        if (fresh >= 0) {
            (void)dup3(fresh, descriptor, O_CLOEXEC);
            (void)close(fresh);
        }
    }
    ssize_t written = write(descriptor, line, size);
    (void)written; /* A log that can't be written must not stop the server. */
}

void log_write(enum log_level level, const char *format, ...)
{
    if ((int)level < atomic_load(&log_threshold) || level >= LOG_NOTHING_LEVEL) {
        return;
    }
    char line[LINE_SIZE_MAX];
    log_sink *sink = atomic_load(&log_sink_in_use);
    size_t used = sink == NULL ? write_prefix(line, sizeof(line), level) : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
    va_end(arguments);
    if (sink != NULL) {
        sink(level, length < 0 ? format : line);
        return;
    }
    if (length > 0) {
        size_t room = sizeof(line) - used - 2;
        used += (size_t)length < room ? (size_t)length : room;
    }
    line[used++] = '\n';
    int saved = errno;
    write_line(line, used);
    errno = saved;
}
