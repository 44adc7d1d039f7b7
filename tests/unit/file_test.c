/* file_test.c - file_posix.c against a real directory. */
#include "engine/file.h"

#include "base/check.h"
#include "base/log.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct test_directory directory;
static struct file_system *fs;

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

static struct file *create(const char *name)
{
    struct file *file;
    ck_assert_int_eq(fs_open(fs, name, FILE_MODE_CREATE, &file), STATUS_OK);
    return file;
}

static void write_text(struct file *file, uint64_t offset, const char *text)
{
    struct slice part = slice_of_string(text);
    ck_assert_int_eq(file_write(file, offset, &part, 1), STATUS_OK);
}

START_TEST(modes)
{
    struct file *file;
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_READ, &file), STATUS_NOT_FOUND);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_WRITE, &file), STATUS_NOT_FOUND);
    file_close(create("a"));
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_CREATE, &file), STATUS_EXISTS);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_READ, &file), STATUS_OK);
    struct slice part = SLICE_LITERAL("x");
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(file_write(file, 0, &part, 1), STATUS_IO);
    file_close(file);
}
END_TEST

/* More parts than one system call takes, empty ones among them, read back in one piece. */
START_TEST(many_parts)
{
    enum { COUNT = 1000, PART = 700 };
    char *data = malloc(COUNT * PART);
    for (size_t i = 0; i < COUNT * PART; i++) {
        data[i] = (char)(i * 31 + i / 251);
    }
    struct slice parts[COUNT];
    size_t used = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 3 == 0 ? 0 : i % PART;
        parts[i] = slice_make(size == 0 ? NULL : data + used, size);
        used += size;
    }
    struct file *file = create("a");
    ck_assert_int_eq(file_write(file, 5, parts, COUNT), STATUS_OK);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, used + 5);
    char *back = malloc(used + 100);
    size_t read_size;
    ck_assert_int_eq(file_read(file, 5, back, used + 100, &read_size), STATUS_OK);
    ck_assert_uint_eq(read_size, used);
    ck_assert_mem_eq(back, data, used);
    ck_assert_int_eq(file_read(file, used + 5, back, 1, &read_size), STATUS_OK);
    ck_assert_uint_eq(read_size, 0);
    ck_assert_int_eq(file_write(file, 0, NULL, 0), STATUS_OK);
    file_close(file);
    free(back);
    free(data);
}
END_TEST

START_TEST(reserve_and_truncate)
{
    struct file *file = create("a");
    write_text(file, 0, "data");
    ck_assert_int_eq(file_reserve(file, 100000), STATUS_OK);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 100000);
    ck_assert_int_eq(file_reserve(file, 10), STATUS_OK);
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 100000);
    char bytes[6];
    size_t read_size;
    ck_assert_int_eq(file_read(file, 0, bytes, 6, &read_size), STATUS_OK);
    ck_assert_mem_eq(bytes, "data\0\0", 6);
    ck_assert_int_eq(file_truncate(file, 2), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, bytes, 6, &read_size), STATUS_OK);
    ck_assert_uint_eq(read_size, 2);
    file_close(file);
}
END_TEST

/* That it was must show: it would be as long as before, with nothing in it. */
START_TEST(what_somebody_has_cut_is_not_made_longer)
{
    struct file *file = create("a");
    char path[PATH_MAX];
    uint64_t size;
    (void)snprintf(path, sizeof(path), "%s/a", directory.path);
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(file_reserve(file, 100000), STATUS_OK);
    ck_assert_int_eq(file_truncate(file, 50000), STATUS_OK);
    ck_assert_int_eq(file_verify_place(file, 50000), STATUS_OK);
    ck_assert_int_eq(file_reserve(file, 100000), STATUS_OK);
    ck_assert_int_eq(truncate(path, 99999), 0);
    ck_assert_int_eq(file_verify_place(file, 100000), STATUS_CORRUPT);
    ck_assert_int_eq(file_reserve(file, 200000), STATUS_IO);
    ck_assert_int_eq(file_truncate(file, 100000), STATUS_IO);
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 99999);
    file_close(file);
}
END_TEST

START_TEST(failed_reserve_changes_nothing)
{
    struct file *file = create("a");
    write_text(file, 0, "data");
    log_set_level(LOG_NOTHING_LEVEL);
    uint64_t free_bytes;
    ck_assert_int_eq(fs_free_space(fs, &free_bytes), STATUS_OK);
    ck_assert_uint_gt(free_bytes, 0);
    ck_assert_int_ne(file_reserve(file, (uint64_t)1 << 60), STATUS_OK);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 4);
    file_close(file);
}
END_TEST

/* The mapping reaches beyond the file, and shows what is written later. */
START_TEST(mapping_shows_writes)
{
    struct file *file = create("a");
    const uint8_t *bytes;
    ck_assert_int_eq(file_map(file, 1 << 20, &bytes), STATUS_OK);
    write_text(file, 0, "first");
    ck_assert_mem_eq(bytes, "first", 5);
    ck_assert_int_eq(file_reserve(file, 100000), STATUS_OK);
    write_text(file, 99000, "second");
    ck_assert_mem_eq(bytes + 99000, "second", 6);
    file_drop_cache(file, 0, 100000);
    file_read_ahead(file, 0, 100000);
    ck_assert_mem_eq(bytes, "first", 5);
    file_unmap(file, bytes, 1 << 20);
    ck_assert_int_eq(file_sync(file), STATUS_OK);
    file_close(file);
}
END_TEST

START_TEST(what_was_written_is_in_memory)
{
    struct file *file = create("a");
    const uint8_t *bytes;
    uint8_t pages[3] = {7, 7, 7};
    write_text(file, (uint64_t)2 * FILE_PAGE_SIZE, "text");
    ck_assert_int_eq(file_map(file, 1 << 20, &bytes), STATUS_OK);
    file_find_cached(file, bytes + FILE_PAGE_SIZE, FILE_PAGE_SIZE + 1, pages);
    ck_assert_uint_le(pages[0], 1); /* a hole, of which anything may be said */
    ck_assert_uint_eq(pages[1], 1);
    ck_assert_uint_eq(pages[2], 7);
    file_unmap(file, bytes, 1 << 20);
    file_close(file);
}
END_TEST

#define NAMES_SIZE 100

static void collect(void *context, const char *name)
{
    char *all = context;
    size_t used = strlen(all);
    (void)snprintf(all + used, NAMES_SIZE - used, "%s ", name);
}

/* From a mapping whose file has become shorter, which is how a disk fails that can't deliver. */
START_TEST(what_is_written_may_be_lost)
{
    struct file *source = create("source");
    struct file *file = create("a");
    const uint8_t *mapping;
    ck_assert_int_eq(file_reserve(source, 2 * (uint64_t)FILE_PAGE_SIZE), STATUS_OK);
    ck_assert_int_eq(file_map(source, 2 * (uint64_t)FILE_PAGE_SIZE, &mapping), STATUS_OK);
    ck_assert_int_eq(file_truncate(source, FILE_PAGE_SIZE), STATUS_OK);
    const struct slice parts[] = {SLICE_LITERAL("head"),
                                  slice_make(mapping, 2 * (size_t)FILE_PAGE_SIZE)};
    ck_assert_int_eq(file_write(file, 0, &parts[1], 1), STATUS_SOURCE_LOST);
    ck_assert_int_eq(file_write(file, 0, parts, 2), STATUS_SOURCE_LOST);
    write_text(file, 0, "the file itself can be written on");
    file_unmap(source, mapping, 2 * (uint64_t)FILE_PAGE_SIZE);
    file_close(source);
    file_close(file);
}
END_TEST

START_TEST(names)
{
    struct file *file = create("a");
    write_text(file, 0, "of a");
    file_close(file);
    file_close(create("b"));
    char path[TEST_DIRECTORY_PATH_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/sub", directory.path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    char all[NAMES_SIZE] = "";
    ck_assert_int_eq(fs_list(fs, collect, all), STATUS_OK);
    ck_assert_msg(strcmp(all, "a b ") == 0 || strcmp(all, "b a ") == 0, "listed: %s", all);

    ck_assert_int_eq(fs_rename(fs, "a", "b"), STATUS_OK);
    ck_assert_int_eq(fs_rename(fs, "a", "b"), STATUS_NOT_FOUND);
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(fs_rename(fs, "b", "sub"), STATUS_REFUSED); /* which is a directory */
    ck_assert(fs_rename_is_undone(STATUS_REFUSED));
    ck_assert_int_eq(fs_sync_directory(fs), STATUS_OK);
    char linked[TEST_DIRECTORY_PATH_SIZE + 16];
    uint64_t links;
    (void)snprintf(path, sizeof(path), "%s/b", directory.path);
    (void)snprintf(linked, sizeof(linked), "%s/sub/b", directory.path);
    for (uint64_t count = 1; count <= 2; count++) {
        ck_assert_int_eq(fs_open(fs, "b", FILE_MODE_READ, &file), STATUS_OK);
        ck_assert_int_eq(file_link_count(file, &links), STATUS_OK);
        ck_assert_uint_eq(links, count);
        file_close(file);
        ck_assert_int_eq(count == 1 ? link(path, linked) : unlink(linked), 0);
    }
    char bytes[8];
    size_t read_size;
    ck_assert_int_eq(fs_open(fs, "b", FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, bytes, 8, &read_size), STATUS_OK);
    ck_assert_mem_eq(bytes, "of a", 4);
    file_close(file);
    ck_assert_int_eq(fs_remove(fs, "b"), STATUS_OK);
    ck_assert_int_eq(fs_remove(fs, "b"), STATUS_NOT_FOUND);
    all[0] = '\0';
    ck_assert_int_eq(fs_list(fs, collect, all), STATUS_OK);
    ck_assert_str_eq(all, "");
}
END_TEST

enum special { NAMED_PIPE, DIRECTORY, SOCKET, SPECIAL_COUNT };

/* Gives the name to something else than a regular file. A pipe has both ends open: so opening it
 * would succeed. */
static void make_special(enum special kind, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[sizeof(address.sun_path)];
    int length = snprintf(path, sizeof(path), "%s/%s", directory.path, name);
    ck_assert_int_lt(length, (int)sizeof(path));
    if (kind == DIRECTORY) {
        ck_assert_int_eq(mkdir(path, 0700), 0);
    } else if (kind == NAMED_PIPE) {
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_int_ge(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), 0);
    } else {
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memcpy(address.sun_path, path, (size_t)length + 1);
        ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    }
}

START_TEST(only_regular_files_are_opened)
{
    struct file *file;
    make_special((enum special)_i, "a");
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_READ, &file), STATUS_NOT_A_FILE);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_WRITE, &file), STATUS_NOT_A_FILE);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_CREATE, &file), STATUS_EXISTS);
    ck_assert_int_eq(fs_remove(fs, "a"), _i == DIRECTORY ? STATUS_NOT_A_FILE : STATUS_OK);
}
END_TEST

START_TEST(only_a_regular_file_is_locked)
{
    char holder[128] = "";
    struct file_system *reader;
    make_special((enum special)_i, "LOCK");
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(fs_lock(fs, "LOCK", holder, sizeof(holder)), STATUS_NOT_A_FILE);
    ck_assert_int_eq(file_posix_open_directory_read_only(directory.path, &reader, NULL), STATUS_OK);
    ck_assert_int_eq(fs_lock(reader, "LOCK", holder, sizeof(holder)), STATUS_NOT_A_FILE);
    fs_close(reader);
}
END_TEST

static char logged[1000];

static void keep_line(enum log_level level, const char *text)
{
    (void)level;
    (void)snprintf(logged, sizeof(logged), "%s", text);
}

START_TEST(the_log_says_what_has_the_name)
{
    static const char *const kinds[] = {"'a': it is a named pipe", "'a': it is a directory",
                                        "'a': it is a socket"};
    struct file *file;
    make_special((enum special)_i, "a");
    log_set_sink(keep_line);
    ck_assert_int_eq(fs_open(fs, "a", FILE_MODE_WRITE, &file), STATUS_NOT_A_FILE);
    ck_assert_msg(strstr(logged, kinds[_i]) != NULL, "%s", logged);
    ck_assert_msg(strstr(logged, "move it out of the directory") != NULL, "%s", logged);
}
END_TEST

START_TEST(names_within_a_directory)
{
    char path[TEST_DIRECTORY_PATH_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/name", directory.path);
    ck_assert_str_eq(file_posix_name_within(fs, path), "name");
    (void)snprintf(path, sizeof(path), "%s/missing/name", directory.path);
    ck_assert_ptr_null(file_posix_name_within(fs, path));
    ck_assert_ptr_null(file_posix_name_within(fs, directory.path));
    ck_assert_ptr_null(file_posix_name_within(fs, "/name"));
    ck_assert_ptr_null(file_posix_name_within(fs, "name"));
    ck_assert_int_eq(chdir(directory.path), 0);
    ck_assert_str_eq(file_posix_name_within(fs, "name"), "name");
    ck_assert_str_eq(file_posix_name_within(fs, "./name"), "name");
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(directories)
{
    char path[TEST_DIRECTORY_PATH_SIZE + 32];
    struct file_system *other;
    struct error error = {.text = ""};
    (void)snprintf(path, sizeof(path), "%s/new", directory.path);
    ck_assert_int_eq(file_posix_open_directory(path, &other, &error), STATUS_OK);
    fs_close(other);
    (void)snprintf(path, sizeof(path), "%s/missing/new", directory.path);
    ck_assert_int_eq(file_posix_open_directory(path, &other, &error), STATUS_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    file_close(create("file"));
    (void)snprintf(path, sizeof(path), "%s/file", directory.path);
    ck_assert_int_eq(file_posix_open_directory(path, &other, &error), STATUS_IO);
    ck_assert_ptr_nonnull(strstr(error.text, path));
}
END_TEST

/* A limit on file sizes gives a short write first, then the error. */
START_TEST(short_writes_end_in_an_error)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct file *file = create("a");
    char data[700] = {0};
    struct slice parts[] = {slice_make(data, 700), slice_make(data, 700)};
    log_set_level(LOG_NOTHING_LEVEL);
    ck_assert_int_eq(file_write(file, 0, parts, 2), STATUS_DISK_FULL);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), STATUS_OK);
    ck_assert_uint_eq(size, 1000);
    file_close(file);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("file");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, modes);
    tcase_add_test(tests, many_parts);
    tcase_add_test(tests, reserve_and_truncate);
    tcase_add_test(tests, what_somebody_has_cut_is_not_made_longer);
    tcase_add_test(tests, failed_reserve_changes_nothing);
    tcase_add_test(tests, mapping_shows_writes);
    tcase_add_test(tests, what_was_written_is_in_memory);
    tcase_add_test(tests, what_is_written_may_be_lost);
    tcase_add_test(tests, names);
    tcase_add_loop_test(tests, only_regular_files_are_opened, 0, SPECIAL_COUNT);
    tcase_add_loop_test(tests, only_a_regular_file_is_locked, 0, SPECIAL_COUNT);
    tcase_add_loop_test(tests, the_log_says_what_has_the_name, 0, SPECIAL_COUNT);
    tcase_add_test(tests, names_within_a_directory);
    tcase_add_test(tests, directories);
    tcase_add_test(tests, short_writes_end_in_an_error);
    return test_run("file", tests);
}
