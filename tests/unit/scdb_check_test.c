/*
 * scdb_check_test.c - the parts of scdb-check that need no store: its command line, keys as text,
 * the table of newest records, the new directory. redis-tests/scdb_check_test.py runs the program.
 */
#include "check/arguments.h"
#include "check/commands.h"
#include "check/new_directory.h"
#include "check/report.h"
#include "engine/recovery_table.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PATH_SIZE (TEST_DIRECTORY_PATH_SIZE + 64)
#define WORDS_MAX 8

/* --- the command line --------------------------------------------------------------------- */

static struct check_arguments arguments;
static struct error error;

static enum status parse(const char *const *words)
{
    char copies[WORDS_MAX][32];
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    while (words[argc] != NULL) {
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
        argv[argc] = copies[argc];
        argc++;
    }
    return arguments_parse(check_commands, argc, argv, &arguments, &error);
}

#define PARSE(...) parse((const char *const[]){"scdb-check", __VA_ARGS__, NULL})

START_TEST(options_stand_anywhere_behind_the_command)
{
    ck_assert_int_eq(PARSE("repair", "--older", "a", "--quiet", "b"), STATUS_OK);
    ck_assert(arguments.older && arguments.is_quiet && !arguments.help);
    ck_assert_int_eq(PARSE("dump", "a", "--resp"), STATUS_OK);
    ck_assert_int_eq(arguments.dump.format, DUMP_RESP);
    ck_assert(!arguments.dump.with_strays);
    ck_assert_int_eq(PARSE("dump", "--resp", "--strays", "a"), STATUS_OK);
    ck_assert(arguments.dump.with_strays);
    ck_assert_int_eq(PARSE("dump", "a"), STATUS_OK);
    ck_assert_int_eq(arguments.dump.format, DUMP_TEXT);
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
    ck_assert_int_eq(PARSE("mend", "a"), STATUS_INVALID);
    ck_assert_str_eq(error.text, "unknown command 'mend'");
    ck_assert_int_eq(PARSE("stat", "a", "--older"), STATUS_INVALID);
    ck_assert_str_eq(error.text, "unknown option '--older'");
    ck_assert_int_eq(PARSE("repair", "a", "b", "--old"), STATUS_INVALID);
    ck_assert_str_eq(error.text, "unknown option '--old'");
    ck_assert_int_eq(PARSE("repair", "a"), STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(error.text, "DIR NEWDIR"));
    ck_assert_int_eq(PARSE("verify", "a", "b"), STATUS_INVALID);
    ck_assert_str_eq(error.text, "'b' is one argument too many");
}
END_TEST

START_TEST(help_needs_no_arguments)
{
    ck_assert_int_eq(PARSE("--help"), STATUS_OK);
    ck_assert(arguments.help && arguments.command == NULL);
    ck_assert_int_eq(PARSE("repair", "-h"), STATUS_OK);
    ck_assert(arguments.help && arguments.command != NULL);
}
END_TEST

START_TEST(the_version_needs_no_command)
{
    ck_assert_int_eq(PARSE("--version"), STATUS_OK);
    ck_assert(arguments.version && !arguments.help);
    ck_assert_int_eq(PARSE("-v", "verify"), STATUS_OK);
    ck_assert(arguments.version);
}
END_TEST

/* --- text --------------------------------------------------------------------------------- */

START_TEST(keys_are_shown_so_that_they_can_be_read)
{
    char text[REPORT_KEY_SIZE];
    ck_assert_str_eq(report_key(SLICE_LITERAL(""), text), "\"\"");
    ck_assert_str_eq(report_key(SLICE_LITERAL("a \"b\"\\"), text), "\"a \\\"b\\\"\\\\\"");
    ck_assert_str_eq(report_key(SLICE_LITERAL("\0\n\x7f\xff"), text), "\"\\x00\\x0a\\x7f\\xff\"");
}
END_TEST

START_TEST(long_keys_are_cut)
{
    char key[1000];
    char text[REPORT_KEY_SIZE];
    memset(key, 0xff, sizeof(key)); /* the longest there is as text */
    (void)report_key(slice_make(key, sizeof(key)), text);
    ck_assert_uint_lt(strlen(text), REPORT_KEY_SIZE);
    ck_assert_ptr_nonnull(strstr(text, "...\""));
}
END_TEST

/* --- newest records ----------------------------------------------------------------------- */

static struct recovery_entry entry_with(uint64_t sequence, uint64_t address, bool is_unreadable)
{
    return (struct recovery_entry){.hash = 1,
                                   .check = 2,
                                   .sequence = sequence,
                                   .address = address & 0xff,
                                   .is_unreadable = is_unreadable};
}

/* Of two records with one number, one of which is a copy, the readable one counts; whatever the
 * order in which they are found. */
START_TEST(a_readable_copy_counts)
{
    for (int i = 0; i < 2; i++) {
        struct recovery_table table;
        recovery_table_init(&table);
        struct recovery_entry readable = entry_with(5, 1, false);
        struct recovery_entry unreadable = entry_with(5, 2, true);
        ck_assert_int_eq(recovery_table_offer(&table, i == 0 ? &readable : &unreadable), STATUS_OK);
        ck_assert_int_eq(recovery_table_offer(&table, i == 0 ? &unreadable : &readable), STATUS_OK);
        const struct recovery_entry *found = recovery_table_find(&table, 1, 2);
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(found->address, 1);
        ck_assert_ptr_null(recovery_table_find(&table, 1, 3));
        recovery_table_deinit(&table);
    }
}
END_TEST

/* An older version is no copy: the key is lost, and not what it was before. */
START_TEST(an_older_version_does_not)
{
    struct recovery_table table;
    recovery_table_init(&table);
    struct recovery_entry older = entry_with(4, 1, false);
    struct recovery_entry unreadable = entry_with(5, 2, true);
    ck_assert_int_eq(recovery_table_offer(&table, &unreadable), STATUS_OK);
    ck_assert_int_eq(recovery_table_offer(&table, &older), STATUS_OK);
    ck_assert_uint_eq(recovery_table_find(&table, 1, 2)->address, 2);
    recovery_table_deinit(&table);
}
END_TEST

/* --- the new directory -------------------------------------------------------------------- */

static bool exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

START_TEST(appears_when_it_is_whole)
{
    struct test_directory home = {.path = ""};
    test_directory_create(&home);
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/new", home.path);
    struct new_directory directory;
    ck_assert_int_eq(new_directory_begin(&directory, path, &error), STATUS_OK);
    ck_assert(!exists(path));
    ck_assert(exists(directory.work_path));
    ck_assert_int_eq(new_directory_finish(&directory, &error), STATUS_OK);
    ck_assert(exists(path));
    ck_assert(!exists(directory.work_path));
    new_directory_end(&directory);
    test_directory_destroy(&home);
}
END_TEST

START_TEST(replaces_nothing)
{
    struct test_directory home = {.path = ""};
    test_directory_create(&home);
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/new", home.path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    struct new_directory directory;
    ck_assert_int_eq(new_directory_begin(&directory, home.path, &error), STATUS_EXISTS);
    ck_assert_int_eq(new_directory_begin(&directory, path, &error), STATUS_OK);
    new_directory_end(&directory);
    ck_assert_int_eq(new_directory_begin(&directory, path, &error), STATUS_EXISTS);
    ck_assert_ptr_nonnull(strstr(error.text, "new.incomplete"));
    test_directory_destroy(&home);
}
END_TEST

/* Without a descriptor the directory above can't be synced. */
START_TEST(a_name_that_may_not_last_is_told_from_none)
{
    struct test_directory home = {.path = ""};
    test_directory_create(&home);
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/new", home.path);
    struct new_directory directory;
    ck_assert_int_eq(new_directory_begin(&directory, path, &error), STATUS_OK);
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum status status = new_directory_finish(&directory, &error);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(status, STATUS_IO);
    ck_assert(exists(path));
    ck_assert_msg(strstr(error.text, "can't be synced") != NULL, "%s", error.text);
    ck_assert_msg(strstr(error.text, "renamed") == NULL, "%s", error.text);
    new_directory_end(&directory);
    test_directory_destroy(&home);
}
END_TEST

static void add_command_line(Suite *suite)
{
    TCase *tests = tcase_create("command line and text");
    tcase_add_test(tests, options_stand_anywhere_behind_the_command);
    tcase_add_test(tests, what_is_wrong_is_said);
    tcase_add_test(tests, help_needs_no_arguments);
    tcase_add_test(tests, the_version_needs_no_command);
    tcase_add_test(tests, keys_are_shown_so_that_they_can_be_read);
    tcase_add_test(tests, long_keys_are_cut);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    Suite *suite = suite_create("scdb-check");
    TCase *tests = tcase_create("records and directories");
    tcase_add_test(tests, a_readable_copy_counts);
    tcase_add_test(tests, an_older_version_does_not);
    tcase_add_test(tests, appears_when_it_is_whole);
    tcase_add_test(tests, replaces_nothing);
    tcase_add_test(tests, a_name_that_may_not_last_is_told_from_none);
    suite_add_tcase(suite, tests);
    add_command_line(suite);
    return test_run_suite(suite);
}
