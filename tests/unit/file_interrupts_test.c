/*
 * file_interrupts_test.c - the real disk (file_posix.c) when system calls are interrupted (EINTR),
 * do only a part, or fail half-way.
 *
 * The program is linked so that the calls named below reach the functions here first (Makefile).
 */
#include "engine/file.h"

#include "base/log.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUNDS         200
#define PART_COUNT_MAX 150 /* more than one call takes */
#define FILE_SIZE      100000

static struct test_random random_;
static unsigned one_in;     /* calls that are interrupted; 0 = none */
static unsigned interrupts; /* so far */
static unsigned shortened;
static int failing_errno;    /* 0 = none: what a write gives */
static size_t failing_after; /* bytes that are still written */
static int fallocate_errno;  /* 0 = it works: what it gives */
static int ftruncate_errno;  /* the same */
static unsigned fsyncs;      /* that were asked for */
static unsigned fsync_fails; /* the so-many-th of them with EIO; 0 = none */

static bool is_interrupted(void)
{
    if (one_in == 0 || !test_random_one_in(&random_, one_in)) {
        return false;
    }
    interrupts++;
    errno = EINTR;
    return true;
}

static size_t shorten(size_t size)
{
    if (one_in == 0 || size < 2 || !test_random_one_in(&random_, one_in)) {
        return size;
    }
    shortened++;
    return 1 + (size_t)test_random_below(&random_, size - 1);
}

int __wrap_openat(int directory, const char *path, int flags, mode_t mode);
int __real_openat(int directory, const char *path, int flags, mode_t mode);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t wanted, off_t offset);
ssize_t __real_pwrite(int descriptor, const void *bytes, size_t wanted, off_t offset);
ssize_t __wrap_pwritev(int descriptor, const struct iovec *vectors, int count, off_t offset);
ssize_t __real_pwritev(int descriptor, const struct iovec *vectors, int count, off_t offset);
ssize_t __wrap_pread(int descriptor, void *into, size_t size, off_t offset);
ssize_t __real_pread(int descriptor, void *into, size_t size, off_t offset);
int __wrap_fdatasync(int descriptor);
int __real_fdatasync(int descriptor);
int __wrap_fsync(int descriptor);
int __real_fsync(int descriptor);
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t size);
int __real_fallocate(int descriptor, int mode, off_t offset, off_t size);
int __wrap_ftruncate(int descriptor, off_t size);
int __real_ftruncate(int descriptor, off_t size);

int __wrap_openat(int directory, const char *path, int flags, mode_t mode)
{
    return is_interrupted() ? -1 : __real_openat(directory, path, flags, mode);
}

/* How much of `wanted` bytes is to be written; -1: nothing, errno says why. */
static ssize_t size_to_write(size_t wanted)
{
    if (is_interrupted()) {
        return -1;
    }
    if (failing_errno != 0 && failing_after == 0) {
        errno = failing_errno;
        return -1;
    }
    size_t size = shorten(wanted);
    if (failing_errno != 0) {
        size = size < failing_after ? size : failing_after;
        failing_after -= size;
    }
    return (ssize_t)size;
}

ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t wanted, off_t offset)
{
    ssize_t size = size_to_write(wanted);
    return size < 0 ? -1 : __real_pwrite(descriptor, bytes, (size_t)size, offset);
}

/* A part of the first vector only: the shortest of short writes. */
ssize_t __wrap_pwritev(int descriptor, const struct iovec *vectors, int count, off_t offset)
{
    ssize_t size = size_to_write(vectors[0].iov_len);
    if (size < 0) {
        return -1;
    }
    if ((size_t)size == vectors[0].iov_len && failing_errno == 0) {
        return __real_pwritev(descriptor, vectors, count, offset);
    }
    struct iovec first = {.iov_base = vectors[0].iov_base, .iov_len = (size_t)size};
    return __real_pwritev(descriptor, &first, 1, offset);
}

ssize_t __wrap_pread(int descriptor, void *into, size_t size, off_t offset)
{
    return is_interrupted() ? -1 : __real_pread(descriptor, into, shorten(size), offset);
}

int __wrap_fdatasync(int descriptor)
{
    return is_interrupted() ? -1 : __real_fdatasync(descriptor);
}

int __wrap_fsync(int descriptor)
{
    if (++fsyncs == fsync_fails) {
        errno = EIO;
        return -1;
    }
    return is_interrupted() ? -1 : __real_fsync(descriptor);
}

int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t size)
{
    if (fallocate_errno != 0) {
        errno = fallocate_errno;
        return -1;
    }
    return is_interrupted() ? -1 : __real_fallocate(descriptor, mode, offset, size);
}

int __wrap_ftruncate(int descriptor, off_t size)
{
    if (ftruncate_errno != 0) {
        errno = ftruncate_errno;
        return -1;
    }
    return is_interrupted() ? -1 : __real_ftruncate(descriptor, size);
}

/* --- tests ----------------------------------------------------------------------------------- */

static struct test_directory directory_;
static struct file_system *fs;
static struct file *file;

static void set_up(void)
{
    struct error error;
    log_set_level(LOG_NOTHING_LEVEL);
    test_random_init(&random_, test_seed("file_interrupts_test"));
    one_in = 0;
    failing_errno = 0;
    fallocate_errno = 0;
    ftruncate_errno = 0;
    fsync_fails = 0;
    test_directory_create(&directory_);
    ck_assert_int_eq(file_posix_open_directory(directory_.path, &fs, &error), STATUS_OK);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_CREATE, &file), STATUS_OK);
}

static void tear_down(void)
{
    one_in = 0;
    file_close(file);
    fs_close(fs);
    test_directory_destroy(&directory_);
}

/* Cuts [0, size) of the bytes into parts, some empty. */
static size_t cut(const char *bytes, size_t size, struct slice *parts)
{
    size_t count = 0;
    size_t done = 0;
    while (count < PART_COUNT_MAX - 1 && done < size) {
        size_t part = (size_t)test_random_below(&random_, 900);
        part = part < size - done ? part : size - done;
        part = test_random_one_in(&random_, 5) ? 0 : part;
        parts[count++] = slice_make(bytes + done, part);
        done += part;
    }
    parts[count++] = slice_make(bytes + done, size - done);
    return count;
}

START_TEST(interrupted_and_short_calls_are_continued)
{
    static char bytes[FILE_SIZE];
    static char expected[FILE_SIZE];
    static char back[FILE_SIZE];
    struct slice parts[PART_COUNT_MAX];
    one_in = 3;
    ck_assert_int_eq(file_reserve(file, FILE_SIZE), STATUS_OK);
    for (int round = 0; round < ROUNDS; round++) {
        size_t offset = (size_t)test_random_below(&random_, FILE_SIZE);
        size_t size = (size_t)test_random_below(&random_, FILE_SIZE - offset);
        test_random_fill(&random_, bytes, size);
        memcpy(expected + offset, bytes, size);
        ck_assert_int_eq(file_write(file, offset, parts, cut(bytes, size, parts)), STATUS_OK);
        ck_assert_int_eq(file_sync(file), STATUS_OK);
        size_t read_size;
        ck_assert_int_eq(file_read(file, 0, back, FILE_SIZE, &read_size), STATUS_OK);
        ck_assert_uint_eq(read_size, FILE_SIZE);
        ck_assert(memcmp(back, expected, FILE_SIZE) == 0);
    }
    ck_assert_int_eq(file_truncate(file, 10), STATUS_OK);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    struct file *again;
    uint64_t size;
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_READ, &again), STATUS_OK);
    ck_assert_int_eq(file_size(again, &size), STATUS_OK);
    file_close(again);
    ck_assert_uint_eq(size, 10);
    ck_assert_uint_gt(interrupts, ROUNDS / 4);
    ck_assert_uint_gt(shortened, ROUNDS / 4);
}
END_TEST

START_TEST(a_write_that_fails_half_way_says_why)
{
    static const struct {
        int number;
        enum status status;
    } cases[] = {{ENOSPC, STATUS_DISK_FULL}, {EDQUOT, STATUS_DISK_FULL}, {EIO, STATUS_IO}};
    struct slice parts[] = {SLICE_LITERAL("some bytes"), SLICE_LITERAL("and some more")};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        failing_errno = cases[i].number;
        failing_after = 12;
        ck_assert_int_eq(file_write(file, 0, parts, 2), cases[i].status);
        ck_assert_uint_eq(failing_after, 0);
    }
    failing_errno = 0;
    char back[23];
    size_t size;
    ck_assert_int_eq(file_write(file, 0, parts, 2), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, back, sizeof(back), &size), STATUS_OK);
    ck_assert_uint_eq(size, 23);
    ck_assert_mem_eq(back, "some bytesand some more", 23);
}
END_TEST

/* On a file system that can't reserve, with a quota or a limit of file sizes. */
START_TEST(a_file_that_could_not_be_made_longer_was_not_cut)
{
    uint64_t size;
    fallocate_errno = EOPNOTSUPP;
    ck_assert_int_eq(file_reserve(file, 1000), STATUS_OK);
    ftruncate_errno = EFBIG;
    ck_assert_int_eq(file_reserve(file, 3000), STATUS_DISK_FULL);
    ftruncate_errno = 0;
    ck_assert_int_eq(file_reserve(file, 2000), STATUS_OK);
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 2000);
}
END_TEST

/* Linux reports what it could not write once, and the next fsync() succeeds. */
START_TEST(a_directory_once_not_synced_never_is)
{
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    fsync_fails = fsyncs + 1;
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_IO);
    ck_assert(atomic_load(&fs->names_lost));
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_IO);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_IO);
    ck_assert_int_eq(file_sync(file), STATUS_OK); /* whose data were never in doubt */
    atomic_store(&fs->names_lost, false);
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
}
END_TEST

/* Who made the directory may have been killed before he could sync its parent. */
START_TEST(a_store_begins_in_a_directory_whose_name_is_durable)
{
    struct error error;
    struct file_system *again;
    struct file *manifest;
    unsigned before = fsyncs;
    ck_assert_int_eq(file_posix_open_directory(directory_.path, &again, &error), STATUS_OK);
    fs_close(again);
    ck_assert_uint_eq(fsyncs, before + 1);
    fsync_fails = fsyncs + 1;
    ck_assert_int_eq(file_posix_open_directory(directory_.path, &again, &error), STATUS_IO);
    before = fsyncs;
    ck_assert_int_eq(fs_open(fs, "MANIFEST", FILE_MODE_CREATE, &manifest), STATUS_OK);
    file_close(manifest);
    ck_assert_int_eq(file_posix_open_directory(directory_.path, &again, &error), STATUS_OK);
    fs_close(again);
    ck_assert_uint_eq(fsyncs, before);
}
END_TEST

/* Or else the next start would take its name for durable. */
START_TEST(a_directory_whose_name_may_not_last_is_not_left)
{
    char path[TEST_DIRECTORY_PATH_SIZE + 8];
    struct error error;
    struct file_system *made;
    (void)snprintf(path, sizeof(path), "%s/made", directory_.path);
    fsync_fails = fsyncs + 1;
    ck_assert_int_eq(file_posix_open_directory(path, &made, &error), STATUS_IO);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(file_posix_open_directory(path, &made, &error), STATUS_OK);
    fs_close(made);
    file_posix_remove_directory(path);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("file_interrupts");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, interrupted_and_short_calls_are_continued);
    tcase_add_test(tests, a_write_that_fails_half_way_says_why);
    tcase_add_test(tests, a_file_that_could_not_be_made_longer_was_not_cut);
    tcase_add_test(tests, a_directory_once_not_synced_never_is);
    tcase_add_test(tests, a_store_begins_in_a_directory_whose_name_is_durable);
    tcase_add_test(tests, a_directory_whose_name_may_not_last_is_not_left);
    return test_run("file_interrupts", tests);
}
