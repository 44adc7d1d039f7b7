/* command_rows_test.c - every row of every family says what it must, and nothing against itself. */
#include "commands/acl_names.h"
#include "commands/command_info.h"
#include "commands/command_keys.h"
#include "commands/syntax.h"
#include "commands/table.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs a check on each row; the full name is for its messages. */
static void for_each_row(void (*check)(const struct command *row, const char *name))
{
    table_init();
    ck_assert_uint_gt(table_row_count(), 100);
    for (size_t i = 0; i < table_row_count(); i++) {
        char name[COMMAND_NAME_SIZE_MAX];
        const struct command *row = table_row_at(i);
        check(row, table_full_name(row, name));
    }
}

static bool is_one_of(const char *word, size_t size, const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strlen(words[i]) == size && memcmp(words[i], word, size) == 0) {
            return true;
        }
    }
    return false;
}

/* --- texts ----------------------------------------------------------------------------------- */

static bool is_version(const char *text)
{
    int parts[3];
    int used = 0;
    return sscanf(text, "%2d.%2d.%2d%n", &parts[0], &parts[1], &parts[2], &used) == 3 &&
           text[used] == '\0';
}

static void check_texts(const struct command *row, const char *name)
{
    static const char *const groups[] = {
        "generic",    "string", "list",    "set",          "sorted-set", "hash",
        "stream",     "bitmap", "geo",     "hyperloglog",  "pubsub",     "scripting",
        "connection", "server", "cluster", "transactions", "sentinel",   NULL,
    };
    size_t name_size = strlen(row->name);
    ck_assert_msg(name_size > 0 && strspn(row->name, "abcdefghijklmnopqrstuvwxyz_-") == name_size,
                  "%s: the name", name);
    size_t size = strlen(row->summary);
    ck_assert_msg(size >= 10 && size <= 120, "%s: the summary's length", name);
    ck_assert_msg(row->summary[0] >= 'A' && row->summary[0] <= 'Z', "%s: begin in uppercase", name);
    ck_assert_msg(row->summary[size - 1] != '.' && strchr(row->summary, '\n') == NULL,
                  "%s: one sentence, without a period", name);
    ck_assert_msg(row->complexity != NULL && row->complexity[0] != '\0', "%s: complexity", name);
    ck_assert_msg(is_one_of(row->group, strlen(row->group), groups), "%s: the group", name);
    ck_assert_msg(is_version(row->since), "%s: since", name);
    ck_assert_msg(row->deprecated_since == NULL || is_version(row->deprecated_since),
                  "%s: deprecated since", name);
    ck_assert_msg((row->replaced_by == NULL) == (row->deprecated_since == NULL),
                  "%s: what is deprecated is replaced", name);
}

START_TEST(texts)
{
    for_each_row(check_texts);
}
END_TEST

static void check_tips(const struct command *row, const char *name)
{
    static const char *const tips[] = {
        "nondeterministic_output",
        "nondeterministic_output_order",
        "request_policy:all_nodes",
        "request_policy:all_shards",
        "request_policy:multi_shard",
        "request_policy:special",
        "response_policy:one_succeeded",
        "response_policy:all_succeeded",
        "response_policy:agg_logical_and",
        "response_policy:agg_logical_or",
        "response_policy:agg_min",
        "response_policy:agg_max",
        "response_policy:agg_sum",
        "response_policy:special",
        NULL,
    };
    const char *at = row->tips == NULL ? "" : row->tips;
    while (*at != '\0') {
        size_t size = strcspn(at, " ");
        ck_assert_msg(is_one_of(at, size, tips), "%s: the tip at '%s'", name, at);
        at += size + strspn(at + size, " ");
    }
}

START_TEST(tips)
{
    for_each_row(check_tips);
}
END_TEST

/* --- arguments ------------------------------------------------------------------------------- */

/* Their arguments can't be written so that the fewest come out: see the row. */
static const char *const loose_syntax[] = {"client|kill", "pfmerge", NULL};
/* They take another call as their arguments, or subcommands without rows, which no syntax
 * describes. */
static const char *const no_syntax[] = {"command|getkeys", "command|getkeysandflags", "debug",
                                        NULL};

static void check_syntax(const struct command *row, const char *name)
{
    struct syntax syntax;
    struct error error = {""};
    enum status status = syntax_parse(row->syntax, &syntax, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", name, error.text);
    size_t fewest;
    size_t most;
    syntax_count_range(&syntax, &fewest, &most);
    size_t names = row->parent == NULL ? 1 : 2;
    size_t least = (size_t)abs(row->arity) - names;
    bool is_container = row->subcommands != NULL && row->handler == NULL;
    if (!is_container && !is_one_of(name, strlen(name), no_syntax)) {
        bool is_loose = is_one_of(name, strlen(name), loose_syntax);
        ck_assert_msg(fewest == least || is_loose, "%s: arity %d, but the syntax takes %zu", name,
                      row->arity, fewest);
        ck_assert_msg(row->arity < 0 ? most > least || most == 0 : most == least,
                      "%s: arity %d, but the syntax takes up to %zu", name, row->arity, most);
    }
    int spec_count = (int)command_info_key_spec_count(row);
    for (size_t i = 0; i < syntax.count; i++) {
        ck_assert_msg(syntax.arguments[i].key_spec_index < spec_count,
                      "%s: an argument belongs to a key specification that is not there", name);
    }
    syntax_deinit(&syntax);
}

START_TEST(syntaxes_fit_arity_and_keys)
{
    for_each_row(check_syntax);
}
END_TEST

/* --- flags, categories, keys ----------------------------------------------------------------- */

static void check_flags(const struct command *row, const char *name)
{
    uint32_t both = COMMAND_WRITE | COMMAND_READONLY;
    ck_assert_msg((row->flags & both) != both, "%s: it writes, or it only reads", name);
    ck_assert_msg((row->flags & COMMAND_DENYOOM) == 0 || (row->flags & COMMAND_WRITE) != 0,
                  "%s: only what writes can run out of memory for data", name);
    uint32_t implied = CATEGORY_READ | CATEGORY_WRITE | CATEGORY_FAST | CATEGORY_SLOW |
                       CATEGORY_BLOCKING | CATEGORY_PUBSUB;
    ck_assert_msg((row->categories & implied) == 0, "%s: this category follows from a flag", name);
    bool is_container = row->subcommands != NULL;
    if (strcmp(row->group, "string") == 0 && !is_container) {
        ck_assert_msg((row->categories & CATEGORY_STRING) != 0, "%s: category", name);
    }
    if (strcmp(row->group, "transactions") == 0) {
        ck_assert_msg((row->categories & CATEGORY_TRANSACTION) != 0, "%s: category", name);
    }
}

START_TEST(flags_and_categories)
{
    for_each_row(check_flags);
}
END_TEST

/* It keeps what it has counted in the value, and works without, as Redis's row says. */
static const char *const writes_unnoticed[] = {"pfcount", NULL};
/* Redis documents its sources as if there had to be one. */
static const char *const last_keys_optional[] = {"pfmerge", NULL};

static void check_key_spec(const struct command *row, const struct key_spec *spec, const char *name)
{
    uint32_t how = spec->flags & (KEY_RO | KEY_RW | KEY_OW | KEY_RM);
    if (spec->flags == KEY_NOT_KEY) {
        ck_assert_msg((row->flags & COMMAND_PUBSUB) != 0, "%s: channels are no keys", name);
        return;
    }
    ck_assert_msg(how != 0 && (how & (how - 1)) == 0, "%s: one of RO, RW, OW, RM", name);
    ck_assert_msg(how == KEY_RO || (row->flags & COMMAND_WRITE) != 0 ||
                      is_one_of(name, strlen(name), writes_unnoticed),
                  "%s: it changes a key, but does not write", name);
    ck_assert_msg(spec->step >= 1, "%s: the step", name);
    ck_assert_msg(spec->begin < abs(row->arity) ||
                      is_one_of(name, strlen(name), last_keys_optional),
                  "%s: the first key may be missing", name);
    ck_assert_msg(spec->last < 0 || spec->begin + spec->last < abs(row->arity),
                  "%s: the last key may be missing", name);
}

static void check_keys(const struct command *row, const char *name)
{
    size_t count = command_info_key_spec_count(row);
    for (size_t i = 0; i < count; i++) {
        check_key_spec(row, &row->keys[i], name);
    }
    bool needs_key = (row->categories & (CATEGORY_STRING | CATEGORY_HASH | CATEGORY_LIST |
                                         CATEGORY_SET | CATEGORY_SORTEDSET)) != 0;
    ck_assert_msg(count > 0 || !needs_key, "%s: on data, but without keys", name);
}

START_TEST(key_specifications)
{
    for_each_row(check_keys);
}
END_TEST

/* --- containers ------------------------------------------------------------------------------ */

static void check_container(const struct command *row, const char *name)
{
    struct slice full = slice_of_string(row->name);
    if (row->parent == NULL) {
        ck_assert_msg(table_find(full) == row, "%s: found by its name", name);
    } else {
        ck_assert_msg(table_find_subcommand(row->parent, full) == row, "%s: found", name);
        ck_assert_msg(row->subcommands == NULL, "%s: a subcommand has none of its own", name);
        ck_assert_msg(strcmp(row->group, row->parent->group) == 0, "%s: its parent's group", name);
    }
    if (row->subcommands != NULL) {
        ck_assert_msg(row->handler != NULL || row->arity == -2, "%s: a container's arity", name);
        ck_assert_msg(table_find_subcommand(row, SLICE_LITERAL("HELP")) != NULL,
                      "%s: a container has a help", name);
    }
}

START_TEST(containers)
{
    for_each_row(check_container);
}
END_TEST

/* --- names ----------------------------------------------------------------------------------- */

static bool is_small_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Only letters may differ, and only in their case; copies are all that lies at their addresses. */
static void check_name(const struct command *row, const char *name)
{
    if (row->parent != NULL) {
        return;
    }
    size_t size = strlen(row->name);
    ck_assert_msg(table_find(slice_make(row->name, size + 1)) == NULL, "%s: and a NUL", name);
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memcpy(text, row->name, size);
    struct slice same = slice_make(text, size);
    for (size_t i = 0; i < size; i++) {
        char was = text[i];
        text[i] = (char)(was ^ 0x20);
        ck_assert_msg((table_find(same) == row) == is_small_letter(was), "%s: case of '%c'", name,
                      was);
        text[i] = (char)(was ^ 0x60);
        ck_assert_msg(table_find(same) != row, "%s: another byte for '%c'", name, was);
        text[i] = (char)(was ^ 0x80);
        ck_assert_msg(table_find(same) == NULL, "%s: the high bit of '%c'", name, was);
        text[i] = was;
        ck_assert_msg(table_find(slice_make(text, i)) != row, "%s: its first %zu", name, i);
    }
    ck_assert_msg(table_find(same) == row, "%s", name);
    free(text);
}

START_TEST(names)
{
    for_each_row(check_name);
    ck_assert_ptr_null(table_find(slice_make(NULL, 0)));
    ck_assert_ptr_null(table_find(slice_make("\0\0\0\0\0\0\0\0\0", 9)));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("g")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("\0")));
}
END_TEST

/* --- keys of a call -------------------------------------------------------------------------- */

#define WORDS_MAX 12

/* Checks the keys of a call, given as the words of a text; "3" is the argument with that index. */
static void expect_keys(const char *text, const char *expected)
{
    table_init();
    struct slice arguments[WORDS_MAX] = {{NULL, 0}};
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at += strspn(at, " ")) {
        ck_assert_uint_lt(count, WORDS_MAX);
        arguments[count++] = slice_make(at, strcspn(at, " "));
        at += strcspn(at, " ");
    }
    const struct command *command = table_find(arguments[0]);
    ck_assert_ptr_nonnull(command);
    if (command->subcommands != NULL) {
        command = table_find_subcommand(command, arguments[1]);
        ck_assert_ptr_nonnull(command);
    }
    char found[64] = "";
    struct command_keys keys = command_keys_of(command, arguments, count);
    struct command_key key;
    while (command_keys_next(&keys, &key)) {
        size_t used = strlen(found);
        (void)snprintf(found + used, sizeof(found) - used, "%zu%s ", key.index,
                       (key.flags & KEY_VARIABLE_FLAGS) != 0 ? "?"
                       : (key.flags & KEY_RO) != 0           ? "r"
                       : (key.flags & KEY_OW) != 0           ? "o"
                                                             : "w");
    }
    ck_assert_msg(strcmp(found, expected) == 0, "%s: keys '%s', expected '%s'", text, found,
                  expected);
}

START_TEST(keys_of_calls)
{
    expect_keys("get a", "1r ");
    expect_keys("mget a b c", "1r 2r 3r ");
    expect_keys("mset a 1 b 2", "1o 3o ");
    expect_keys("mset a 1 b", "1o 3o ");
    expect_keys("bitop and d a b", "2o 3r 4r ");
    expect_keys("pfmerge a", "1w ");
    expect_keys("pfmerge a b c", "1w 2r 3r ");
    expect_keys("bitfield a", "1r ");
    expect_keys("bitfield a get u8 0", "1r ");
    expect_keys("bitfield a overflow sat get u8 0", "1r ");
    expect_keys("bitfield a set u8 0 1", "1w ");
    expect_keys("bitfield a get u8", "1w ");
    expect_keys("rename a b", "1w 2o ");
    expect_keys("copy a b db 1", "1r 2o ");
    expect_keys("object encoding a", "2r ");
    expect_keys("set a b", "1o ");
    expect_keys("set a get", "1o ");
    expect_keys("set a b NX Get", "1w ");
    expect_keys("ping a", "");
    expect_keys("config get a", "");
    expect_keys("migrate host 1 a 0 9", "3w ");
    expect_keys("migrate host 1 a 0 9 copy auth keys", "3w ");
    expect_keys("migrate host 1 a 0 9 copy keys b", "");
}
END_TEST

static void expect_range(const char *name, int first, int last, int step)
{
    table_init();
    const struct command *command = table_find(slice_of_string(name));
    ck_assert_ptr_nonnull(command);
    struct command_key_range range = command_info_key_range(command);
    ck_assert_int_eq(range.first, first);
    ck_assert_int_eq(range.last, last);
    ck_assert_int_eq(range.step, step);
}

START_TEST(key_ranges)
{
    expect_range("get", 1, 1, 1);
    expect_range("del", 1, -1, 1);
    expect_range("mset", 1, -1, 2);
    expect_range("rename", 1, 2, 1);
    expect_range("ping", 0, 0, 0);

    /* Two specifications with a gap between them, or with steps, are no range. */
    struct command gap = {.keys = {{1, 0, 1, KEY_RO, NULL}, {3, 0, 1, KEY_OW, NULL}}};
    ck_assert_int_eq(command_info_key_range(&gap).first, 0);
    struct command steps = {.keys = {{1, 2, 2, KEY_RO, NULL}, {4, 0, 1, KEY_OW, NULL}}};
    ck_assert_int_eq(command_info_key_range(&steps).first, 0);
}
END_TEST

START_TEST(categories)
{
    struct command row = {.flags = COMMAND_READONLY | COMMAND_FAST, .categories = CATEGORY_HASH};
    ck_assert_uint_eq(command_info_categories(&row), CATEGORY_HASH | CATEGORY_READ | CATEGORY_FAST);
    row = (struct command){.flags = COMMAND_WRITE | COMMAND_ADMIN | COMMAND_BLOCKING};
    ck_assert_uint_eq(command_info_categories(&row), CATEGORY_WRITE | CATEGORY_ADMIN |
                                                         CATEGORY_DANGEROUS | CATEGORY_BLOCKING |
                                                         CATEGORY_SLOW);
    row = (struct command){.flags = COMMAND_READONLY, .categories = CATEGORY_SCRIPTING};
    ck_assert_uint_eq(command_info_categories(&row), CATEGORY_SCRIPTING | CATEGORY_SLOW);

    uint32_t category = 7;
    ck_assert(category_find(SLICE_LITERAL("SortedSet"), &category));
    ck_assert_uint_eq(category, CATEGORY_SORTEDSET);
    ck_assert(!category_find(SLICE_LITERAL("@hash"), &category));
    ck_assert_uint_eq(category, CATEGORY_SORTEDSET);
}
END_TEST

/* --- what is not here ------------------------------------------------------------------------ */

static void check_presence(const struct command *row, const char *name)
{
    (void)row;
    for (const struct acl_absent *absent = acl_absent; absent->name != NULL; absent++) {
        ck_assert_msg(strcmp(absent->name, name) != 0,
                      "%s has come, and acl_absent has a row for it still", name);
    }
}

START_TEST(absent_commands_have_no_row)
{
    for_each_row(check_presence);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command rows");
    TCase *rows = tcase_create("rows");
    tcase_add_test(rows, texts);
    tcase_add_test(rows, tips);
    tcase_add_test(rows, syntaxes_fit_arity_and_keys);
    tcase_add_test(rows, flags_and_categories);
    tcase_add_test(rows, key_specifications);
    tcase_add_test(rows, containers);
    tcase_add_test(rows, names);
    tcase_add_test(rows, absent_commands_have_no_row);
    suite_add_tcase(suite, rows);
    TCase *use = tcase_create("use");
    tcase_add_test(use, keys_of_calls);
    tcase_add_test(use, key_ranges);
    tcase_add_test(use, categories);
    suite_add_tcase(suite, use);
    return test_run_suite(suite);
}
