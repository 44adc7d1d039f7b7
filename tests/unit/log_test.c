/* log_test.c - levels, the form of a line, long lines, and switching files. */
#include "base/log.h"

#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_directory directory;
static char path[TEST_DIRECTORY_PATH_SIZE + 8];
static char text[1 << 20];

static void set_up(void)
{
    test_directory_create(&directory);
    (void)snprintf(path, sizeof(path), "%s/log", directory.path);
    ck_assert_int_eq(log_open(path, NULL), STATUS_OK);
    log_set_level(LOG_NOTICE_LEVEL);
}

static void tear_down(void)
{
    ck_assert_int_eq(log_open("", NULL), STATUS_OK);
    test_directory_destroy(&directory);
}

/* What stands in the file, with a NUL behind it, in `text`. */
static size_t read_log(void)
{
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    return size;
}

/* As logrotate does, and as Redis takes it: no signal, no copying. */
START_TEST(a_file_that_is_moved_away_is_made_anew)
{
    char moved[sizeof(path) + 8];
    (void)snprintf(moved, sizeof(moved), "%s.1", path);
    LOG_NOTICE("before");
    ck_assert_int_eq(rename(path, moved), 0);
    LOG_NOTICE("behind");
    (void)read_log();
    ck_assert_ptr_null(strstr(text, "before"));
    ck_assert_ptr_nonnull(strstr(text, "behind"));
    ck_assert_int_eq(unlink(path), 0);
    LOG_NOTICE("again");
    (void)read_log();
    ck_assert_ptr_null(strstr(text, "behind"));
    ck_assert_ptr_nonnull(strstr(text, "again"));
}
END_TEST

/* Then the lines go where they went. */
START_TEST(a_file_that_cannot_be_made_anew_stays)
{
    char moved[sizeof(path) + 8];
    (void)snprintf(moved, sizeof(moved), "%s.1", path);
    ck_assert_int_eq(rename(path, moved), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    LOG_NOTICE("kept");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rename(moved, path), 0);
    (void)read_log();
    ck_assert_ptr_nonnull(strstr(text, "kept"));
}
END_TEST

START_TEST(a_line)
{
    LOG_WARNING("disk %s is %d%% full", "sda", 97);
    (void)read_log();
    int process = 0;
    char month[4];
    int parts[6];
    int used = 0;
    ck_assert_int_eq(sscanf(text, "%d:M %2d %3s %4d %2d:%2d:%2d.%3d # %n", &process, &parts[0],
                            month, &parts[1], &parts[2], &parts[3], &parts[4], &parts[5], &used),
                     8);
    ck_assert_int_eq(process, getpid());
    ck_assert_str_eq(text + used, "disk sda is 97% full\n");
}
END_TEST

START_TEST(levels)
{
    LOG_DEBUG("one");
    LOG_VERBOSE("two");
    LOG_NOTICE("three");
    log_set_level(LOG_DEBUG_LEVEL);
    LOG_DEBUG("four");
    LOG_VERBOSE("five");
    log_set_level(LOG_NOTHING_LEVEL);
    LOG_WARNING("six");
    log_write(LOG_NOTHING_LEVEL, "seven");
    (void)read_log();
    ck_assert_ptr_null(strstr(text, "one"));
    ck_assert_ptr_null(strstr(text, "two"));
    ck_assert_ptr_nonnull(strstr(text, " * three\n"));
    ck_assert_ptr_nonnull(strstr(text, " . four\n"));
    ck_assert_ptr_nonnull(strstr(text, " - five\n"));
    ck_assert_ptr_null(strstr(text, "six"));
    ck_assert_ptr_null(strstr(text, "seven"));
}
END_TEST

START_TEST(long_lines_are_cut)
{
    static char lengthy[10000];
    memset(lengthy, 'x', sizeof(lengthy) - 1);
    LOG_WARNING("%s", lengthy);
    LOG_WARNING("next");
    size_t size = read_log();
    ck_assert_uint_lt(size, 4000);
    ck_assert_uint_gt(size, 1000);
    char *end = strchr(text, '\n');
    ck_assert_ptr_nonnull(end);
    ck_assert_int_eq(end[-1], 'x');
    ck_assert_ptr_nonnull(strstr(end, " # next\n"));
}
END_TEST

START_TEST(a_file_that_cannot_be_opened)
{
    struct error error;
    ck_assert_int_eq(log_open("/nowhere/at/all", &error), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/at/all"));
    LOG_WARNING("still here");
    (void)read_log();
    ck_assert_ptr_nonnull(strstr(text, "still here"));
}
END_TEST

START_TEST(reopening_appends)
{
    LOG_WARNING("first");
    ck_assert_int_eq(log_open(path, NULL), STATUS_OK);
    LOG_WARNING("second");
    (void)read_log();
    ck_assert_ptr_nonnull(strstr(text, "first\n"));
    ck_assert_ptr_nonnull(strstr(text, "second\n"));
}
END_TEST

#define THREADS          4
#define LINES_PER_THREAD 500

static void *write_lines(void *context)
{
    for (int i = 0; i < LINES_PER_THREAD; i++) {
        LOG_WARNING("thread %d says aaaaaaaaaaaaaaaaaaaa%d.", *(int *)context, i);
    }
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    (void)read_log();
    int lines = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); *line != '\0'; line = strsep(&rest, "\n")) {
        char *message = strstr(line, " # thread ");
        ck_assert_ptr_nonnull(message);
        ck_assert_int_eq(line[strlen(line) - 1], '.');
        lines++;
    }
    ck_assert_int_eq(lines, THREADS * LINES_PER_THREAD);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, a_line);
    tcase_add_test(core, a_file_that_is_moved_away_is_made_anew);
    tcase_add_test(core, a_file_that_cannot_be_made_anew_stays);
    tcase_add_test(core, levels);
    tcase_add_test(core, long_lines_are_cut);
    tcase_add_test(core, a_file_that_cannot_be_opened);
    tcase_add_test(core, reopening_appends);
    tcase_add_test(core, lines_of_threads_do_not_mix);
    return test_run("log", core);
}
