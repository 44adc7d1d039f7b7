/* string_pairs.c - the commands that set several strings at once: all of them, or none. */
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/foresee.h"
#include "commands/lookup.h"
#include "commands/tables.h"
#include "keyspace/batch.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

static void tell_pair(void *context, struct slice key)
{
    events_tell(context, EVENT_STRING, "set", key);
}

/* Sets all pairs, or none; false: an error was replied. Of what is taken back nobody is told, but
 * where "new" is, which comes from below, each key's "set" follows its "new". */
static bool put_pairs(struct call *call)
{
    bool at_once = notify_is_class_on_locked(call->server, EVENT_NEW);
    struct batch_strings strings = {.pairs = call->arguments + 1,
                                    .count = call->argument_count / 2,
                                    .on_put = at_once ? tell_pair : NULL,
                                    .context = call};
    enum status status = batch_put_strings(call->keyspace, call->session->database, &strings);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    for (size_t i = 1; !at_once && i < call->argument_count; i += 2) {
        tell_pair(call, call->arguments[i]);
    }
    return true;
}

static bool are_pairs(struct call *call)
{
    if (call->argument_count % 2 == 0) {
        errors_reply(call, ERROR_ARITY);
        return false;
    }
    return true;
}

static void run_mset(struct call *call)
{
    if (are_pairs(call) && put_pairs(call)) {
        reply_ok(call->reply);
    }
}

static void run_msetnx(struct call *call)
{
    if (!are_pairs(call)) {
        return;
    }
    for (size_t i = 1; i < call->argument_count; i += 2) {
        struct value old;
        enum lookup found = lookup_to_write(call, call->arguments[i], &old);
        if (found == LOOKUP_FOUND) {
            reply_integer(call->reply, 0);
        }
        if (found != LOOKUP_ABSENT) {
            return;
        }
    }
    if (put_pairs(call)) {
        reply_integer(call->reply, 1);
    }
}

const struct command string_pair_commands[] = {
    {.name = "mset",
     .handler = run_mset,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.1",
     .summary = "Sets several keys to string values, all or none",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key_value(key:key value)...",
     .tips = "request_policy:multi_shard response_policy:all_succeeded",
     .keys = {{1, -1, 2, KEY_OW | KEY_UPDATE, NULL}},
     .foresees_value = foresee_mset},
    {.name = "msetnx",
     .handler = run_msetnx,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.1",
     .summary = "Sets several keys to string values, if not one of them exists",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key_value(key:key value)...",
     .tips = "request_policy:multi_shard response_policy:agg_min",
     .keys = {{1, -1, 2, KEY_OW | KEY_INSERT, NULL}},
     .foresees_value = foresee_msetnx},
    {.name = NULL}};
