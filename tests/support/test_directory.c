/* test_directory.c - see test_directory.h. */
#include "support/test_directory.h"

#include "base/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

void test_directory_create(struct test_directory *directory)
{
    const char *base = getenv("TMPDIR");
    int length = snprintf(directory->path, sizeof(directory->path), "%s/scdb-test-XXXXXX",
                          base != NULL ? base : "/tmp");
    CHECK(length > 0 && (size_t)length < sizeof(directory->path));
    CHECK(mkdtemp(directory->path) != NULL);
}

static int on_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

void test_directory_destroy(struct test_directory *directory)
{
    CHECK(nftw(directory->path, on_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}
