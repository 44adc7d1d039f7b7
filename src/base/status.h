/*
 * status.h - the one vocabulary of failure.
 *
 * Every function that can fail returns an enum status. One row of STATUS_LIST gives a status its
 * name and the words that a log line or the libscdb user sees; what a Redis client sees is decided
 * in one place, commands/errors.c. Functions here are pure and may be called from any thread.
 */
#ifndef SCDB_BASE_STATUS_H
#define SCDB_BASE_STATUS_H

#include <stdarg.h>

/* X(NAME, "words") */
#define STATUS_LIST(X)                                                                             \
    X(OK, "no error")                                                                              \
    X(NOT_FOUND, "not found")                                                                      \
    X(EXISTS, "exists already")                                                                    \
    X(INVALID, "invalid argument")                                                                 \
    X(TOO_LARGE, "larger than the limit")                                                          \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(IO, "input/output error")                                                                    \
    X(FILE_LIMIT, "as many files are open as the process or the system may have")                  \
    X(REFUSED, "the system does not let this process do it")                                       \
    X(NOT_A_FILE, "something that is no regular file has the file's name")                         \
    X(SOURCE_LOST, "what was to be written can't be read")                                         \
    X(CORRUPT, "data fails its checksum")                                                          \
    X(DISK_FULL, "no space left on the disk")                                                      \
    X(INDEX_FULL, "the index has reached index-memory-limit")                                      \
    X(KEY_LIMIT, "the store holds max-keys keys")                                                  \
    X(LOCKED, "the directory is in use by another process")                                        \
    X(NEWER_FORMAT, "written by a newer version of scdb")                                          \
    X(WRITES_STOPPED, "writing has stopped for good; the log says why")                            \
    X(CLOSED, "the store is being closed")                                                         \
    X(READ_ONLY, "opened or mounted read-only")

enum status {
#define STATUS_ENUM(name, words) STATUS_##name,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
        STATUS_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The words of a status; a static string, never NULL. */
const char *status_words(enum status status);

/* The name of a status ("DISK_FULL"); a static string, never NULL. */
const char *status_name(enum status status);

/*
 * Where and why something failed, for people: file, offset, what to do. Filled by functions that
 * open or repair things; always NUL-terminated, truncated when longer than the array.
 */
struct error {
    char text[512];
};

/* Writes the text and returns `status`, so that `return error_set(...)` reads well. `error` may be
 * NULL: then only the status is passed on. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
