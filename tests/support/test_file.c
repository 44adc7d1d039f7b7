/* test_file.c - see test_file.h. */
#include "support/test_file.h"

#include "base/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *test_file_path(const struct test_directory *directory, const char *name, char *path)
{
    int length = snprintf(path, TEST_FILE_PATH_SIZE, "%s/%s", directory->path, name);
    CHECK(length > 0 && length < TEST_FILE_PATH_SIZE);
    return path;
}

bool test_file_exists(const struct test_directory *directory, const char *name)
{
    char path[TEST_FILE_PATH_SIZE];
    struct stat about;
    return stat(test_file_path(directory, name, path), &about) == 0;
}

static int open_file(const struct test_directory *directory, const char *name, int flags)
{
    char path[TEST_FILE_PATH_SIZE];
    int descriptor = open(test_file_path(directory, name, path), flags | O_CLOEXEC, 0600);
    CHECK(descriptor >= 0);
    return descriptor;
}

static void write_and_close(int descriptor, uint64_t offset, const void *bytes, size_t size)
{
    CHECK(pwrite(descriptor, bytes, size, (off_t)offset) == (ssize_t)size);
    CHECK(close(descriptor) == 0);
}

void test_file_create(const struct test_directory *directory, const char *name, const char *text)
{
    int descriptor = open_file(directory, name, O_WRONLY | O_CREAT | O_EXCL);
    write_and_close(descriptor, 0, text, strlen(text));
}

uint8_t *test_file_read(const struct test_directory *directory, const char *name, size_t *size)
{
    struct stat about;
    int descriptor = open_file(directory, name, O_RDONLY);
    CHECK(fstat(descriptor, &about) == 0);
    *size = (size_t)about.st_size;
    uint8_t *bytes = malloc(*size + 1);
    CHECK(bytes != NULL);
    CHECK(pread(descriptor, bytes, *size, 0) == (ssize_t)*size);
    CHECK(close(descriptor) == 0);
    return bytes;
}

void test_file_write(const struct test_directory *directory, const char *name, uint64_t offset,
                     const void *bytes, size_t size)
{
    write_and_close(open_file(directory, name, O_WRONLY), offset, bytes, size);
}

void test_file_resize(const struct test_directory *directory, const char *name, uint64_t size)
{
    char path[TEST_FILE_PATH_SIZE];
    CHECK(truncate(test_file_path(directory, name, path), (off_t)size) == 0);
}

void test_file_remove(const struct test_directory *directory, const char *name)
{
    char path[TEST_FILE_PATH_SIZE];
    CHECK(unlink(test_file_path(directory, name, path)) == 0);
}

static DIR *open_listing(const struct test_directory *directory)
{
    DIR *listing = opendir(directory->path);
    CHECK(listing != NULL);
    return listing;
}

void test_file_remove_all(const struct test_directory *directory, const char *suffix)
{
    size_t suffix_size = strlen(suffix);
    DIR *listing = open_listing(directory);
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (size > suffix_size && strcmp(entry->d_name + size - suffix_size, suffix) == 0) {
            test_file_remove(directory, entry->d_name);
        }
    }
    CHECK(closedir(listing) == 0);
}

static void copy(const struct test_directory *from, const struct test_directory *to,
                 const char *name)
{
    size_t size;
    uint8_t *bytes = test_file_read(from, name, &size);
    write_and_close(open_file(to, name, O_WRONLY | O_CREAT | O_TRUNC), 0, bytes, size);
    free(bytes);
}

void test_file_copy_all(const struct test_directory *from, const struct test_directory *to)
{
    DIR *listing = open_listing(from);
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        if (entry->d_name[0] != '.') {
            copy(from, to, entry->d_name);
        }
    }
    CHECK(closedir(listing) == 0);
}
