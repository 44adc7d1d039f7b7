/* config_test.c - directives: values, CONFIG GET and CONFIG SET, and scdb.conf itself. */
#include "base/glob.h"
#include "server/config.h"
#include "server/config_number.h"
#include "server/config_special.h"
#include "server/config_values.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

static struct config *config;

static void set_up(void)
{
    ck_assert_int_eq(config_create(&config), STATUS_OK);
}

static void tear_down(void)
{
    config_destroy(config);
}

/* The value as CONFIG GET shows it, in a static buffer. */
static const char *value_of(const char *name)
{
    static char text[512];
    struct buffer value = {0};
    const struct directive *directive = config_find_directive(slice_of_string(name));
    ck_assert_ptr_nonnull(directive);
    ck_assert_int_eq(config_format(config, directive, &value), STATUS_OK);
    (void)snprintf(text, sizeof(text), "%.*s", (int)value.size, value.data);
    buffer_deinit(&value);
    return text;
}

static bool may_protected;

/* "" when the values were set. */
static const char *set(size_t pair_count, const struct slice *pairs)
{
    static struct error error;
    error.text[0] = '\0';
    enum status status = config_set_locked(config, pairs, pair_count, may_protected, &error);
    ck_assert_int_eq(status == STATUS_OK, error.text[0] == '\0');
    return error.text;
}

static const char *set_one(const char *name, const char *value)
{
    struct slice pair[] = {slice_of_string(name), slice_of_string(value)};
    return set(1, pair);
}

static void expect_refusal(const char *name, const char *value, const char *why)
{
    char before[512];
    char expected[512];
    (void)snprintf(before, sizeof(before), "%s", value_of(name));
    (void)snprintf(expected, sizeof(expected),
                   "CONFIG SET failed (possibly related to argument '%s') - %s", name, why);
    ck_assert_str_eq(set_one(name, value), expected);
    ck_assert_str_eq(value_of(name), before);
}

static void expect_value(const char *name, const char *value, const char *shown)
{
    ck_assert_str_eq(set_one(name, value), "");
    ck_assert_str_eq(value_of(name), shown);
}

/* --- the table ------------------------------------------------------------------------------- */

START_TEST(every_row_is_whole)
{
    for (size_t i = 0; i < config_directive_count; i++) {
        const struct directive *row = &config_directives[i];
        ck_assert_msg(row->name != NULL && row->initial != NULL && row->help != NULL, "row %zu", i);
        ck_assert_msg(config_find_directive(slice_of_string(row->name)) == row, "%s twice",
                      row->name);
        if (row->alias != NULL) {
            ck_assert_msg(config_find_directive(slice_of_string(row->alias)) == row, "%s twice",
                          row->alias);
        }
        ck_assert_msg((row->type == DIRECTIVE_CHOICE) == (row->choices != NULL), "%s", row->name);
        ck_assert_msg((row->type == DIRECTIVE_SPECIAL) == (row->normalise != NULL), "%s",
                      row->name);
    }
}
END_TEST

START_TEST(names_are_found_in_any_case)
{
    ck_assert_ptr_eq(config_find_directive(SLICE_LITERAL("APPENDfsync")),
                     &config_directives[CONFIG_APPENDFSYNC]);
    ck_assert_ptr_eq(config_find_directive(SLICE_LITERAL("slave-priority")),
                     config_find_directive(SLICE_LITERAL("replica-priority")));
    ck_assert_ptr_null(config_find_directive(SLICE_LITERAL("appendfsyn")));
    ck_assert_ptr_null(config_find_directive(SLICE_LITERAL("")));
}
END_TEST

/* --- values ---------------------------------------------------------------------------------- */

START_TEST(memory_has_units)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } rows[] = {
        {"0", 0},
        {"1", 1},
        {"1b", 1},
        {"3k", 3000},
        {"3Kb", 3072},
        {"2m", 2000000},
        {"2MB", 2 << 20},
        {"1g", 1000000000},
        {"1gb", 1 << 30},
        {"", 0},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", INT64_MIN}, /* beyond all ranges */
        {"9999999999gb", INT64_MIN},
        {"-1", -1},
        {"1.5mb", -1},
        {"mb", 0}, /* as in Redis */
        {"1t", -1},
        {"1 mb", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t bytes = -1;
        bool taken = config_number_parse_memory(slice_of_string(rows[i].text), &bytes);
        ck_assert_msg(taken == (rows[i].bytes != -1), "%s", rows[i].text);
        ck_assert_msg(bytes == rows[i].bytes, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(values_show_in_their_usual_form)
{
    expect_value("loglevel", "WARNING", "warning");
    expect_value("index-memory-limit", "1gb", "1073741824");
    expect_value("maxmemory-clients", "5%", "5%");
    expect_value("maxmemory-clients", "10mb", "10485760");
    expect_value("save", "3600 1 300 100", "3600 1 300 100");
    expect_value("save", "", "");
    expect_value("notify-keyspace-events", "KEA", "AKE");
    expect_value("notify-keyspace-events", "gnm", "gnm");
    expect_value("hz", "0", "1");
    expect_value("hz", "1000", "500");
    expect_value("latency-tracking-info-percentiles", "1 2 3.50", "1 2 3.5");
    expect_value("latency-tracking-info-percentiles", "0.0000001 33.3333333 100",
                 "0 33.333333 100");
    expect_value("oom-score-adj-values", "-2000 0 2000", "-2000 0 2000");
    expect_value("shutdown-on-sigterm", "nosave now", "nosave now");
    expect_value("shutdown-on-sigterm", "force now NOSAVE now", "nosave now force");
    expect_value("shutdown-on-sigterm", "default nosave", "nosave");
    expect_value("shutdown-on-sigterm", "default", "default");
    expect_value("appendonly", "no", "no");
}
END_TEST

START_TEST(bad_values_are_refused_in_the_words_of_redis)
{
    expect_refusal("timeout", "abc", "argument couldn't be parsed into an integer");
    expect_refusal("timeout", "01", "argument couldn't be parsed into an integer");
    expect_refusal("timeout", "-1", "argument must be between 0 and 2147483647 inclusive");
    expect_refusal("maxclients", "0", "argument must be between 1 and 4294967295 inclusive");
    expect_refusal("proto-max-bulk-len", "1",
                   "argument must be between 1048576 and 9223372036854775807 inclusive");
    expect_refusal("proto-max-bulk-len", "mb",
                   "argument must be between 1048576 and 9223372036854775807 inclusive");
    expect_refusal("proto-max-bulk-len", "1x", "argument must be a memory value");
    expect_refusal("appendfsync", "foo",
                   "argument(s) must be one of the following: everysec, always, no");
    expect_refusal("appendonly", "maybe", "argument must be 'yes' or 'no'");
    expect_refusal("maxmemory-clients", "x", "argument must be a memory or percent value");
    expect_refusal("maxmemory-clients", "500%", "percentage argument must be less or equal to 100");
    expect_refusal("save", "3 x", "Invalid save parameters");
    expect_refusal("save", "60", "Invalid save parameters");
    expect_refusal("notify-keyspace-events", "Z",
                   "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    expect_refusal("latency-tracking-info-percentiles", "50 nan",
                   "Invalid latency-tracking-info-percentiles parameters");
    expect_refusal("oom-score-adj-values", "1 2", "wrong number of arguments");
    const char *words =
        "argument(s) must be one of the following: default, save, nosave, now, force";
    expect_refusal("shutdown-on-sigint", "", words);
    expect_refusal("shutdown-on-sigint", "save soon", words);
    expect_refusal("shutdown-on-sigint", "force save nosave",
                   "shutdown options SAVE and NOSAVE can't be used simultaneously");
    expect_refusal("databases", "3", "can't set immutable config");
    expect_refusal("dir", "/", "can't set protected config");
    expect_refusal("dbfilename", "x", "can't set protected config");
    may_protected = true;
    expect_refusal("dir", "/", "can't set immutable config");
    expect_value("dbfilename", "x", "x");
}
END_TEST

/* Each value is taken as it stands here; with another blank anywhere, Redis finds an empty word. */
START_TEST(one_blank_stands_between_two_words_of_a_value)
{
    static const struct {
        const char *name;
        const char *value;
        const char *why;
    } rows[] = {
        {"save", "3600 1 300 100", "Invalid save parameters"},
        {"client-output-buffer-limit", "normal 1 2 3",
         "Wrong number of arguments in buffer limit configuration."},
        {"oom-score-adj-values", "1 2 3", "wrong number of arguments"},
        {"latency-tracking-info-percentiles", "1 2",
         "Invalid latency-tracking-info-percentiles parameters"},
        {"shutdown-on-sigint", "now force",
         "argument(s) must be one of the following: default, save, nosave, now, force"},
        {"shutdown-on-sigterm", "nosave now",
         "argument(s) must be one of the following: default, save, nosave, now, force"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        const char *blank = strchr(rows[i].value, ' ');
        int before = (int)(blank - rows[i].value);
        ck_assert_str_eq(set_one(rows[i].name, rows[i].value), "");
        (void)snprintf(text, sizeof(text), "%.*s %s", before, rows[i].value, blank);
        expect_refusal(rows[i].name, text, rows[i].why);
        (void)snprintf(text, sizeof(text), "%.*s\t%s", before, rows[i].value, blank + 1);
        expect_refusal(rows[i].name, text, rows[i].why);
        (void)snprintf(text, sizeof(text), " %s", rows[i].value);
        expect_refusal(rows[i].name, text, rows[i].why);
        (void)snprintf(text, sizeof(text), "%s ", rows[i].value);
        expect_refusal(rows[i].name, text, rows[i].why);
        expect_refusal(rows[i].name, " ", rows[i].why);
    }
}
END_TEST

START_TEST(output_limits_change_one_class_at_a_time)
{
    expect_value("client-output-buffer-limit", "normal 1mb 2 3",
                 "normal 1048576 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
    expect_value("client-output-buffer-limit", "replica 1 2 3 pubsub 4 5 6",
                 "normal 1048576 2 3 slave 1 2 3 pubsub 4 5 6");
    struct config_output_limit limit = config_output_limit(config, CLIENT_PUBSUB);
    ck_assert_uint_eq(limit.hard, 4);
    ck_assert_uint_eq(limit.soft, 5);
    ck_assert_int_eq(limit.soft_seconds, 6);
    expect_refusal("client-output-buffer-limit", "normal 1 2",
                   "Wrong number of arguments in buffer limit configuration.");
    expect_refusal("client-output-buffer-limit", "foo 1 2 3",
                   "Invalid client class specified in buffer limit configuration.");
    expect_refusal("client-output-buffer-limit", "normal 1 2 3 slave x 1 1",
                   "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
}
END_TEST

/* --- CONFIG SET ------------------------------------------------------------------------------ */

START_TEST(set_is_all_or_nothing)
{
    struct slice pairs[] = {SLICE_LITERAL("timeout"), SLICE_LITERAL("7"), SLICE_LITERAL("HZ"),
                            SLICE_LITERAL("x")};
    ck_assert_str_eq(set(2, pairs), "CONFIG SET failed (possibly related to argument 'hz') - "
                                    "argument couldn't be parsed into an integer");
    ck_assert_str_eq(value_of("timeout"), "0");
    pairs[3] = SLICE_LITERAL("20");
    ck_assert_str_eq(set(2, pairs), "");
    ck_assert_str_eq(value_of("timeout"), "7");
    ck_assert_str_eq(value_of("hz"), "20");
}
END_TEST

START_TEST(set_wants_known_and_different_names)
{
    struct slice pairs[] = {SLICE_LITERAL("hz"), SLICE_LITERAL("1"), SLICE_LITERAL("HZ"),
                            SLICE_LITERAL("2")};
    ck_assert_str_eq(set(2, pairs), "CONFIG SET failed (possibly related to argument 'HZ') - "
                                    "duplicate parameter");
    pairs[2] = SLICE_LITERAL("Databases");
    ck_assert_str_eq(set(2, pairs),
                     "CONFIG SET failed (possibly related to argument 'Databases') - "
                     "can't set immutable config");
    pairs[2] = SLICE_LITERAL("NoSuch");
    ck_assert_str_eq(set(2, pairs),
                     "Unknown option or number of arguments for CONFIG SET - 'NoSuch'");
    ck_assert_str_eq(value_of("hz"), "10");
}
END_TEST

static int64_t applied[4];
static size_t applied_count;

static enum status apply_timeout(void *context, struct error *error)
{
    int64_t value = config_number(config, CONFIG_TIMEOUT);
    ck_assert_ptr_eq(context, config);
    applied[applied_count++] = value;
    return value == 13 ? error_set(error, STATUS_INVALID, "13 brings bad luck") : STATUS_OK;
}

START_TEST(a_hook_may_refuse)
{
    applied_count = 0;
    config_on_change(config, CONFIG_TIMEOUT, apply_timeout, config);
    ck_assert_str_eq(set_one("timeout", "5"), "");
    ck_assert_str_eq(set_one("timeout", "13"),
                     "CONFIG SET failed (possibly related to argument 'timeout') - 13 brings bad "
                     "luck");
    ck_assert_uint_eq(applied_count, 3);
    ck_assert_int_eq(applied[0], 5);
    ck_assert_int_eq(applied[1], 13);
    ck_assert_int_eq(applied[2], 5);
    ck_assert_int_eq(config_number(config, CONFIG_TIMEOUT), 5);
}
END_TEST

/* --- CONFIG GET ------------------------------------------------------------------------------ */

static char told[65536];

static void tell(void *context, struct slice name, struct slice value)
{
    size_t used = strlen(told);
    (void)context;
    (void)snprintf(told + used, sizeof(told) - used, "%.*s=%.*s;", (int)name.size, name.data,
                   (int)value.size, value.data);
}

static const char *get(size_t count, const struct slice *patterns)
{
    struct config_query query = {
        .patterns = patterns, .pattern_count = count, .match = glob_match, .emit = tell};
    told[0] = '\0';
    ck_assert_int_eq(config_get_locked(config, &query), STATUS_OK);
    return told;
}

START_TEST(get_matches_names_and_patterns)
{
    struct slice names[] = {SLICE_LITERAL("PORT"), SLICE_LITERAL("h?"), SLICE_LITERAL("hz"),
                            SLICE_LITERAL("nosuch")};
    ck_assert_str_eq(get(4, names), "PORT=6379;hz=10;");
    struct slice escaped[] = {SLICE_LITERAL("h\\z"), SLICE_LITERAL("por\\t*")};
    ck_assert_str_eq(get(2, escaped), "port=6379;");
    struct slice aliases[] = {SLICE_LITERAL("*ve-priority"), SLICE_LITERAL("rdb-key-*"),
                              SLICE_LITERAL("rdb-key-save-delay")};
    ck_assert_str_eq(get(3, aliases), "rdb-key-save-delay=0;slave-priority=100;");
    struct slice all = SLICE_LITERAL("*");
    ck_assert_ptr_nonnull(strstr(get(1, &all), ";replica-priority=100;slave-priority=100;"));
    ck_assert_ptr_null(strstr(told, "rdb-key-save-delay"));
}
END_TEST

/* --- scdb.conf ------------------------------------------------------------------------------- */

static struct buffer read_file(const char *path)
{
    struct buffer text = {0};
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "can't open %s: run the tests from the top of the repository",
                  path);
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        ck_assert_int_eq(buffer_append(&text, chunk, size), STATUS_OK);
    }
    (void)fclose(file);
    ck_assert_ptr_nonnull(text.data);
    return text;
}

START_TEST(scdb_conf_names_every_directive_with_its_default)
{
    struct buffer text = read_file("scdb.conf");
    struct config *defaults = config;
    struct config *loaded;
    struct error error;
    ck_assert_int_eq(config_create(&loaded), STATUS_OK);
    ck_assert_msg(config_load_text(loaded, "scdb.conf", buffer_slice(&text), &error) == STATUS_OK,
                  "%s", error.text);
    for (size_t i = 0; i < config_directive_count; i++) {
        const struct directive *row = &config_directives[i];
        char expected[512];
        config = defaults;
        (void)snprintf(expected, sizeof(expected), "%s", value_of(row->name));
        config = loaded;
        bool differs = i == CONFIG_BIND; /* the file is for one machine, as redis.conf is */
        ck_assert_msg(differs || strcmp(value_of(row->name), expected) == 0,
                      "scdb.conf says %s %s, the default is %s", row->name, value_of(row->name),
                      expected);
        bool known = i < CONFIG_NAMED_COUNT && (row->flags & DIRECTIVE_IGNORED) == 0;
        ck_assert_msg(!known || loaded->values[i].given, "scdb.conf does not name %s", row->name);
        ck_assert_msg(i >= CONFIG_NAMED_COUNT ||
                          memmem(text.data, text.size, row->name, strlen(row->name)) != NULL,
                      "scdb.conf does not mention %s", row->name);
    }
    config = defaults;
    config_destroy(loaded);
    buffer_deinit(&text);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("config");
    tcase_add_checked_fixture(test, set_up, tear_down);
    tcase_add_test(test, every_row_is_whole);
    tcase_add_test(test, names_are_found_in_any_case);
    tcase_add_test(test, memory_has_units);
    tcase_add_test(test, values_show_in_their_usual_form);
    tcase_add_test(test, bad_values_are_refused_in_the_words_of_redis);
    tcase_add_test(test, one_blank_stands_between_two_words_of_a_value);
    tcase_add_test(test, output_limits_change_one_class_at_a_time);
    tcase_add_test(test, set_is_all_or_nothing);
    tcase_add_test(test, set_wants_known_and_different_names);
    tcase_add_test(test, a_hook_may_refuse);
    tcase_add_test(test, get_matches_names_and_patterns);
    tcase_add_test(test, scdb_conf_names_every_directive_with_its_default);
    return test_run("config", test);
}
