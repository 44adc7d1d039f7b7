/* command_options_test.c - the options of SET, GETEX, EXPIRE and SCAN, which are parsed before
 * anything is done. */
#include "commands/expire_options.h"
#include "commands/scan_options.h"
#include "commands/string_options.h"

#include "engine/record.h"
#include "support/test_run.h"
#include "support/word_split.h"

#include <check.h>

/* --- SET, GETEX --- */

static enum client_error parse_string(const char *text, enum string_options_of command,
                                      struct string_options *options)
{
    struct slice words[WORD_SPLIT_MAX];
    return string_options_parse(words, word_split(text, words), command, options);
}

START_TEST(set_takes)
{
    static const char *const right[] = {
        "",
        "nx",
        "XX",
        "get",
        "nx get",
        "get xx",
        "keepttl",
        "ex 10",
        "px 10",
        "exat 10",
        "pxat 10",
        "nx ex 10",
        "ex 10 xx",
        "ex 10 ex 20",
        "ex 10 get nx",
        "keepttl xx",
        "nx nx",
        "ex nx",
        "ex 10 EX 11 eX 12",
    };
    static const char *const wrong[] = {
        "nx xx",
        "xx nx",
        "ex",
        "nx ex",
        "ex 10 px 10",
        "persist",
        "ex 10 exat 10",
        "keepttl ex 10",
        "ex 10 keepttl",
        "px 1 pxat 1",
        "foo",
        "nx foo",
        "10",
    };
    struct string_options options;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(parse_string(right[i], OPTIONS_OF_SET, &options) == ERROR_NONE, "%s",
                      right[i]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(parse_string(wrong[i], OPTIONS_OF_SET, &options) == ERROR_SYNTAX, "%s",
                      wrong[i]);
    }
    ck_assert_int_eq(parse_string("get nx pxat 55", OPTIONS_OF_SET, &options), ERROR_NONE);
    ck_assert(options.get && options.if_absent && !options.if_present && options.has_time);
    ck_assert_int_eq(options.unit, UNIT_MILLISECONDS);
    ck_assert_int_eq(options.basis, BASIS_EPOCH);
    ck_assert(slice_is_word(options.time, "55"));
}
END_TEST

START_TEST(getex_takes)
{
    static const char *const right[] = {"", "persist", "ex 10", "PXAT 10", "persist persist"};
    static const char *const wrong[] = {"nx", "get", "keepttl", "persist ex 10", "ex 10 persist",
                                        "ex", "foo"};
    struct string_options options;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(parse_string(right[i], OPTIONS_OF_GETEX, &options) == ERROR_NONE, "%s",
                      right[i]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(parse_string(wrong[i], OPTIONS_OF_GETEX, &options) == ERROR_SYNTAX, "%s",
                      wrong[i]);
    }
}
END_TEST

START_TEST(times_of_set)
{
    struct string_options options;
    int64_t expiry_ms = 42;
    ck_assert_int_eq(parse_string("nx", OPTIONS_OF_SET, &options), ERROR_NONE);
    ck_assert_int_eq(string_options_expiry(&options, 1000, &expiry_ms), ERROR_NONE);
    ck_assert_int_eq(expiry_ms, EXPIRY_NONE);
    ck_assert_int_eq(parse_string("ex 2", OPTIONS_OF_SET, &options), ERROR_NONE);
    ck_assert_int_eq(string_options_expiry(&options, 1000, &expiry_ms), ERROR_NONE);
    ck_assert_int_eq(expiry_ms, 3000);
    ck_assert_int_eq(parse_string("ex 0", OPTIONS_OF_SET, &options), ERROR_NONE);
    ck_assert_int_eq(string_options_expiry(&options, 1000, &expiry_ms), ERROR_INVALID_EXPIRE);
}
END_TEST

/* --- EXPIRE --- */

START_TEST(expire_takes)
{
    static const struct {
        const char *text;
        enum client_error error;
        const char *unsupported;
    } rows[] = {
        {"", ERROR_NONE, NULL},
        {"nx", ERROR_NONE, NULL},
        {"XX gt", ERROR_NONE, NULL},
        {"xx lt", ERROR_NONE, NULL},
        {"gt gt", ERROR_NONE, NULL},
        {"nx xx", ERROR_EXPIRE_NX_AND_OTHERS, NULL},
        {"gt nx", ERROR_EXPIRE_NX_AND_OTHERS, NULL},
        {"nx gt lt", ERROR_EXPIRE_NX_AND_OTHERS, NULL},
        {"gt lt", ERROR_EXPIRE_GT_AND_LT, NULL},
        {"gt lt foo", ERROR_UNSUPPORTED_OPTION, "foo"},
        {"bar foo", ERROR_UNSUPPORTED_OPTION, "bar"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice words[WORD_SPLIT_MAX];
        struct expire_options options;
        struct slice unsupported = slice_make(NULL, 0);
        enum client_error error =
            expire_options_parse(words, word_split(rows[i].text, words), &options, &unsupported);
        ck_assert_msg(error == rows[i].error, "%s", rows[i].text);
        if (rows[i].unsupported != NULL) {
            ck_assert(slice_is_word(unsupported, rows[i].unsupported));
        }
    }
}
END_TEST

START_TEST(expire_allows)
{
    static const struct {
        const char *text;
        int64_t current_ms;
        int64_t new_ms;
        bool allowed;
    } rows[] = {
        {"", EXPIRY_NONE, 10, true},    {"", 5, 10, true},
        {"nx", EXPIRY_NONE, 10, true},  {"nx", 5, 10, false},
        {"xx", EXPIRY_NONE, 10, false}, {"xx", 5, 10, true},
        {"gt", EXPIRY_NONE, 10, false}, {"gt", 5, 10, true},
        {"gt", 10, 10, false},          {"gt", 11, 10, false},
        {"lt", EXPIRY_NONE, 10, true},  {"lt", 5, 10, false},
        {"lt", 10, 10, false},          {"lt", 11, 10, true},
        {"xx gt", 5, 10, true},         {"xx lt", EXPIRY_NONE, 10, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice words[WORD_SPLIT_MAX];
        struct expire_options options;
        struct slice unsupported;
        ck_assert_int_eq(
            expire_options_parse(words, word_split(rows[i].text, words), &options, &unsupported),
            ERROR_NONE);
        ck_assert_msg(expire_options_allow(&options, rows[i].current_ms, rows[i].new_ms) ==
                          rows[i].allowed,
                      "%zu: %s", i, rows[i].text);
    }
}
END_TEST

/* --- SCAN --- */

START_TEST(scan_takes)
{
    static const struct {
        const char *text;
        enum client_error error;
        size_t count;
    } rows[] = {
        {"", ERROR_NONE, SCAN_COUNT_DEFAULT},
        {"count 5", ERROR_NONE, 5},
        {"COUNT 5 count 7", ERROR_NONE, 7},
        {"match a* count 5 type string", ERROR_NONE, 5},
        {"count 0", ERROR_SYNTAX, 0},
        {"count -1", ERROR_SYNTAX, 0},
        {"count x", ERROR_NOT_INTEGER, 0},
        {"count", ERROR_SYNTAX, 0},
        {"match", ERROR_SYNTAX, 0},
        {"count x match", ERROR_NOT_INTEGER, 0}, /* the first thing wrong counts */
        {"foo bar", ERROR_SYNTAX, 0},
        {"foo bar count x", ERROR_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice words[WORD_SPLIT_MAX];
        struct scan_options options;
        enum client_error error =
            scan_options_parse(words, word_split(rows[i].text, words), &options);
        ck_assert_msg(error == rows[i].error, "%s", rows[i].text);
        if (error == ERROR_NONE) {
            ck_assert_uint_eq(options.count, rows[i].count);
        }
    }
}
END_TEST

START_TEST(scan_matches)
{
    struct slice words[WORD_SPLIT_MAX];
    struct scan_options options;
    ck_assert_int_eq(scan_options_parse(words, word_split("", words), &options), ERROR_NONE);
    ck_assert(scan_options_match(&options, SLICE_LITERAL(""), "string"));
    ck_assert_int_eq(scan_options_parse(words, word_split("match k* type STRING", words), &options),
                     ERROR_NONE);
    ck_assert(scan_options_match(&options, SLICE_LITERAL("k1"), "string"));
    ck_assert(!scan_options_match(&options, SLICE_LITERAL("k1"), "list"));
    ck_assert(!scan_options_match(&options, SLICE_LITERAL("x"), "string"));
    ck_assert_int_eq(scan_options_parse(words, word_split("match *", words), &options), ERROR_NONE);
    ck_assert(scan_options_match(&options, SLICE_LITERAL(""), "string"));
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, set_takes);
    tcase_add_test(core, getex_takes);
    tcase_add_test(core, times_of_set);
    tcase_add_test(core, expire_takes);
    tcase_add_test(core, expire_allows);
    tcase_add_test(core, scan_takes);
    tcase_add_test(core, scan_matches);
    return test_run("command options", core);
}
