/*
 * replication.c - ROLE WAIT REPLICAOF SLAVEOF: a master without replicas is what this server is.
 */
#include "base/number.h"
#include "commands/errors.h"
#include "commands/tables.h"
#include "server/server.h"

static void role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_bulk_string(call->reply, "master");
    reply_integer(call->reply, 0);
    reply_empty_array(call->reply);
}

/* Nobody will ever acknowledge anything: the answer is the same now as after any timeout. */
static void wait_for_replicas(struct call *call)
{
    int64_t count;
    int64_t timeout_ms;
    if (!number_parse(call->arguments[1], &count)) {
        errors_reply(call, ERROR_NOT_INTEGER);
    } else if (!number_parse(call->arguments[2], &timeout_ms)) {
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
    } else if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
    } else {
        reply_integer(call->reply, 0);
    }
}

static void replicaof(struct call *call)
{
    if (slice_is_word(call->arguments[1], "no") && slice_is_word(call->arguments[2], "one")) {
        reply_ok(call->reply);
        return;
    }
    int64_t port;
    if (!number_parse(call->arguments[2], &port) || port < 0 || port > 65535) {
        reply_error(call->reply, "ERR Invalid master port");
        return;
    }
    reply_error(call->reply, "ERR replication is not supported");
}

#define FOLLOW        (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_STALE | COMMAND_NO_ASYNC_LOADING)
#define FOLLOW_SYNTAX "args<host-port(host port:integer) | no-one(NO ONE)>"

const struct command replication_commands[] = {
    {.name = "role",
     .handler = role,
     .arity = 1,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .categories = CATEGORY_ADMIN | CATEGORY_DANGEROUS,
     .group = "server",
     .since = "2.8.12",
     .summary = "Tells the server's part in replication: a master without replicas",
     .complexity = "O(1)"},
    {.name = "wait",
     .handler = wait_for_replicas,
     .arity = 3,
     .flags = COMMAND_NOSCRIPT,
     .categories = CATEGORY_CONNECTION,
     .group = "generic",
     .since = "3.0.0",
     .summary = "Tells how many replicas have what was written: none, there are none",
     .complexity = "O(1)",
     .syntax = "numreplicas:integer timeout:integer",
     .tips = "request_policy:all_shards response_policy:agg_min"},
    {.name = "replicaof",
     .handler = replicaof,
     .arity = 3,
     .flags = FOLLOW,
     .group = "server",
     .since = "5.0.0",
     .summary = "Keeps the server a master (NO ONE); it can't follow another one",
     .complexity = "O(1)",
     .syntax = FOLLOW_SYNTAX},
    {.name = "slaveof",
     .handler = replicaof,
     .arity = 3,
     .flags = FOLLOW,
     .group = "server",
     .since = "1.0.0",
     .deprecated_since = "5.0.0",
     .replaced_by = "`REPLICAOF`",
     .summary = "The old name of REPLICAOF",
     .complexity = "O(1)",
     .syntax = FOLLOW_SYNTAX},
    {0},
};
