/*
 * test_file.h - the files in a test's directory: read, written and copied behind the back of those
 * that work on them.
 *
 * Everything aborts (CHECK) when it does not succeed. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_TEST_FILE_H
#define SCDB_TESTS_SUPPORT_TEST_FILE_H

#include "support/test_directory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_FILE_PATH_SIZE (TEST_DIRECTORY_PATH_SIZE + 300)

/* Spells the file's path into `path`, which has TEST_FILE_PATH_SIZE bytes, and returns that. */
const char *test_file_path(const struct test_directory *directory, const char *name, char *path);

bool test_file_exists(const struct test_directory *directory, const char *name);

/* Makes a file that is not there yet. */
void test_file_create(const struct test_directory *directory, const char *name, const char *text);

/* The whole of a file, for the caller to free. */
uint8_t *test_file_read(const struct test_directory *directory, const char *name, size_t *size);

/* Overwrites bytes of a file that is there, or adds them behind its end. */
void test_file_write(const struct test_directory *directory, const char *name, uint64_t offset,
                     const void *bytes, size_t size);

/* Cuts the file, or makes it longer, to this size. */
void test_file_resize(const struct test_directory *directory, const char *name, uint64_t size);

void test_file_remove(const struct test_directory *directory, const char *name);

/* Removes every file whose name ends like this. */
void test_file_remove_all(const struct test_directory *directory, const char *suffix);

/* Copies every file into the other directory, over what has its name there: of a store that is
 * open, what kill -9 would leave behind. */
void test_file_copy_all(const struct test_directory *from, const struct test_directory *to);

#endif
