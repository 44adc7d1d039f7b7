/* file_lock_test.c - file_posix_lock.c against a real directory: who has the lock has it whatever
 * becomes of the lock file. */
#include "engine/file.h"

#include "base/log.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_directory directory;
static struct file_system *fs;

int __wrap_flock(int descriptor, int operation);
int __real_flock(int descriptor, int operation);

static void (*on_unlocked)(void); /* after each call that unlocks; NULL: nothing */

int __wrap_flock(int descriptor, int operation)
{
    int result = __real_flock(descriptor, operation);
    if (operation == (LOCK_UN | LOCK_NB) && on_unlocked != NULL) {
        on_unlocked();
    }
    return result;
}

static void set_up(void)
{
    test_directory_create(&directory);
    struct error error;
    ck_assert_int_eq(file_posix_open_directory(directory.path, &fs, &error), STATUS_OK);
}

static void tear_down(void)
{
    fs_close(fs);
    test_directory_destroy(&directory);
}

START_TEST(the_second_is_told_who_holds_the_lock)
{
    char holder[128] = "";
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    struct file_system *second;
    ck_assert_int_eq(file_posix_open_directory(directory.path, &second, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "pid %ld on host ", (long)getpid());
    ck_assert_mem_eq(holder, expected, strlen(expected));
    fs_close(second);
}
END_TEST

static unsigned unlocked;

/* Who finds the directory free then looks at the file. */
static void expect_no_half_lock(void)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/LOCK", directory.path);
    int opened = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(opened, 0);
    ck_assert_int_ge(file, 0);
    unlocked++;
    ck_assert(flock(opened, LOCK_EX | LOCK_NB) != 0 || flock(file, LOCK_EX | LOCK_NB) == 0);
    ck_assert_int_eq(close(opened), 0);
    ck_assert_int_eq(close(file), 0);
}

/* Whoever has come to the directory's lock has that of the file as well. */
START_TEST(the_locks_are_given_up_together)
{
    char holder[128] = "";
    struct file_system *second;
    ck_assert_int_eq(file_posix_open_directory(directory.path, &second, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_OK);
    on_unlocked = expect_no_half_lock;
    fs_close(second);
    on_unlocked = NULL;
    ck_assert_uint_gt(unlocked, 0);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
}
END_TEST

START_TEST(the_lock_ends_with_the_process)
{
    pid_t child = fork();
    if (child == 0) {
        struct file_system *own;
        char holder[128];
        if (file_posix_open_directory(directory.path, &own, NULL) != STATUS_OK ||
            fs_lock(own, "LOCK", holder, sizeof(holder)) != STATUS_OK) {
            _exit(1);
        }
        _exit(0); /* without closing anything */
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_int_eq(result, 0);
    char holder[128];
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
}
END_TEST

enum lock_file_change { REMOVED, REPLACED, LOCK_FILE_CHANGE_COUNT };

static void change_lock_file(enum lock_file_change change)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/LOCK", directory.path);
    ck_assert_int_eq(unlink(path), 0);
    if (change == REPLACED) {
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(file, 0);
        ck_assert_int_eq(write(file, "pid 7 on host old\n", 18), 18);
        ck_assert_int_eq(close(file), 0);
    }
}

/* The directory is locked, too. */
START_TEST(who_has_no_lock_file_any_more_has_the_lock)
{
    char holder[128] = "";
    struct file_system *second;
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    change_lock_file((enum lock_file_change)_i);
    ck_assert_int_eq(file_posix_open_directory(directory.path, &second, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    ck_assert_str_eq(holder, _i == REPLACED
                                 ? "pid 7 on host old"
                                 : "another process ('fuser -v' on the directory tells which)");
    fs_close(second);
    ck_assert_int_eq(file_posix_open_directory_read_only(directory.path, &second, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    fs_close(second);
}
END_TEST

/* As one of another machine, or of a version that locks nothing else, would. */
static int lock_the_file(int operation)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/LOCK", directory.path);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    int result = flock(file, operation | LOCK_NB);
    if (result != 0) {
        ck_assert_int_eq(errno, EWOULDBLOCK);
        ck_assert_int_eq(close(file), 0);
        return -1;
    }
    return file;
}

START_TEST(a_lock_file_that_has_gone_is_made_again)
{
    char holder[128] = "";
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    change_lock_file((enum lock_file_change)_i);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    ck_assert_int_eq(lock_the_file(LOCK_SH), -1);
    struct file_system *second;
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "pid %ld on host ", (long)getpid());
    ck_assert_int_eq(file_posix_open_directory(directory.path, &second, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    ck_assert_mem_eq(holder, expected, strlen(expected));
    fs_close(second);
}
END_TEST

START_TEST(a_lock_file_that_another_has_locked_meanwhile_is_his)
{
    char holder[128] = "";
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
    change_lock_file((enum lock_file_change)_i);
    int others = lock_the_file(LOCK_EX);
    ck_assert_int_ge(others, 0);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    ck_assert_int_eq(close(others), 0);
}
END_TEST

/* One that was refused leaves nothing locked while it is still open. */
START_TEST(who_is_refused_keeps_nobody_out)
{
    char holder[128] = "";
    struct file_system *second;
    struct file_system *reader;
    int others = lock_the_file(LOCK_EX);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    ck_assert_int_eq(close(others), 0);
    ck_assert_int_eq(file_posix_open_directory_read_only(directory.path, &reader, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(reader, "LOCK", holder, sizeof(holder)), STATUS_OK);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    ck_assert_str_eq(holder, "a process that reads it (read-only yes)");
    fs_close(reader);
    ck_assert_int_eq(file_posix_open_directory(directory.path, &second, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(second, "LOCK", holder, sizeof(holder)), STATUS_OK);
    fs_close(second);
}
END_TEST

/* A copy, a backup: nobody has written there. */
START_TEST(a_reader_without_a_lock_file_keeps_writers_out)
{
    char holder[128] = "";
    struct file_system *reader;
    ck_assert_int_eq(file_posix_open_directory_read_only(directory.path, &reader, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(reader, "LOCK", holder, sizeof(holder)), STATUS_OK);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_LOCKED);
    ck_assert_str_eq(holder, "a process that reads it (read-only yes)");
    fs_close(reader);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("file_lock");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_second_is_told_who_holds_the_lock);
    tcase_add_test(tests, the_locks_are_given_up_together);
    tcase_add_test(tests, the_lock_ends_with_the_process);
    tcase_add_loop_test(tests, who_has_no_lock_file_any_more_has_the_lock, 0,
                        LOCK_FILE_CHANGE_COUNT);
    tcase_add_loop_test(tests, a_lock_file_that_has_gone_is_made_again, 0, LOCK_FILE_CHANGE_COUNT);
    tcase_add_loop_test(tests, a_lock_file_that_another_has_locked_meanwhile_is_his, 0,
                        LOCK_FILE_CHANGE_COUNT);
    tcase_add_test(tests, who_is_refused_keeps_nobody_out);
    tcase_add_test(tests, a_reader_without_a_lock_file_keeps_writers_out);
    return test_run("file_lock", tests);
}
