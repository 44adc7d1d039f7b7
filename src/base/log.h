/*
 * log.h - the server's log: one line an event.
 *
 * Lines look like Redis's: "pid:role dd Mon yyyy hh:mm:ss.mmm # text". Before log_open() they go
 * to stdout at level notice. Any thread may write; a line is written with one system call, so
 * lines never mix.
 */
#ifndef SCDB_BASE_LOG_H
#define SCDB_BASE_LOG_H

#include "base/status.h"

enum log_level {
    LOG_DEBUG_LEVEL,
    LOG_VERBOSE_LEVEL,
    LOG_NOTICE_LEVEL,
    LOG_WARNING_LEVEL,
    LOG_NOTHING_LEVEL
};

/* Sends lines to the file at `path`, appending ("" = stdout), and to another one there when that is
 * moved away or removed. IO: the file can't be opened; lines go on where they went before. Call it
 * before other threads run. */
enum status log_open(const char *path, struct error *error) MUST_CHECK;
void log_set_level(enum log_level level);

/* Takes the lines of at least the level, `text` without prefix and end of line, in place of the
 * file; NULL = the file again. For libscdb, whose lines belong to the program around it. */
typedef void log_sink(enum log_level level, const char *text);
void log_set_sink(log_sink *sink);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define LOG_DEBUG(...)   log_write(LOG_DEBUG_LEVEL, __VA_ARGS__)
#define LOG_VERBOSE(...) log_write(LOG_VERBOSE_LEVEL, __VA_ARGS__)
#define LOG_NOTICE(...)  log_write(LOG_NOTICE_LEVEL, __VA_ARGS__)
#define LOG_WARNING(...) log_write(LOG_WARNING_LEVEL, __VA_ARGS__)

#endif
