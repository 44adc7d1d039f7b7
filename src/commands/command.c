/*
 * command.c - COMMAND: what the server says of its commands, all of it from their rows.
 */
#include "base/glob.h"
#include "commands/command_docs.h"
#include "commands/command_info.h"
#include "commands/command_keys.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/table.h"
#include "commands/tables.h"

static void run_command(struct call *call)
{
    reply_array(call->reply, table_count());
    for (size_t i = 0; i < table_count(); i++) {
        command_info_reply(call->reply, table_at(i));
    }
}

static void run_count(struct call *call)
{
    reply_integer(call->reply, (int64_t)table_count());
}

static void run_info(struct call *call)
{
    if (call->argument_count == 2) {
        run_command(call);
        return;
    }
    reply_array(call->reply, call->argument_count - 2);
    for (size_t i = 2; i < call->argument_count; i++) {
        const struct command *command = table_find_full(call->arguments[i]);
        if (command == NULL) {
            reply_null(call->reply);
        } else {
            command_info_reply(call->reply, command);
        }
    }
}

static void run_docs(struct call *call)
{
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(call->reply);
    if (call->argument_count == 2) {
        for (; count < table_count(); count++) {
            command_docs_reply(call->reply, table_at(count));
        }
    }
    for (size_t i = 2; i < call->argument_count; i++) {
        const struct command *command = table_find_full(call->arguments[i]);
        if (command != NULL) {
            command_docs_reply(call->reply, command);
            count++;
        }
    }
    reply_deferred_map(call->reply, mark, count);
}

/* --- COMMAND LIST ---------------------------------------------------------------------------- */

enum list_filter { LIST_ALL, LIST_NONE, LIST_CATEGORY, LIST_PATTERN };

struct list_options {
    enum list_filter filter;
    uint32_t category;
    struct slice pattern;
};

static enum client_error parse_list(const struct call *call, struct list_options *options)
{
    *options = (struct list_options){.filter = LIST_ALL};
    if (call->argument_count == 2) {
        return ERROR_NONE;
    }
    if (call->argument_count != 5 || !slice_is_word(call->arguments[2], "filterby")) {
        return ERROR_SYNTAX;
    }
    struct slice kind = call->arguments[3];
    struct slice value = call->arguments[4];
    if (slice_is_word(kind, "module")) {
        options->filter = LIST_NONE; /* there are no modules, so none has commands */
    } else if (slice_is_word(kind, "aclcat")) {
        bool is_known = category_find(value, &options->category);
        options->filter = is_known ? LIST_CATEGORY : LIST_NONE;
    } else if (slice_is_word(kind, "pattern")) {
        options->filter = LIST_PATTERN;
        options->pattern = value;
    } else {
        return ERROR_SYNTAX;
    }
    return ERROR_NONE;
}

static bool is_listed(const struct list_options *options, const struct command *command,
                      const char *name)
{
    switch (options->filter) {
    case LIST_ALL:
        return true;
    case LIST_CATEGORY:
        return (command_info_categories(command) & options->category) != 0;
    case LIST_PATTERN:
        return glob_match(options->pattern, slice_of_string(name), true);
    case LIST_NONE:
        break;
    }
    return false;
}

static void run_list(struct call *call)
{
    struct list_options options;
    enum client_error error = parse_list(call, &options);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(call->reply);
    for (size_t i = 0; i < table_row_count(); i++) {
        char name[COMMAND_NAME_SIZE_MAX];
        const struct command *command = table_row_at(i);
        table_full_name(command, name);
        if (is_listed(&options, command, name) && table_is_callable(command)) {
            reply_bulk_string(call->reply, name);
            count++;
        }
    }
    reply_deferred_array(call->reply, mark, count);
}

/* --- COMMAND GETKEYS ------------------------------------------------------------------------- */

typedef void reply_key(struct reply *reply, struct slice name, uint32_t flags);

/* Shard channels are found like keys, and are none. */
static bool has_keys(const struct command *command)
{
    for (size_t i = 0; i < command_info_key_spec_count(command); i++) {
        if ((command->keys[i].flags & KEY_NOT_KEY) == 0) {
            return true;
        }
    }
    return false;
}

static void reply_keys(struct call *call, reply_key *reply_one)
{
    const struct slice *arguments = call->arguments + 2;
    size_t argument_count = call->argument_count - 2;
    const struct command *command = table_find_call(arguments, argument_count);
    if (command == NULL) {
        reply_error(call->reply, "ERR Invalid command specified");
        return;
    }
    if (!has_keys(command)) {
        reply_error(call->reply, "ERR The command has no key arguments");
        return;
    }
    if (!table_is_arity_right(command, argument_count)) {
        reply_error(call->reply, "ERR Invalid number of arguments specified for command");
        return;
    }
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(call->reply);
    struct command_keys keys = command_keys_of(command, arguments, argument_count);
    struct command_key key;
    while (command_keys_next(&keys, &key)) {
        reply_one(call->reply, arguments[key.index], key.flags);
        count++;
    }
    bool is_whole = count > 0 && command_keys_are_whole(command, argument_count);
    if (!is_whole && (command->flags & COMMAND_NO_MANDATORY_KEYS) == 0) {
        reply_rewind(call->reply, mark);
        reply_error(call->reply, "ERR Invalid arguments specified for command");
        return;
    }
    reply_deferred_array(call->reply, mark, count);
}

static void reply_key_name(struct reply *reply, struct slice name, uint32_t flags)
{
    (void)flags;
    reply_bulk(reply, name);
}

static void reply_key_and_flags(struct reply *reply, struct slice name, uint32_t flags)
{
    reply_array(reply, 2);
    reply_bulk(reply, name);
    command_info_reply_key_flags(reply, flags);
}

static void run_getkeys(struct call *call)
{
    reply_keys(call, reply_key_name);
}

static void run_getkeysandflags(struct call *call)
{
    reply_keys(call, reply_key_and_flags);
}

static void run_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Describe every command to a program.",
        "COUNT",
        "    Tell how many commands there are.",
        "LIST [FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    List the names of commands, subcommands included.",
        "INFO [<command-name> ...]",
        "    Describe these commands to a program, or all without a name.",
        "DOCS [<command-name> ...]",
        "    Describe these commands to people, or all without a name.",
        "GETKEYS <full-command>",
        "    Tell which arguments of a call are keys.",
        "GETKEYSANDFLAGS <full-command>",
        "    Tell which arguments of a call are keys, and how it uses each.",
        NULL,
    };
    help_reply(call, lines);
}

/* --- the rows -------------------------------------------------------------------------------- */

#define ROW_COMMON                                                                                 \
    .flags = COMMAND_LOADING | COMMAND_STALE, .categories = CATEGORY_CONNECTION, .group = "server"
#define ROW_SUBCOMMAND ROW_COMMON, .parent = &command_commands[0]

static const struct command command_subcommands[] = {
    {.name = "count",
     .handler = run_count,
     .arity = 2,
     ROW_SUBCOMMAND,
     .since = "2.8.13",
     .summary = "Returns how many commands the server has",
     .complexity = "O(1)"},
    {.name = "docs",
     .handler = run_docs,
     .arity = -2,
     ROW_SUBCOMMAND,
     .since = "7.0.0",
     .summary = "Describes commands to people: summary, group, arguments",
     .complexity = "O(N) with N the number of commands described",
     .syntax = "[command-name...]",
     .tips = "nondeterministic_output_order"},
    {.name = "getkeys",
     .handler = run_getkeys,
     .arity = -4,
     ROW_SUBCOMMAND,
     .since = "2.8.13",
     .summary = "Returns those arguments of a call that are keys",
     .complexity = "O(N) with N the number of arguments"},
    {.name = "getkeysandflags",
     .handler = run_getkeysandflags,
     .arity = -4,
     ROW_SUBCOMMAND,
     .since = "7.0.0",
     .summary = "Returns the keys among the arguments of a call, and how it uses each",
     .complexity = "O(N) with N the number of arguments"},
    {.name = "help",
     .handler = run_help,
     .arity = 2,
     ROW_SUBCOMMAND,
     .since = "5.0.0",
     .summary = "Lists the subcommands of COMMAND",
     .complexity = "O(1)"},
    {.name = "info",
     .handler = run_info,
     .arity = -2,
     ROW_SUBCOMMAND,
     .since = "2.8.13",
     .summary = "Describes commands to programs: arity, flags, categories, keys",
     .complexity = "O(N) with N the number of commands described",
     .syntax = "[command-name...]",
     .tips = "nondeterministic_output_order"},
    {.name = "list",
     .handler = run_list,
     .arity = -2,
     ROW_SUBCOMMAND,
     .since = "7.0.0",
     .summary = "Returns the names of all commands, or of those that a filter lets through",
     .complexity = "O(N) with N the number of commands",
     .syntax =
         "[FILTERBY filterby<MODULE module-name | ACLCAT category | PATTERN pattern:pattern>]",
     .tips = "nondeterministic_output_order"},
    {0},
};

const struct command command_commands[] = {
    {.name = "command",
     .handler = run_command,
     .arity = -1,
     ROW_COMMON,
     .since = "2.8.13",
     .summary = "Describes all commands to programs",
     .complexity = "O(N) with N the number of commands",
     .tips = "nondeterministic_output_order",
     .subcommands = command_subcommands},
    {0},
};
