/* config_file_test.c - configuration files, the command line, CONFIG REWRITE. */
#include "server/config.h"
#include "server/config_values.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config *config;
static struct error error;
static struct test_directory directory;
static char path[TEST_DIRECTORY_PATH_SIZE + 32];

static void set_up(void)
{
    test_directory_create(&directory);
    (void)snprintf(path, sizeof(path), "%s/test.conf", directory.path);
    ck_assert_int_eq(config_create(&config), STATUS_OK);
}

static void tear_down(void)
{
    config_destroy(config);
    test_directory_destroy(&directory);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert(fputs(text, file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
}

static const char *read_file(const char *name)
{
    static char text[8192];
    FILE *file = fopen(name, "re");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

static void expect_loads(const char *text)
{
    ck_assert_msg(config_load_text(config, "FILE", slice_of_string(text), &error) == STATUS_OK,
                  "%s", error.text);
}

static void expect_fails(const char *text, const char *expected)
{
    ck_assert_int_eq(config_load_text(config, "FILE", slice_of_string(text), &error),
                     STATUS_INVALID);
    ck_assert_msg(strstr(error.text, expected) != NULL, "'%s' does not contain '%s'", error.text,
                  expected);
}

static void expect_text(enum config_id id, const char *expected)
{
    struct slice text = config_text(config, id);
    ck_assert_msg(slice_equal(text, slice_of_string(expected)), "'%.*s' is not '%s'",
                  (int)text.size, text.data, expected);
    ck_assert_int_eq(text.data[text.size], '\0');
}

static void expect_shown(const char *name, const char *expected)
{
    struct buffer shown = {0};
    ck_assert_int_eq(config_format(config, config_find_directive(slice_of_string(name)), &shown),
                     STATUS_OK);
    ck_assert_msg(slice_equal(buffer_slice(&shown), slice_of_string(expected)), "%.*s",
                  (int)shown.size, shown.data);
    buffer_deinit(&shown);
}

/* --- lines ----------------------------------------------------------------------------------- */

START_TEST(words_are_split_and_unquoted)
{
    static const struct {
        const char *line;
        const char *words; /* separated by '|'; NULL: the quotes don't match */
    } rows[] = {
        {"", ""},
        {"  # comment", ""},
        {"a b\tc ", "a|b|c"},
        {"a \"b c\" 'd e'", "a|b c|d e"},
        {"a \"\"", "a|"},
        {"a \"\\x41\\n\\\"\\\\\"", "a|A\n\"\\"},
        {"a '\\'\\n'", "a|'\\n"},
        {"a b#c # d", "a|b#c|#|d"},
        {"a \"b", NULL},
        {"a \"b\"c", NULL},
        {"a 'b", NULL},
    };
    struct config_words words = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum status status = config_words_split(&words, slice_of_string(rows[i].line));
        ck_assert_msg((status == STATUS_OK) == (rows[i].words != NULL), "%s", rows[i].line);
        char joined[256] = "";
        for (size_t k = 0; k < words.count && status == STATUS_OK; k++) {
            size_t used = strlen(joined);
            (void)snprintf(joined + used, sizeof(joined) - used, "%s%.*s", k > 0 ? "|" : "",
                           (int)words.items[k].size, words.items[k].data);
        }
        ck_assert_msg(rows[i].words == NULL || strcmp(joined, rows[i].words) == 0, "%s: %s",
                      rows[i].line, joined);
    }
    config_words_deinit(&words);
}
END_TEST

/* As many as CONFIG REWRITE may have written for a user with many rules. */
START_TEST(a_line_may_have_many_words)
{
    static const char word[] = " ~key";
    struct buffer line = {0};
    ck_assert_int_eq(buffer_append(&line, "user app", 8), STATUS_OK);
    for (size_t i = 0; i < 5000; i++) {
        ck_assert_int_eq(buffer_append(&line, word, sizeof(word) - 1), STATUS_OK);
    }
    struct config_words words = {0};
    ck_assert_int_eq(config_words_split(&words, buffer_slice(&line)), STATUS_OK);
    ck_assert_uint_eq(words.count, 5002);
    ck_assert(slice_equal(words.items[5001], SLICE_LITERAL("~key")));
    config_words_deinit(&words);
    buffer_deinit(&line);
}
END_TEST

START_TEST(a_file_is_read)
{
    expect_loads("# mine\r\n\r\nPORT 7000\nbind  *   -::*\nrequirepass \"a b\"\n"
                 "save 900 1\nsave 300 10\nclient-output-buffer-limit normal 1mb 0 0\n"
                 "client-output-buffer-limit slave 1 1 1\nmaxmemory 100mb\nunixsocketperm 770");
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 7000);
    ck_assert_int_eq(config_number(config, CONFIG_UNIXSOCKETPERM), 0770);
    expect_text(CONFIG_BIND, "* -::*");
    expect_text(CONFIG_REQUIREPASS, "a b");
    expect_text(CONFIG_CLIENT_OUTPUT_BUFFER_LIMIT,
                "normal 1048576 0 0 slave 1 1 1 pubsub 33554432 8388608 60");
    expect_shown("save", "900 1 300 10");
}
END_TEST

/* As redis-server reads them. */
START_TEST(what_takes_several_arguments_takes_none)
{
    expect_loads("bind\nsave\n");
    expect_text(CONFIG_BIND, "");
    expect_shown("save", "");
    expect_loads("save 900 1\nsave \n");
    expect_shown("save", "900 1");
    expect_loads("save \"\"\n");
    expect_shown("save", "");
    expect_fails("save \"\" \"\"\n", "Invalid save parameters");
}
END_TEST

START_TEST(blanks_around_the_words_of_a_value_are_no_matter)
{
    expect_loads("save \" 3600\t1  300 100 \"\nshutdown-on-sigint   \"  now  force\"\n");
    expect_shown("save", "3600 1 300 100");
    expect_shown("shutdown-on-sigint", "now force");
}
END_TEST

START_TEST(there_is_no_tls)
{
    expect_loads("tls-port 0");
    expect_fails("tls-port 6380", "'tls-port 6380': scdb has no TLS");
    expect_fails("tls-port x", "couldn't be parsed into an integer");
}
END_TEST

START_TEST(errors_say_where_and_what_to_do)
{
    expect_fails("port 1\n\nnosuch 1", "FILE, line 3: 'nosuch 1': there is no such directive");
    expect_fails("port", "wrong number of arguments: its value is missing");
    expect_fails("port 1 2", "wrong number of arguments: it takes one");
    expect_fails("port x", "line 1: 'port x': argument couldn't be parsed into an integer");
    expect_fails("logfile \"x", "the quotes don't match");
    expect_fails("port 1\ninclude /no/such/file",
                 "FILE, line 2: 'include /no/such/file': can't open the configuration file "
                 "'/no/such/file': No such file or directory");
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 1);
    char text[sizeof(path) + 16];
    (void)snprintf(text, sizeof(text), "port 1\ninclude %s", directory.path);
    expect_fails(text, "FILE, line 2: 'include ");
    expect_fails(text, "Is a directory");
}
END_TEST

START_TEST(words_of_other_versions_are_passed_over)
{
    expect_loads("set-max-listpack-entries 128\nset-max-listpack-value 64\nlocale-collate \"\"\n"
                 "cluster-announce-human-nodename a\nlua-replicate-commands yes");
}
END_TEST

START_TEST(what_would_open_a_door_is_refused)
{
    expect_fails("loadmodule x.so", "no modules");
    expect_fails("replicaof 10.0.0.1 6379", "does not replicate");
    expect_fails("replicaof 10.0.0.1 65536", "'replicaof 10.0.0.1 65536': Invalid master port");
    expect_fails("replicaof 10.0.0.1 abc", "Invalid master port");
    expect_fails("replicaof 10.0.0.1", "wrong number of arguments");
    expect_fails("replicaof 10.0.0.1 1 2", "wrong number of arguments");
    expect_loads("replicaof no one");
}
END_TEST

START_TEST(renamings_are_kept_in_their_order)
{
    expect_fails("rename-command FLUSHALL", "line 1: 'rename-command FLUSHALL': wrong number");
    expect_fails("rename-command a b c", "wrong number");
    ck_assert_ptr_null(config_renamings(config));
    expect_loads("rename-command FLUSHALL \"\"\nrename-command config \"a b\"\n");
    const struct config_renaming *first = config_renamings(config);
    ck_assert_ptr_nonnull(strstr(first->place, "line 1"));
    ck_assert(slice_equal(first->from, SLICE_LITERAL("FLUSHALL")));
    ck_assert_uint_eq(first->to.size, 0);
    const struct config_renaming *second = first->next;
    ck_assert_ptr_nonnull(strstr(second->place, "line 2"));
    ck_assert(slice_equal(second->from, SLICE_LITERAL("config")));
    ck_assert(slice_equal(second->to, SLICE_LITERAL("a b")));
    ck_assert_ptr_null(second->next);
}
END_TEST

START_TEST(a_secret_does_not_stand_in_an_error)
{
    expect_fails("requirepass hush hush", "'requirepass': wrong number");
    ck_assert_ptr_null(strstr(error.text, "hush"));
    expect_fails("requirepass \"hush", "'requirepass': the quotes don't match");
    ck_assert_ptr_null(strstr(error.text, "hush"));
    expect_fails("user app on >hush \"", "'user': the quotes don't match");
    ck_assert_ptr_null(strstr(error.text, "hush"));
}
END_TEST

START_TEST(files_include_files)
{
    char text[512];
    char inner[sizeof(path) + 8];
    (void)snprintf(inner, sizeof(inner), "%s.inner", path);
    (void)snprintf(text, sizeof(text), "timeout 5\ninclude %s\nport 3", inner);
    write_file(inner, "timeout 7\nport 2\n");
    expect_loads(text);
    ck_assert_int_eq(config_number(config, CONFIG_TIMEOUT), 7);
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 3);
    (void)snprintf(text, sizeof(text), "include %s", inner);
    write_file(inner, text);
    expect_fails(text, "include each other");
}
END_TEST

/* --- the command line ------------------------------------------------------------------------ */

static enum config_start start(int argc, const char **argv)
{
    error.text[0] = '\0';
    return config_load_command_line(config, argc, (char **)(uintptr_t)argv, &error);
}

START_TEST(the_command_line_wins_over_the_file)
{
    write_file(path, "port 1\ntimeout 2\nsave 900 1\n");
    const char *argv[] = {"scdb-server",   path,       "--port", "7",   "--bind", "a", "b",
                          "--requirepass", "x y\"z\\", "--save", "1 1", "--save", "2", "2"};
    ck_assert_msg(start(14, argv) == CONFIG_START_RUN, "%s", error.text);
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 7);
    ck_assert_int_eq(config_number(config, CONFIG_TIMEOUT), 2);
    expect_text(CONFIG_BIND, "a b");
    expect_text(CONFIG_REQUIREPASS, "x y\"z\\");
    ck_assert_str_eq(config_file_path(config), path);
    struct buffer save = {0};
    ck_assert_int_eq(config_format(config, config_find_directive(SLICE_LITERAL("save")), &save),
                     STATUS_OK);
    ck_assert(slice_equal(buffer_slice(&save), SLICE_LITERAL("900 1 1 1 2 2")));
    buffer_deinit(&save);
}
END_TEST

START_TEST(a_value_may_have_dashes_or_share_its_word_with_the_name)
{
    write_file(path, "save 900 1\n");
    const char *dashes[] = {"scdb-server", "--requirepass", "--save", "--save", "--port", "7"};
    ck_assert_msg(start(6, dashes) == CONFIG_START_RUN, "%s", error.text);
    expect_text(CONFIG_REQUIREPASS, "--save");
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 7);
    const char *words[] = {"scdb-server", path,           "timeout", "3",
                           "--port 8",    "--bind 'a' b", "--save"};
    ck_assert_msg(start(7, words) == CONFIG_START_RUN, "%s", error.text);
    ck_assert_int_eq(config_number(config, CONFIG_TIMEOUT), 3);
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 8);
    expect_text(CONFIG_BIND, "a b");
    struct buffer save = {0};
    ck_assert_int_eq(config_format(config, config_find_directive(SLICE_LITERAL("save")), &save),
                     STATUS_OK);
    ck_assert_uint_eq(save.size, 0);
    buffer_deinit(&save);
    const char *dashed_twice[] = {"scdb-server", "--port", "--timeout", "5"};
    ck_assert_int_eq(start(4, dashed_twice), CONFIG_START_FAILED);
}
END_TEST

START_TEST(command_lines_that_are_wrong)
{
    const char *unknown[] = {"scdb-server", "--nosuch", "1"};
    ck_assert_int_eq(start(3, unknown), CONFIG_START_FAILED);
    ck_assert_ptr_nonnull(strstr(error.text, "the command line: 'nosuch \"1\"': there is no such"));
    const char *two[] = {"scdb-server", "--port", "1", "2"};
    ck_assert_int_eq(start(4, two), CONFIG_START_FAILED);
    ck_assert_ptr_nonnull(
        strstr(error.text, "the command line: 'port \"1\" \"2\"': wrong number of arguments"));
    const char *stray[] = {"scdb-server", path, "stray"};
    write_file(path, "");
    ck_assert_int_eq(start(3, stray), CONFIG_START_FAILED);
    ck_assert_ptr_nonnull(strstr(error.text, "'stray'"));
    const char *missing[] = {"scdb-server", "/no/such.conf"};
    ck_assert_int_eq(start(2, missing), CONFIG_START_FAILED);
    ck_assert_ptr_nonnull(strstr(error.text, "/no/such.conf"));
}
END_TEST

/* --- CONFIG REWRITE -------------------------------------------------------------------------- */

static void set(const char *name, const char *value)
{
    struct slice pair[] = {slice_of_string(name), slice_of_string(value)};
    ck_assert_msg(config_set_locked(config, pair, 1, false, &error) == STATUS_OK, "%s", error.text);
}

static void expect_rewritten(const char *expected)
{
    ck_assert_msg(config_rewrite_locked(config, &error) == STATUS_OK, "%s", error.text);
    ck_assert_str_eq(read_file(path), expected);
}

START_TEST(rewrite_wants_a_file)
{
    ck_assert_int_eq(config_rewrite_locked(config, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text, "The server is running without a config file");
}
END_TEST

/* In a container every server has the same number. */
START_TEST(rewrite_passes_over_what_a_crash_has_left)
{
    char left[sizeof(path) + 32];
    (void)snprintf(left, sizeof(left), "%s-%d.tmp", path, (int)getpid());
    write_file(path, "port 1\n");
    write_file(left, "half of");
    const char *argv[] = {"scdb-server", path};
    ck_assert_int_eq(start(2, argv), CONFIG_START_RUN);
    set("timeout", "5");
    expect_rewritten("port 1\n# Generated by CONFIG REWRITE\ntimeout 5\n");
    ck_assert_int_ne(access(left, F_OK), 0);
}
END_TEST

START_TEST(rewrite_keeps_what_has_not_changed)
{
    const char *text = "# mine\n\n  timeout   5  \nsave 900 1\nsave 300 10\nmaxmemory 1mb";
    write_file(path, text);
    const char *argv[] = {"scdb-server", path};
    ck_assert_int_eq(start(2, argv), CONFIG_START_RUN);
    ck_assert_int_eq(chmod(path, 0600), 0);
    expect_rewritten("# mine\n\n  timeout   5  \nsave 900 1\nsave 300 10\nmaxmemory 1mb\n");
    struct stat now;
    ck_assert_int_eq(stat(path, &now), 0);
    ck_assert_uint_eq(now.st_mode & 0777, 0600);
}
END_TEST

START_TEST(rewrite_writes_what_has_changed)
{
    write_file(path, "# a\ntimeout 5\nsave 900 1\n# b\nsave 300 10\nport 0\n");
    const char *argv[] = {"scdb-server", path, "--unixsocket", "/tmp/a b"};
    ck_assert_int_eq(start(4, argv), CONFIG_START_RUN);
    set("timeout", "6");
    set("save", "1 2 3 4 5 6");
    set("requirepass", "a\"b\n");
    set("client-output-buffer-limit", "normal 1 2 3");
    set("notify-keyspace-events", "KEA");
    const char *text = "# a\ntimeout 6\nsave 1 2\nsave 3 4\nsave 5 6\n# b\nport 0\n"
                       "# Generated by CONFIG REWRITE\nunixsocket \"/tmp/a b\"\n"
                       "requirepass \"a\\x22b\\x0a\"\n"
                       "client-output-buffer-limit normal 1 2 3\n"
                       "client-output-buffer-limit slave 268435456 67108864 60\n"
                       "client-output-buffer-limit pubsub 33554432 8388608 60\n"
                       "notify-keyspace-events AKE\n";
    expect_rewritten(text);
    /* What was written is read back as it is, and a second time nothing changes. */
    config_destroy(config);
    ck_assert_int_eq(config_create(&config), STATUS_OK);
    ck_assert_int_eq(start(2, argv), CONFIG_START_RUN);
    expect_text(CONFIG_REQUIREPASS, "a\"b\n");
    expect_text(CONFIG_UNIXSOCKET, "/tmp/a b");
    expect_rewritten(text);
}
END_TEST

START_TEST(files_include_all_that_match)
{
    char text[512];
    char name[sizeof(path) + 8];
    (void)snprintf(text, sizeof(text), "include %s.part*\n", path);
    expect_loads(text); /* none is as good */
    static const char *const parts[][2] = {{"c", "timeout 3\n"}, {"a", "timeout 1\nport 2\n"}};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof(name), "%s.part%s", path, parts[i][0]);
        write_file(name, parts[i][1]);
    }
    expect_loads(text);
    ck_assert_int_eq(config_number(config, CONFIG_TIMEOUT), 3);
    ck_assert_int_eq(config_number(config, CONFIG_PORT), 2);
    write_file(name, "nonsense\n");
    expect_fails(text, ".parta, line 1: 'nonsense'");
}
END_TEST

START_TEST(rewrite_finds_included_files_again)
{
    char inner[sizeof(path) + 8];
    (void)snprintf(inner, sizeof(inner), "%s.inner", path);
    write_file(inner, "timeout 5\nhz 20\n");
    write_file(path, "include test.conf.inner\n");
    ck_assert_int_eq(chdir(directory.path), 0);
    const char *argv[] = {"scdb-server", "test.conf"};
    ck_assert_msg(start(2, argv) == CONFIG_START_RUN, "%s", error.text);
    ck_assert_int_eq(chdir("/"), 0);
    set("timeout", "6");
    expect_rewritten("include test.conf.inner\n# Generated by CONFIG REWRITE\ntimeout 6\n");
}
END_TEST

START_TEST(rewrite_empties_a_value)
{
    write_file(path, "save 900 1\nsave 300 10\n");
    const char *argv[] = {"scdb-server", path};
    ck_assert_int_eq(start(2, argv), CONFIG_START_RUN);
    set("save", "");
    expect_rewritten("save \"\"\n");
}
END_TEST

/* The text of each row, as CONFIG GET shows it. */
static void format_all(struct buffer *out)
{
    for (size_t i = 0; i < config_directive_count; i++) {
        ck_assert_int_eq(buffer_append(out, "\n", 1), STATUS_OK);
        ck_assert_int_eq(config_format(config, &config_directives[i], out), STATUS_OK);
    }
}

START_TEST(everything_that_is_rewritten_is_read_back)
{
    write_file(path, "# mine\nport 7\ntimeout 5\n");
    const char *argv[] = {"scdb-server", path};
    ck_assert_int_eq(start(2, argv), CONFIG_START_RUN);
    set("requirepass", "a\"b\n");
    struct buffer before = {0};
    struct buffer after = {0};
    format_all(&before);
    ck_assert_msg(config_rewrite_all_locked(config, &error) == STATUS_OK, "%s", error.text);
    for (size_t i = 0; i < config_directive_count; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "\n%s ", config_directives[i].name);
        ck_assert_msg(strstr(read_file(path), line) != NULL, "no line for %s", line + 1);
    }
    ck_assert_ptr_eq(strstr(read_file(path), "# mine\nport 7\ntimeout 5\n"), read_file(path));
    config_destroy(config);
    ck_assert_int_eq(config_create(&config), STATUS_OK);
    ck_assert_msg(start(2, argv) == CONFIG_START_RUN, "%s", error.text);
    format_all(&after);
    ck_assert_msg(slice_equal(buffer_slice(&before), buffer_slice(&after)),
                  "before: %.*s\nafter: %.*s", (int)before.size, before.data, (int)after.size,
                  after.data);
    buffer_deinit(&before);
    buffer_deinit(&after);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("config_file");
    tcase_add_checked_fixture(test, set_up, tear_down);
    tcase_add_test(test, words_are_split_and_unquoted);
    tcase_add_test(test, a_line_may_have_many_words);
    tcase_add_test(test, a_file_is_read);
    tcase_add_test(test, what_takes_several_arguments_takes_none);
    tcase_add_test(test, blanks_around_the_words_of_a_value_are_no_matter);
    tcase_add_test(test, there_is_no_tls);
    tcase_add_test(test, errors_say_where_and_what_to_do);
    tcase_add_test(test, words_of_other_versions_are_passed_over);
    tcase_add_test(test, what_would_open_a_door_is_refused);
    tcase_add_test(test, renamings_are_kept_in_their_order);
    tcase_add_test(test, a_secret_does_not_stand_in_an_error);
    tcase_add_test(test, files_include_files);
    tcase_add_test(test, files_include_all_that_match);
    tcase_add_test(test, the_command_line_wins_over_the_file);
    tcase_add_test(test, a_value_may_have_dashes_or_share_its_word_with_the_name);
    tcase_add_test(test, command_lines_that_are_wrong);
    tcase_add_test(test, rewrite_wants_a_file);
    tcase_add_test(test, rewrite_passes_over_what_a_crash_has_left);
    tcase_add_test(test, rewrite_keeps_what_has_not_changed);
    tcase_add_test(test, rewrite_writes_what_has_changed);
    tcase_add_test(test, rewrite_finds_included_files_again);
    tcase_add_test(test, rewrite_empties_a_value);
    tcase_add_test(test, everything_that_is_rewritten_is_read_back);
    return test_run("config_file", test);
}
