/*
 * script.c - SCRIPT and FUNCTION as far as they can be answered by a server that runs no scripts:
 * there are none, so none exists, none runs, and all of them can be flushed, dumped and restored.
 */
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"
#include "keyspace/dump.h"

/* False: there are more options than one, or it is none, and the error is written. */
static bool parse_flush(struct call *call, const char *complaint, bool counts_first)
{
    if (counts_first && call->argument_count > 3) {
        errors_reply_wrong_use(call->reply, call->command->parent, call->arguments[1]);
        return false;
    }
    bool is_right = call->argument_count == 2 ||
                    (call->argument_count == 3 && (slice_is_word(call->arguments[2], "sync") ||
                                                   slice_is_word(call->arguments[2], "async")));
    if (!is_right) {
        reply_error(call->reply, complaint);
    }
    return is_right;
}

static void reply_not_busy(struct call *call)
{
    reply_error(call->reply, "NOTBUSY No scripts in execution right now.");
}

/* --- SCRIPT --- */

static void script_exists(struct call *call)
{
    reply_array(call->reply, call->argument_count - 2);
    for (size_t i = 2; i < call->argument_count; i++) {
        reply_integer(call->reply, 0);
    }
}

static void script_flush(struct call *call)
{
    if (parse_flush(call, "ERR SCRIPT FLUSH only support SYNC|ASYNC option", false)) {
        reply_ok(call->reply);
    }
}

static void script_help(struct call *call)
{
    static const char *const lines[] = {
        "EXISTS <sha1> [<sha1> ...]",
        "    Tell which scripts are known: none is, this server has no scripts.",
        "FLUSH [ASYNC|SYNC]",
        "    Forget all scripts, of which there are none.",
        "KILL",
        "    End the script that runs: none does.",
        NULL,
    };
    help_reply(call, lines);
}

/* --- FUNCTION --- */

static void function_flush(struct call *call)
{
    if (parse_flush(call, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option", true)) {
        reply_ok(call->reply);
    }
}

static bool parse_list(struct call *call)
{
    bool has_code = false;
    bool has_name = false;
    for (size_t i = 2; i < call->argument_count; i++) {
        struct slice option = call->arguments[i];
        if (!has_code && slice_is_word(option, "withcode")) {
            has_code = true;
        } else if (!has_name && slice_is_word(option, "libraryname")) {
            has_name = true;
            i++;
            if (i == call->argument_count) {
                reply_error(call->reply, "ERR library name argument was not given");
                return false;
            }
        } else {
            reply_error_format(call->reply, "ERR Unknown argument %.*s",
                               slice_print_size_of(option, 128), option.data);
            return false;
        }
    }
    return true;
}

static void function_list(struct call *call)
{
    if (parse_list(call)) {
        reply_empty_array(call->reply);
    }
}

/* As a Redis without functions: programs look up its engine, and what it has is counted as here. */
static void function_stats(struct call *call)
{
    reply_map(call->reply, 2);
    reply_bulk_string(call->reply, "running_script");
    reply_null(call->reply);
    reply_bulk_string(call->reply, "engines");
    reply_map(call->reply, 1);
    reply_bulk_string(call->reply, "LUA");
    reply_map(call->reply, 2);
    reply_bulk_string(call->reply, "libraries_count");
    reply_integer(call->reply, 0);
    reply_bulk_string(call->reply, "functions_count");
    reply_integer(call->reply, 0);
}

static void function_delete(struct call *call)
{
    reply_error(call->reply, "ERR Library not found");
}

static void function_dump(struct call *call)
{
    char bytes[DUMP_FOOTER_SIZE];
    dump_encode_nothing(bytes);
    reply_bulk(call->reply, slice_make(bytes, sizeof(bytes)));
}

static bool is_restore_policy(struct slice word)
{
    return slice_is_word(word, "append") || slice_is_word(word, "replace") ||
           slice_is_word(word, "flush");
}

/* Takes a dump of no functions. */
static void function_restore(struct call *call)
{
    struct slice dump = call->arguments[2];
    if (call->argument_count > 4) {
        errors_reply_wrong_use(call->reply, call->command->parent, call->arguments[1]);
    } else if (call->argument_count == 4 && !is_restore_policy(call->arguments[3])) {
        reply_error(call->reply, "ERR Wrong restore policy given, value should be either FLUSH, "
                                 "APPEND or REPLACE.");
    } else if (!dump_is_sound(dump)) {
        errors_reply(call, ERROR_DUMP_CHECKSUM);
    } else if (dump.size == DUMP_FOOTER_SIZE) {
        reply_ok(call->reply);
    } else if ((unsigned char)dump.data[0] != DUMP_TYPE_FUNCTION) {
        reply_error(call->reply, "ERR given type is not a function");
    } else {
        reply_error(call->reply, "ERR scdb has no functions: it can restore a dump of none only");
    }
}

static void function_help(struct call *call)
{
    static const char *const lines[] = {
        "DELETE <library>",
        "    Delete a library: there are none, this server has no functions.",
        "DUMP",
        "    Return all libraries, of which there are none, in the form that RESTORE takes.",
        "FLUSH [ASYNC|SYNC]",
        "    Delete all libraries, of which there are none.",
        "KILL",
        "    End the function that runs: none does.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    List the libraries: there are none.",
        "RESTORE <dump> [FLUSH|APPEND|REPLACE]",
        "    Take back what DUMP has returned where there were no libraries.",
        "STATS",
        "    Tell which function runs, and how many there are: none.",
        NULL,
    };
    help_reply(call, lines);
}

/* --- the rows --- */

#define ROW_SCRIPT                                                                                 \
    .categories = CATEGORY_SCRIPTING, .group = "scripting", .parent = &script_commands[0]
#define ROW_FUNCTION                                                                               \
    .categories = CATEGORY_SCRIPTING, .group = "scripting", .since = "7.0.0",                      \
    .parent = &function_commands[0]

static const struct command script_subcommands[] = {
    {.name = "exists",
     .handler = script_exists,
     .arity = -3,
     .flags = COMMAND_NOSCRIPT,
     .since = "2.6.0",
     .summary = "Tells which scripts are known: there are none",
     .complexity = "O(N) with N the number of scripts asked for",
     .syntax = "sha1...",
     .tips = "request_policy:all_shards response_policy:agg_logical_and",
     ROW_SCRIPT},
    {.name = "flush",
     .handler = script_flush,
     .arity = -2,
     .flags = COMMAND_NOSCRIPT,
     .since = "2.6.0",
     .summary = "Forgets all scripts, of which there are none",
     .complexity = "O(1)",
     .syntax = "[async<ASYNC | SYNC>@6.2.0]",
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     ROW_SCRIPT},
    {.name = "kill",
     .handler = reply_not_busy,
     .arity = 2,
     .flags = COMMAND_NOSCRIPT | COMMAND_ALLOW_BUSY,
     .since = "2.6.0",
     .summary = "Ends the script that runs: none does",
     .complexity = "O(1)",
     .tips = "request_policy:all_shards response_policy:one_succeeded",
     ROW_SCRIPT},
    {.name = "help",
     .handler = script_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "5.0.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_SCRIPT},
    {0},
};

const struct command script_commands[] = {
    {.name = "script",
     .arity = -2,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "A container for the commands about scripts, of which there are none yet",
     .complexity = "Depends on subcommand.",
     .subcommands = script_subcommands},
    {0},
};

static const struct command function_subcommands[] = {
    {.name = "delete",
     .handler = function_delete,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_NOSCRIPT,
     .summary = "Deletes a library of functions: there are none",
     .complexity = "O(1)",
     .syntax = "library-name",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     ROW_FUNCTION},
    {.name = "dump",
     .handler = function_dump,
     .arity = 2,
     .flags = COMMAND_NOSCRIPT,
     .summary = "Returns all functions, of which there are none, in the form that RESTORE takes",
     .complexity = "O(1)",
     ROW_FUNCTION},
    {.name = "flush",
     .handler = function_flush,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_NOSCRIPT,
     .summary = "Deletes all functions, of which there are none",
     .complexity = "O(1)",
     .syntax = "[async<ASYNC | SYNC>]",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     ROW_FUNCTION},
    {.name = "kill",
     .handler = reply_not_busy,
     .arity = 2,
     .flags = COMMAND_NOSCRIPT | COMMAND_ALLOW_BUSY,
     .summary = "Ends the function that runs: none does",
     .complexity = "O(1)",
     .tips = "request_policy:all_shards response_policy:one_succeeded",
     ROW_FUNCTION},
    {.name = "list",
     .handler = function_list,
     .arity = -2,
     .flags = COMMAND_NOSCRIPT,
     .summary = "Lists the libraries of functions: there are none",
     .complexity = "O(N) where N is the number of functions",
     .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]",
     .tips = "nondeterministic_output_order",
     ROW_FUNCTION},
    {.name = "restore",
     .handler = function_restore,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_NOSCRIPT,
     .summary = "Takes a dump of functions, if it is of none",
     .complexity = "O(1)",
     .syntax = "serialized-value [policy<FLUSH | APPEND | REPLACE>]",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     ROW_FUNCTION},
    {.name = "stats",
     .handler = function_stats,
     .arity = 2,
     .flags = COMMAND_NOSCRIPT | COMMAND_ALLOW_BUSY,
     .summary = "Tells which function runs: none does",
     .complexity = "O(1)",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
     ROW_FUNCTION},
    {.name = "help",
     .handler = function_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_FUNCTION},
    {0},
};

const struct command function_commands[] = {
    {.name = "function",
     .arity = -2,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "A container for the commands about functions, of which there are none yet",
     .complexity = "Depends on subcommand.",
     .subcommands = function_subcommands},
    {0},
};
