/*
 * check.h - assertions that stay on in release builds.
 *
 * For invariants of our own code, never for bytes that came from a client or a disk. A failed one
 * prints file, line and condition to stderr and aborts: going on could damage data.
 */
#ifndef SCDB_BASE_CHECK_H
#define SCDB_BASE_CHECK_H

__attribute__((noreturn, cold)) void check_failed(const char *file, int line,
                                                  const char *condition);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            check_failed(__FILE__, __LINE__, #condition);                                          \
        }                                                                                          \
    } while (0)

#endif
