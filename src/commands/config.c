/*
 * config.c - CONFIG: the configuration at run time. What a directive is and may be is known to
 * server/config.h alone.
 */
#include "server/config.h"

#include "base/glob.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/server.h"
#include "server/session.h"
#include "server/statistics.h"

struct pairs {
    struct reply *reply;
    size_t count;
};

static void reply_pair(void *context, struct slice name, struct slice value)
{
    struct pairs *pairs = context;
    reply_bulk(pairs->reply, name);
    reply_bulk(pairs->reply, value);
    pairs->count++;
}

static void config_get(struct call *call)
{
    struct pairs pairs = {.reply = call->reply};
    struct reply_mark mark = reply_deferred_begin(call->reply);
    struct config_query query = {.patterns = call->arguments + 2,
                                 .pattern_count = call->argument_count - 2,
                                 .match = glob_match,
                                 .emit = reply_pair,
                                 .context = &pairs};
    if (config_get_locked(server_config(call->server), &query) != STATUS_OK) {
        call->reply->failed = true;
        return;
    }
    reply_deferred_map(call->reply, mark, pairs.count);
}

/* What config.h refused, in its words. */
static void reply_refusal(const struct call *call, enum status status, const struct error *error)
{
    if (status == STATUS_INVALID) {
        reply_error_format(call->reply, "ERR %s", error->text);
    } else {
        errors_reply_status(call, status);
    }
}

static void config_set(struct call *call)
{
    if (call->argument_count % 2 != 0) {
        errors_reply(call, ERROR_SYNTAX);
        return;
    }
    struct error error = {{0}};
    struct config *config = server_config(call->server);
    bool may_protected = session_is_permitted(
        call->session, (enum permission)config_number(config, CONFIG_ENABLE_PROTECTED_CONFIGS));
    enum status status = config_set_locked(config, call->arguments + 2,
                                           (call->argument_count - 2) / 2, may_protected, &error);
    if (status != STATUS_OK) {
        reply_refusal(call, status, &error);
        return;
    }
    reply_ok(call->reply);
}

static void config_rewrite(struct call *call)
{
    struct error error = {{0}};
    enum status status = config_rewrite_locked(server_config(call->server), &error);
    if (status != STATUS_OK) {
        reply_refusal(call, status, &error);
        return;
    }
    reply_ok(call->reply);
}

static void config_resetstat(struct call *call)
{
    statistics_reset_locked(server_statistics(call->server));
    keyspace_eviction(call->keyspace)->evicted_keys = 0;
    *keyspace_statistics(call->keyspace) = (struct keyspace_statistics){0};
    reply_ok(call->reply);
}

static void config_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Show the directives whose names match, with their values.",
        "RESETSTAT",
        "    Set back to 0 what INFO counts.",
        "REWRITE",
        "    Write the values in force into the configuration file.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Change directives: all that are given, or none when one is refused.",
        NULL,
    };
    help_reply(call, lines);
}

/* CONFIG SET requirepass secret */
static bool hides_value(const struct slice *arguments, size_t count, size_t index)
{
    (void)count;
    if (index < 3 || index % 2 == 0) {
        return false;
    }
    const struct directive *directive = config_find_directive(arguments[index - 1]);
    return directive != NULL && (directive->flags & DIRECTIVE_SECRET) != 0;
}

#define OWN        (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define ROW_COMMON .group = "server", .parent = &config_commands[0]

static const struct command config_subcommands[] = {
    {.name = "get",
     .handler = config_get,
     .arity = -3,
     .flags = OWN,
     .since = "2.0.0",
     .summary = "Shows directives and their values",
     .complexity = "O(N) where N is the number of directives times the number of patterns",
     .syntax = "parameter(parameter)...",
     ROW_COMMON},
    {.name = "set",
     .handler = config_set,
     .arity = -4,
     .flags = OWN,
     .since = "2.0.0",
     .summary = "Changes directives while the server runs",
     .complexity = "O(N) where N is the number of directives given",
     .syntax = "parameter_value(parameter value)...",
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     .hides = hides_value,
     ROW_COMMON},
    {.name = "rewrite",
     .handler = config_rewrite,
     .arity = 2,
     .flags = OWN,
     .since = "2.8.0",
     .summary = "Writes the values in force into the configuration file",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "resetstat",
     .handler = config_resetstat,
     .arity = 2,
     .flags = OWN,
     .since = "2.0.0",
     .summary = "Sets the counters of INFO back to 0",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "help",
     .handler = config_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "5.0.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_COMMON},
    {0},
};

const struct command config_commands[] = {
    {.name = "config",
     .arity = -2,
     .group = "server",
     .since = "2.0.0",
     .summary = "A container for the commands about the configuration",
     .complexity = "Depends on subcommand.",
     .subcommands = config_subcommands},
    {0},
};
