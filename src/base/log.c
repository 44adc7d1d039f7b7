/* log.c - see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE_MAX 2048

static _Atomic int log_descriptor = STDOUT_FILENO;
static _Atomic int log_threshold = LOG_NOTICE_LEVEL;
static _Atomic(log_sink *) log_sink_in_use; /* NULL: the file */

enum status log_open(const char *path, struct error *error)
{
    int descriptor = STDOUT_FILENO;
    if (path[0] != '\0') {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (descriptor < 0) {
            return error_set(
                error, STATUS_IO,
                "can't open the log file '%s': %s; check 'logfile' and its permissions", path,
                strerror(errno));
        }
    }
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

enum log_level log_level(void)
{
    return (enum log_level)atomic_load(&log_threshold);
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
    ssize_t written = write(atomic_load(&log_descriptor), line, used);
    (void)written; /* A log that can't be written must not stop the server. */
}
