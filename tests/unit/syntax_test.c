/* syntax_test.c - the arguments of commands, from their text to a tree. */
#include "commands/syntax.h"

#include "base/buffer.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

static struct buffer text;

static void add(const char *words)
{
    ck_assert_int_eq(buffer_append(&text, words, strlen(words)), STATUS_OK);
}

static void add_slice(const char *label, struct slice slice)
{
    if (slice.data != NULL) {
        add(label);
        ck_assert_int_eq(buffer_append(&text, slice.data, slice.size), STATUS_OK);
    }
}

/* Writes `count` arguments of one level, with all that is known of them, into `text`. */
static void describe(const struct syntax_argument *argument, size_t count)
{
    for (size_t i = 0; i < count; i++, argument += argument->size) {
        char scratch[SYNTAX_NAME_SIZE_MAX];
        add(i == 0 ? "" : ", ");
        add_slice("", syntax_name(argument, scratch));
        add(" ");
        add(syntax_type_name(argument->type));
        if (argument->key_spec_index != SYNTAX_NO_KEY_SPEC) {
            char number[16];
            (void)snprintf(number, sizeof(number), " #%d", argument->key_spec_index);
            add(number);
        }
        add_slice(" token ", argument->token);
        add_slice(" since ", argument->since);
        add_slice(" deprecated ", argument->deprecated_since);
        add(argument->optional ? " optional" : "");
        add(argument->multiple ? " multiple" : "");
        add(argument->multiple_token ? " multiple_token" : "");
        if (argument->child_count > 0) {
            add(" {");
            describe(argument + 1, argument->child_count);
            add("}");
        }
    }
}

static void expect(const char *source, const char *expected)
{
    struct syntax syntax;
    struct error error = {""};
    enum status status = syntax_parse(source, &syntax, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", source, error.text);
    text.size = 0;
    describe(syntax.arguments, syntax.top_count);
    add("");
    ck_assert_int_eq(buffer_append(&text, "", 1), STATUS_OK);
    ck_assert_str_eq(text.data, expected);
    syntax_deinit(&syntax);
    ck_assert_ptr_null(syntax.arguments);
}

START_TEST(plain_arguments)
{
    expect(NULL, "");
    expect("", "");
    expect("value", "value string");
    expect("key:key value", "key key #0, value string");
    expect("a:integer b:double  c:pattern d:unix-time e:key#1 f:pattern#2",
           "a integer, b double, c pattern, d unix-time, e key #1, f pattern #2");
    expect("key:key... [x]", "key key #0 multiple, x string optional");
    expect("[a:integer@7.0.0!7.2.0...]",
           "a integer since 7.0.0 deprecated 7.2.0 optional multiple");
    expect("`ip:port` [`yes/no`]", "ip:port string, yes/no string optional");
    expect("aB-c_9", "aB-c_9 string");
}
END_TEST

START_TEST(tokens)
{
    expect("NX", "nx pure-token token NX");
    expect("[LIB-NAME] [GET@6.2.0]",
           "lib-name pure-token token LIB-NAME optional, get pure-token token GET since 6.2.0 "
           "optional");
    expect("[ALPHA=sorting]", "sorting pure-token token ALPHA optional");
    expect("'~'=about '' X", "about pure-token token ~,  pure-token token , x pure-token token X");
    expect("EX seconds:integer@2.6.12", "seconds integer token EX since 2.6.12");
    expect("KEYS key:key#1@3.0.6...", "key key #1 token KEYS since 3.0.6 multiple");
    expect("[GET... pattern:pattern#1]",
           "pattern pattern #1 token GET optional multiple multiple_token");
    expect("REPLACE=replace name", "replace pure-token token REPLACE, name string");
}
END_TEST

START_TEST(groups)
{
    expect(
        "[condition<NX | XX>@2.6.12]",
        "condition oneof since 2.6.12 optional {nx pure-token token NX, xx pure-token token XX}");
    expect("pair(key:key value)...", "pair block multiple {key key #0, value string}");
    expect("[LIMIT range(offset:integer count:integer)] last",
           "range block token LIMIT optional {offset integer, count integer}, last string");
    expect("a<b<C|D d>|e(f [g<H | I>...])> j",
           "a oneof {b oneof {c pure-token token C, d string token D}, e block {f string, g oneof "
           "optional multiple {h pure-token token H, i pure-token token I}}}, j string");
    expect("GET... x(a b)", "x block token GET multiple multiple_token {a string, b string}");
}
END_TEST

START_TEST(mistakes)
{
    static const char *const sources[] = {
        "a|b",     "a<b",    "a<>", "a(",    "a()",     "[a",     "a]", "a:float",
        "a:",      "a#x",    "a@",  "a@...", "'x",      "`a",     "9",  "a,b",
        "GET... ", "GET...", "[]",  "[a b]", "a<b c>",  "a(b|c)", "X=", "X=9",
        "a...b",   "a....",  "(a)", "<a>",   "a@1.0#1", "a b)",   "\t", "a!",
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct syntax syntax;
        struct error error = {""};
        ck_assert_msg(syntax_parse(sources[i], &syntax, &error) == STATUS_INVALID, "accepted '%s'",
                      sources[i]);
        ck_assert_uint_gt(strlen(error.text), 0);
    }
    struct syntax syntax;
    struct error error;
    ck_assert_int_eq(syntax_parse("key:key x:float", &syntax, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text, "expected a type at 'float'");
}
END_TEST

START_TEST(too_deep_or_too_long)
{
    char source[200] = "";
    for (int i = 0; i < 20; i++) {
        memcpy(source + 2 * (size_t)i, "a(", 2);
    }
    struct syntax syntax;
    ck_assert_int_eq(syntax_parse(source, &syntax, NULL), STATUS_INVALID);
    memset(source, 'X', sizeof(source) - 1);
    source[sizeof(source) - 1] = '\0';
    ck_assert_int_eq(syntax_parse(source, &syntax, NULL), STATUS_INVALID);
}
END_TEST

START_TEST(count_ranges)
{
    static const struct {
        const char *source;
        size_t fewest;
        size_t most;
    } rows[] = {
        {"", 0, 0},
        {"a b", 2, 2},
        {"a [b]", 1, 2},
        {"a...", 1, SYNTAX_UNBOUNDED},
        {"[a...] b", 1, SYNTAX_UNBOUNDED},
        {"X", 1, 1},
        {"X a [Y b]", 2, 4},
        {"a<B | C d | e(f g h)>", 1, 3},
        {"LIMIT a(b c) d", 4, 4},
        {"[a<EX b | PX c... | D>]", 0, SYNTAX_UNBOUNDED},
        {"a(b [c]) d<E | F g>", 2, 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct syntax syntax;
        size_t fewest;
        size_t most;
        ck_assert_int_eq(syntax_parse(rows[i].source, &syntax, NULL), STATUS_OK);
        syntax_count_range(&syntax, &fewest, &most);
        ck_assert_msg(fewest == rows[i].fewest && most == rows[i].most, "'%s': %zu to %zu",
                      rows[i].source, fewest, most);
        syntax_deinit(&syntax);
    }
}
END_TEST

static void tear_down(void)
{
    buffer_deinit(&text);
}

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, NULL, tear_down);
    tcase_add_test(core, plain_arguments);
    tcase_add_test(core, tokens);
    tcase_add_test(core, groups);
    tcase_add_test(core, mistakes);
    tcase_add_test(core, too_deep_or_too_long);
    tcase_add_test(core, count_ranges);
    return test_run("syntax", core);
}
