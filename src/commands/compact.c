/*
 * compact.c - COMPACT and BGREWRITEAOF: getting back the space of what is dead.
 *
 * Inside MULTI nothing can wait: there COMPACT is COMPACT ASYNC.
 */
#include "commands/errors.h"
#include "commands/tables.h"
#include "commands/waiting.h"
#include "engine/engine.h"
#include "server/server.h"

static void reply_reclaimed(const struct waiting *waiting, struct reply *reply)
{
    if (waiting->status != STATUS_OK) {
        waiting_reply_status(waiting, reply, waiting->status);
        return;
    }
    reply_integer(reply, (int64_t)waiting->number);
}

/* On the maintenance thread. */
static void on_compacted(void *context, enum status status, const struct compaction_result *result)
{
    struct waiting *waiting = context;
    waiting->status = status;
    waiting->number = status == STATUS_OK ? result->reclaimed_bytes : 0;
    waiting_end(waiting);
}

static void compact(struct call *call)
{
    bool is_async = call->session->transaction.open;
    if (call->argument_count == 2 && slice_is_word(call->arguments[1], "async")) {
        is_async = true;
    } else if (call->argument_count > 1) {
        errors_reply(call, ERROR_SYNTAX);
        return;
    }
    struct engine *engine = server_engine(call->server);
    if (engine_is_read_only(engine)) {
        errors_reply(call, ERROR_READ_ONLY);
        return;
    }
    if (is_async) {
        engine_compact_start(engine, NULL, NULL);
        reply_simple(call->reply, "Background compaction started");
        return;
    }
    struct waiting *waiting = waiting_begin(call, reply_reclaimed);
    if (waiting != NULL) {
        engine_compact_start(engine, on_compacted, waiting);
    }
}

static void bgrewriteaof(struct call *call)
{
    struct engine *engine = server_engine(call->server);
    struct engine_statistics statistics;
    if (engine_is_read_only(engine)) {
        errors_reply(call, ERROR_READ_ONLY);
        return;
    }
    engine_statistics_locked(engine, &statistics);
    if (statistics.compaction_running) {
        reply_error(call->reply, "ERR Background append only file rewriting already in progress");
        return;
    }
    engine_compact_start(engine, NULL, NULL);
    reply_simple(call->reply, call->session->transaction.open
                                  ? "Background append only file rewriting scheduled"
                                  : "Background append only file rewriting started");
}

const struct command compact_commands[] = {
    {.name = "compact",
     .handler = compact,
     .arity = -1,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING,
     .group = "server",
     .since = "7.2.0",
     .summary = "Gives the space of dead records back to the disk",
     .complexity = "O(N) where N is the number of live bytes in segments that hold garbage",
     .syntax = "[ASYNC]",
     .tips = "nondeterministic_output"},
    {.name = "bgrewriteaof",
     .handler = bgrewriteaof,
     .arity = 1,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING,
     .group = "server",
     .since = "1.0.0",
     .summary = "Starts a compaction, as COMPACT ASYNC does",
     .complexity = "O(1)"},
    {0},
};
