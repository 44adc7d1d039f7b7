/*
 * commands_page.c - writes docs/commands.md, the reference of all commands, to stdout.
 *
 * Everything on the page comes from the commands' rows. `make docs` writes it anew, `make lint`
 * complains when it is out of date.
 */
#include "base/check.h"
#include "commands/command_info.h"
#include "commands/syntax.h"
#include "commands/table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* The sections of the page; a group that is missing here stops the program. */
static const struct section {
    const char *group;
    const char *title;
} sections[] = {
    {"string", "Strings"},
    {"bitmap", "Bits"},
    {"hyperloglog", "HyperLogLogs"},
    {"generic", "Keys and databases"},
    {"transactions", "Transactions"},
    {"pubsub", "Messages"},
    {"connection", "Connections"},
    {"server", "The server"},
    {"scripting", "Scripts and functions"},
    {"cluster", "Cluster"},
    {"sentinel", "Sentinel"},
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

static void print_slice(struct slice slice)
{
    (void)fwrite(slice.data, 1, slice.size, stdout);
}

static void print_upper(const char *word)
{
    for (const char *c = word; *c != '\0'; c++) {
        (void)putchar(toupper((unsigned char)*c));
    }
}

/* --- how a command is written ---------------------------------------------------------------- */

static void print_argument(const struct syntax_argument *argument);

static void print_children(const struct syntax_argument *argument, const char *separator)
{
    const struct syntax_argument *child = argument + 1;
    for (size_t i = 0; i < argument->child_count; i++, child += child->size) {
        printf("%s", i == 0 ? "" : separator);
        print_argument(child);
    }
}

/* Without the token in front of it. Alternatives need no brackets of their own inside those of an
 * optional argument. */
static void print_body(const struct syntax_argument *argument)
{
    bool has_brackets = argument->optional && argument->token.data == NULL && !argument->multiple;
    switch (argument->type) {
    case SYNTAX_ONEOF:
        printf("%s", has_brackets ? "" : "<");
        print_children(argument, " | ");
        printf("%s", has_brackets ? "" : ">");
        break;
    case SYNTAX_BLOCK:
        print_children(argument, " ");
        break;
    case SYNTAX_PURE_TOKEN:
        break;
    default:
        print_slice(argument->name);
        break;
    }
}

static void print_token(const struct syntax_argument *argument)
{
    if (argument->token.data == NULL) {
        return;
    }
    print_slice(argument->token.size > 0 ? argument->token : SLICE_LITERAL("\"\""));
    printf("%s", argument->type == SYNTAX_PURE_TOKEN ? "" : " ");
}

static void print_argument(const struct syntax_argument *argument)
{
    printf("%s", argument->optional ? "[" : "");
    print_token(argument);
    print_body(argument);
    if (argument->multiple) {
        /* "[key ...]" may be left out as a whole, "key [key ...]" may not. */
        bool is_short = argument->optional && argument->token.data == NULL;
        if (is_short) {
            printf(" ...");
        } else {
            printf(" [");
            if (argument->multiple_token) {
                print_token(argument);
            }
            print_body(argument);
            printf(" ...]");
        }
    }
    printf("%s", argument->optional ? "]" : "");
}

static void print_name(const struct command *row)
{
    if (row->parent != NULL) {
        print_upper(row->parent->name);
        (void)putchar(' ');
    }
    print_upper(row->name);
}

static void print_usage(const struct command *row)
{
    struct syntax syntax;
    enum status status = syntax_parse(row->syntax, &syntax, NULL);
    CHECK(status == STATUS_OK);
    printf("    ");
    print_name(row);
    const struct syntax_argument *argument = syntax.arguments;
    for (size_t i = 0; i < syntax.top_count; i++, argument += argument->size) {
        (void)putchar(' ');
        print_argument(argument);
    }
    printf("\n\n");
    syntax_deinit(&syntax);
}

/* --- the page -------------------------------------------------------------------------------- */

static void print_categories(const struct command *row)
{
    struct slice names[CATEGORY_COUNT];
    size_t count = command_info_category_names(command_info_categories(row), names);
    for (size_t i = 0; i < count; i++) {
        printf("%s`@", i == 0 ? "" : " ");
        print_slice(names[i]);
        (void)putchar('`');
    }
}

static void print_row(const struct command *row)
{
    printf("### ");
    print_name(row);
    printf("\n\n%s.\n\n", row->summary);
    print_usage(row);
    printf("Since %s. Cost: %s%s Categories: ", row->since, row->complexity,
           row->complexity[strlen(row->complexity) - 1] == '.' ? "" : ".");
    print_categories(row);
    printf(".\n\n");
    if (row->deprecated_since != NULL) {
        printf("Deprecated since %s; use %s.\n\n", row->deprecated_since, row->replaced_by);
    }
}

static void print_section(const struct section *section)
{
    bool is_begun = false;
    for (size_t i = 0; i < table_row_count(); i++) {
        const struct command *row = table_row_at(i);
        bool is_container = row->subcommands != NULL && row->handler == NULL;
        if (strcmp(row->group, section->group) != 0 || is_container) {
            continue;
        }
        if (!is_begun) {
            printf("## %s\n\n", section->title);
            is_begun = true;
        }
        print_row(row);
    }
}

static void check_groups(void)
{
    for (size_t i = 0; i < table_row_count(); i++) {
        bool is_known = false;
        for (size_t at = 0; at < SECTION_COUNT; at++) {
            is_known = is_known || strcmp(table_row_at(i)->group, sections[at].group) == 0;
        }
        CHECK(is_known);
    }
}

int main(void)
{
    table_init();
    check_groups();
    printf("# Commands\n\n"
           "<!-- Written by `make docs` from the rows in src/commands: do not edit. -->\n\n"
           "Each command answers as in Redis 7. Words in capitals are written as they stand, in\n"
           "any case; `[...]` may be left out, `<a | b>` is one of several, `...` repeats what\n"
           "stands before it. Versions are those of Redis, in whose count `COMPACT` and `BACKUP`,\n"
           "which only scdb has, came with 7.2.0. `COMMAND DOCS` and `COMMAND INFO` say the same\n"
           "to programs.\n\n");
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        print_section(&sections[i]);
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
