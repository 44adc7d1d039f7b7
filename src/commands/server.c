/*
 * server.c - TIME SHUTDOWN MODULE: the server as a whole.
 */
#include "server/server.h"

#include "base/clock.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"

static void time_of_day(struct call *call)
{
    int64_t now_us = clock_unix_us();
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, now_us / 1000000);
    reply_bulk_integer(call->reply, now_us % 1000000);
}

/* --- SHUTDOWN --- */

struct shutdown_request {
    bool save;
    bool nosave;
    bool now_or_force; /* there is nothing that they would make faster here */
    bool abort;
};

static bool parse_shutdown(const struct call *call, struct shutdown_request *out)
{
    *out = (struct shutdown_request){0};
    for (size_t i = 1; i < call->argument_count; i++) {
        struct slice option = call->arguments[i];
        if (slice_is_word(option, "save")) {
            out->save = true;
        } else if (slice_is_word(option, "nosave")) {
            out->nosave = true;
        } else if (slice_is_word(option, "now") || slice_is_word(option, "force")) {
            out->now_or_force = true;
        } else if (slice_is_word(option, "abort")) {
            out->abort = true;
        } else {
            return false;
        }
    }
    bool has_others = out->save || out->nosave || out->now_or_force;
    return !(out->save && out->nosave) && !(out->abort && has_others);
}

/* There is no reply when it works: the connection just ends. */
static void shut_down(struct call *call)
{
    struct shutdown_request request;
    if (!parse_shutdown(call, &request)) {
        errors_reply(call, ERROR_SYNTAX);
        return;
    }
    if (request.abort) {
        if (server_abort_shutdown(call->server)) {
            reply_ok(call->reply);
        } else {
            reply_error(call->reply, "ERR No shutdown in progress.");
        }
        return;
    }
    /* What the client has sent behind it is not executed any more; its connection is not closed
     * before the others (worker_destroy). */
    (void)server_block_locked(call->server, call->session);
    server_request_shutdown(call->server, !request.nosave);
}

/* --- MODULE --- */

static void module_list(struct call *call)
{
    reply_empty_array(call->reply);
}

static void module_help(struct call *call)
{
    static const char *const lines[] = {
        "LIST",
        "    List the modules: there are none, for this server can't load any.",
        "LOAD <path> [<arg> ...]",
        "    Refused.",
        "LOADEX <path> [CONFIG <name> <value> ...] [ARGS <arg> ...]",
        "    Refused.",
        "UNLOAD <name>",
        "    Refused.",
        NULL,
    };
    help_reply(call, lines);
}

/* Refused before it is tried, by what Redis answers where the configuration forbids modules, as it
 * does by default: so these rows have no handler. */
#define MODULE_CHANGE                                                                              \
    (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING | COMMAND_MODULES)
#define ROW_MODULE .group = "server", .parent = &server_commands[0]

static const struct command module_subcommands[] = {
    {.name = "list",
     .handler = module_list,
     .arity = 2,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT,
     .since = "4.0.0",
     .summary = "Lists the modules, of which there are none",
     .complexity = "O(1)",
     .tips = "nondeterministic_output_order",
     ROW_MODULE},
    {.name = "load",
     .arity = -3,
     .flags = MODULE_CHANGE,
     .since = "4.0.0",
     .summary = "Refused: this server has no modules",
     .complexity = "O(1)",
     .syntax = "path [arg...]",
     ROW_MODULE},
    {.name = "loadex",
     .arity = -3,
     .flags = MODULE_CHANGE,
     .since = "7.0.0",
     .summary = "Refused: this server has no modules",
     .complexity = "O(1)",
     .syntax = "path [CONFIG... configs(name value)] [ARGS args(arg)...]",
     ROW_MODULE},
    {.name = "unload",
     .arity = 3,
     .flags = MODULE_CHANGE,
     .since = "4.0.0",
     .summary = "Refused: this server has no modules",
     .complexity = "O(1)",
     .syntax = "name",
     ROW_MODULE},
    {.name = "help",
     .handler = module_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "5.0.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_MODULE},
    {0},
};

const struct command server_commands[] = {
    {.name = "module",
     .arity = -2,
     .group = "server",
     .since = "4.0.0",
     .summary = "A container for the commands about modules",
     .complexity = "Depends on subcommand.",
     .subcommands = module_subcommands},
    {.name = "time",
     .handler = time_of_day,
     .arity = 1,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .group = "server",
     .since = "2.6.0",
     .summary = "Tells the server's time: Unix seconds, and microseconds within the second",
     .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "shutdown",
     .handler = shut_down,
     .arity = -1,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE |
              COMMAND_NO_MULTI | COMMAND_ALLOW_BUSY,
     .group = "server",
     .since = "1.0.0",
     .summary = "Stops the server",
     .complexity = "O(N) where N is the number of bytes not yet synced",
     .syntax = "[nosave_save<NOSAVE | SAVE>] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]"},
    {0},
};
