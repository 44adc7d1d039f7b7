/*
 * test_run.h - how a test program ends: its tests run, and main() returns what the shell is to see.
 *
 * CK_VERBOSITY=verbose in the environment has Check name the tests that passed, too. One thread;
 * what is handed over is freed.
 */
#ifndef SCDB_TESTS_SUPPORT_TEST_RUN_H
#define SCDB_TESTS_SUPPORT_TEST_RUN_H

#include <check.h>

/* Runs the only case of the program `name`. Returns main()'s code: a failure unless all passed. */
int test_run(const char *name, TCase *tests);

/* The same for a program of several cases, which are the suite's. */
int test_run_suite(Suite *suite);

#endif
