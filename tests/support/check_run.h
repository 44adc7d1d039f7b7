/*
 * check_run.h - runs a command of scdb-check within a test program.
 */
#ifndef SCDB_TESTS_SUPPORT_CHECK_RUN_H
#define SCDB_TESTS_SUPPORT_CHECK_RUN_H

#include <stddef.h>

/* Runs the command on the store in `directory`; what it makes goes to "new" in `elsewhere`. Returns
 * its code. What it says on stderr, and behind that on stdout, stands in the `said_size` bytes of
 * `said`, with a NUL. Both streams go to a file in `elsewhere` from then on: in a process of its
 * own, as tests are. */
int check_run(const char *command, const char *directory, const char *elsewhere, char *said,
              size_t said_size);

/* The same for repair --older. */
int check_run_older(const char *directory, const char *elsewhere, char *said, size_t said_size);

#endif
