/*
 * test_directory.h - a directory of a test's own, gone when the test ends well. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_TEST_DIRECTORY_H
#define SCDB_TESTS_SUPPORT_TEST_DIRECTORY_H

#define TEST_DIRECTORY_PATH_SIZE 256

struct test_directory {
    char path[TEST_DIRECTORY_PATH_SIZE];
};

/* Makes an empty directory below $TMPDIR (or /tmp); CHECKs that it could. */
void test_directory_create(struct test_directory *directory);

/* Removes it with all that it holds. */
void test_directory_destroy(struct test_directory *directory);

#endif
