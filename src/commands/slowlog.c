/*
 * slowlog.c - SLOWLOG: the commands that took long. What gets in is decided in observe.c.
 */
#include "server/slowlog.h"

#include "base/number.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"
#include "server/server.h"

#define COUNT_DEFAULT 10

static void reply_entry(struct reply *reply, const struct slowlog_entry *entry)
{
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->unix_seconds);
    reply_integer(reply, (int64_t)entry->microseconds);
    reply_array(reply, entry->argument_count);
    for (size_t i = 0; i < entry->argument_count; i++) {
        reply_bulk(reply, entry->arguments[i]);
    }
    reply_bulk(reply, entry->address);
    reply_bulk(reply, entry->name);
}

/* -1 is all. False: it is no such number, and the error is written. */
static bool parse_count(struct call *call, size_t available, size_t *count)
{
    int64_t number = COUNT_DEFAULT;
    if (call->argument_count > 3) {
        errors_reply_wrong_use(call->reply, call->command->parent, call->arguments[1]);
        return false;
    }
    if (call->argument_count == 3 && (!number_parse(call->arguments[2], &number) || number < -1)) {
        reply_error(call->reply, "ERR count should be greater than or equal to -1");
        return false;
    }
    bool all = number < 0 || (uint64_t)number > available;
    *count = all ? available : (size_t)number;
    return true;
}

static void slowlog_get(struct call *call)
{
    const struct slowlog *slowlog = server_slowlog_locked(call->server);
    size_t count;
    if (!parse_count(call, slowlog->count, &count)) {
        return;
    }
    reply_array(call->reply, count);
    const struct slowlog_entry *entry = slowlog->newest;
    for (size_t i = 0; i < count; i++, entry = entry->older) {
        reply_entry(call->reply, entry);
    }
}

static void slowlog_len(struct call *call)
{
    reply_integer(call->reply, (int64_t)server_slowlog_locked(call->server)->count);
}

static void slowlog_reset(struct call *call)
{
    slowlog_clear(server_slowlog_locked(call->server));
    reply_ok(call->reply);
}

static void slowlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Show the newest entries (10 unless told; -1 is all), each with its number, Unix",
        "    time, duration in microseconds, arguments, and the client's address and name.",
        "LEN",
        "    Tell how many entries there are.",
        "RESET",
        "    Forget all entries.",
        NULL,
    };
    help_reply(call, lines);
}

#define OWN        (COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE)
#define ROW_COMMON .group = "server", .parent = &slowlog_commands[0]

static const struct command slowlog_subcommands[] = {
    {.name = "get",
     .handler = slowlog_get,
     .arity = -2,
     .flags = OWN,
     .since = "2.2.12",
     .summary = "Shows the newest entries of the slow log",
     .complexity = "O(N) where N is the number of entries returned",
     .syntax = "[count:integer]",
     .tips = "request_policy:all_nodes nondeterministic_output",
     ROW_COMMON},
    {.name = "len",
     .handler = slowlog_len,
     .arity = 2,
     .flags = OWN,
     .since = "2.2.12",
     .summary = "Tells how many entries the slow log has",
     .complexity = "O(1)",
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
     ROW_COMMON},
    {.name = "reset",
     .handler = slowlog_reset,
     .arity = 2,
     .flags = OWN,
     .since = "2.2.12",
     .summary = "Forgets all entries of the slow log",
     .complexity = "O(N) where N is the number of entries",
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     ROW_COMMON},
    {.name = "help",
     .handler = slowlog_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "6.2.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_COMMON},
    {0},
};

const struct command slowlog_commands[] = {
    {.name = "slowlog",
     .arity = -2,
     .group = "server",
     .since = "2.2.12",
     .summary = "A container for the commands about commands that took long",
     .complexity = "Depends on subcommand.",
     .subcommands = slowlog_subcommands},
    {0},
};
