/* database.c - whole databases: SELECT, DBSIZE, FLUSHDB, FLUSHALL, SWAPDB. */
#include "commands/arguments.h"
#include "commands/dispatch.h"
#include "commands/errors.h"
#include "commands/save_points.h"
#include "commands/tables.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/await.h"
#include "server/session.h"

static bool is_database(const struct call *call, int number)
{
    return number >= 0 && (unsigned)number < keyspace_database_count(call->keyspace);
}

static void run_select(struct call *call)
{
    int number;
    enum client_error error = arguments_parse_int(call->arguments[1], &number);
    if (error == ERROR_NONE && !is_database(call, number)) {
        error = ERROR_DATABASE_RANGE;
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    call->session->database = (unsigned)number;
    reply_ok(call->reply);
}

static void run_dbsize(struct call *call)
{
    reply_integer(call->reply, (int64_t)keyspace_count(call->keyspace, call->session->database));
}

/* OK, or the words for the status. */
static void reply_with_outcome(struct call *call, enum status status)
{
    if (status == STATUS_OK) {
        reply_ok(call->reply);
    } else {
        errors_reply_status(call, status);
    }
}

/* ASYNC or SYNC, which are the same here: clearing takes no longer for many keys. */
static bool are_flush_options_right(struct call *call)
{
    bool is_right = call->argument_count == 1 ||
                    (call->argument_count == 2 && (slice_is_word(call->arguments[1], "async") ||
                                                   slice_is_word(call->arguments[1], "sync")));
    if (!is_right) {
        errors_reply(call, ERROR_SYNTAX);
    }
    return is_right;
}

static void run_flushdb(struct call *call)
{
    if (are_flush_options_right(call)) {
        reply_with_outcome(call, keyspace_clear(call->keyspace, call->session->database));
    }
}

static void finish_flushall(struct session *session, enum await_end end)
{
    struct reply_mark mark = reply_mark(&session->reply);
    struct call call = {
        .server = session->server, .reply = &session->reply, .command = session->last_command};
    reply_with_outcome(&call, end == AWAIT_FAILED ? STATUS_WRITES_STOPPED : STATUS_OK);
    dispatch_end_late_reply(session, session->last_command, mark);
}

/* With save points Redis writes its snapshot before it replies; here the client waits until the log
 * is durable. Within a transaction nobody can wait. */
static void run_flushall(struct call *call)
{
    if (!are_flush_options_right(call)) {
        return;
    }
    struct engine *engine = server_engine(call->server);
    enum status status = keyspace_clear_all(call->keyspace);
    if (status != STATUS_OK || !save_points_exist(call->server)) {
        reply_with_outcome(call, status);
        return;
    }
    bool failed;
    struct await await = {.position = engine_payload_position_locked(engine),
                          .until_ms = INT64_MAX,
                          .finish = finish_flushall};
    bool is_durable = engine_is_durable(engine, await.position, &failed);
    if (is_durable || call->session->transaction.open) {
        reply_ok(call->reply);
    } else {
        await_begin_locked(call->server, call->session, &await);
    }
}

static void run_swapdb(struct call *call)
{
    int first;
    int second;
    enum client_error error = ERROR_NONE;
    if (arguments_parse_int(call->arguments[1], &first) != ERROR_NONE) {
        error = ERROR_FIRST_DATABASE_INVALID;
    } else if (arguments_parse_int(call->arguments[2], &second) != ERROR_NONE) {
        error = ERROR_SECOND_DATABASE_INVALID;
    } else if (!is_database(call, first) || !is_database(call, second)) {
        error = ERROR_DATABASE_RANGE;
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    reply_with_outcome(call, keyspace_swap(call->keyspace, (unsigned)first, (unsigned)second));
}

const struct command database_commands[] = {
    {.name = "select",
     .handler = run_select,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Chooses the database that the connection works on",
     .complexity = "O(1)",
     .syntax = "index:integer"},
    {.name = "dbsize",
     .handler = run_dbsize,
     .arity = 1,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "server",
     .since = "1.0.0",
     .summary = "Returns how many keys the database has",
     .complexity = "O(1)",
     .tips = "request_policy:all_shards response_policy:agg_sum"},
    {.name = "flushdb",
     .handler = run_flushdb,
     .arity = -1,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "server",
     .since = "1.0.0",
     .summary = "Deletes all keys of the database",
     .complexity = "O(1)",
     .syntax = "[async<ASYNC@4.0.0 | SYNC@6.2.0>]",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "flushall",
     .handler = run_flushall,
     .arity = -1,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "server",
     .since = "1.0.0",
     .summary = "Deletes all keys of all databases; with save points, durably",
     .complexity = "O(1)",
     .syntax = "[async<ASYNC@4.0.0 | SYNC@6.2.0>]",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "swapdb",
     .handler = run_swapdb,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "server",
     .since = "4.0.0",
     .summary = "Exchanges two databases",
     .complexity = "O(N) with N the number of watched keys",
     .syntax = "index1:integer index2:integer"},
    {.name = NULL}};
