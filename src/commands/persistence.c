/*
 * persistence.c - SAVE BGSAVE LASTSAVE WAITAOF: making sure that what was written is durable.
 *
 * Everything is in the log as soon as it is acknowledged; "to save" means to have all of it synced
 * to the disk, whatever appendfsync says.
 */
#include "commands/persistence.h"
#include "base/clock.h"
#include "base/number.h"
#include "commands/background.h"
#include "commands/dispatch.h"
#include "commands/errors.h"
#include "commands/tables.h"
#include "commands/waiting.h"
#include "engine/engine.h"
#include "server/await.h"
#include "server/server.h"
#include "server/statistics.h"

/* Syncs all and notes how it went. Any thread, lock not held. */
static enum status save_now(struct server *server)
{
    struct statistics *statistics = server_statistics(server);
    int64_t begin_ms = clock_monotonic_ms();
    enum status status = engine_sync(server_engine(server));
    atomic_store(&statistics->last_save_duration_ms, clock_monotonic_ms() - begin_ms);
    atomic_store(&statistics->last_save_failed, status != STATUS_OK);
    if (status == STATUS_OK) {
        atomic_store(&statistics->last_save_unix_ms, clock_unix_ms());
        atomic_store(&statistics->last_save_clock_ms, clock_monotonic_ms());
        atomic_fetch_add(&statistics->saves, 1);
    }
    return status;
}

/* --- SAVE --- */

static void reply_saved(const struct waiting *waiting, struct reply *reply)
{
    if (waiting->status != STATUS_OK) {
        waiting_reply_status(waiting, reply, waiting->status);
        return;
    }
    reply_ok(reply);
}

static void save_for_client(void *context)
{
    struct waiting *waiting = context;
    waiting->status = save_now(waiting->server);
    waiting_end(waiting);
}

static void save(struct call *call)
{
    if (atomic_load(&server_statistics(call->server)->save_running)) {
        reply_error(call->reply, "ERR Background save already in progress");
        return;
    }
    struct waiting *waiting = waiting_begin(call, reply_saved);
    if (waiting == NULL) {
        return;
    }
    enum status status = background_run(save_for_client, waiting);
    if (status != STATUS_OK) {
        waiting_cancel(waiting, call, status);
    }
}

/* --- BGSAVE, LASTSAVE --- */

static void save_in_background(void *context)
{
    struct server *server = context;
    (void)save_now(server); /* the engine has logged a failure, INFO shows it */
    atomic_store(&server_statistics(server)->save_running, false);
}

enum status persistence_begin_save(struct server *server)
{
    struct statistics *statistics = server_statistics(server);
    if (atomic_exchange(&statistics->save_running, true)) {
        return STATUS_EXISTS;
    }
    enum status status = background_run(save_in_background, server);
    if (status != STATUS_OK) {
        atomic_store(&statistics->save_running, false);
    }
    return status;
}

static void bgsave(struct call *call)
{
    if (call->argument_count > 2 ||
        (call->argument_count == 2 && !slice_is_word(call->arguments[1], "schedule"))) {
        errors_reply(call, ERROR_SYNTAX);
        return;
    }
    enum status status = persistence_begin_save(call->server);
    if (status == STATUS_EXISTS) {
        reply_error(call->reply, "ERR Background save already in progress");
        return;
    }
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_simple(call->reply, call->session->transaction.open ? "Background saving scheduled"
                                                              : "Background saving started");
}

static void lastsave(struct call *call)
{
    struct statistics *statistics = server_statistics(call->server);
    reply_integer(call->reply, atomic_load(&statistics->last_save_unix_ms) / 1000);
}

/* --- WAITAOF --- */

static void reply_acknowledged(struct reply *reply, bool is_durable)
{
    reply_array(reply, 2);
    reply_integer(reply, is_durable ? 1 : 0);
    reply_integer(reply, 0);
}

/* The wait is over, with what the reply has got since the mark: CLIENT UNBLOCK can no longer end
 * it.
 */
static void end_waitaof(struct session *session, struct reply_mark mark)
{
    dispatch_end_late_reply(session, session->last_command, mark);
    session->on_unblock = NULL;
    session->unblock_with_error_allowed = false;
    session->block_context = NULL;
}

static void finish_waitaof(struct session *session, enum await_end end)
{
    struct reply_mark mark = reply_mark(&session->reply);
    if (end == AWAIT_FAILED) {
        struct call call = {
            .server = session->server, .reply = &session->reply, .command = session->last_command};
        errors_reply_status(&call, STATUS_WRITES_STOPPED);
    } else {
        reply_acknowledged(&session->reply, end == AWAIT_DURABLE);
    }
    end_waitaof(session, mark);
}

static void on_waitaof_unblock(struct session *session, bool with_error)
{
    struct reply_mark mark = reply_mark(&session->reply);
    if (with_error) {
        reply_error(&session->reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else {
        reply_acknowledged(&session->reply, false);
    }
    end_waitaof(session, mark);
    await_cancel_locked(session);
}

/* False: an argument is wrong, and the error is written. */
static bool parse_waitaof(const struct call *call, int64_t *local_count, int64_t *until_ms)
{
    int64_t replica_count;
    int64_t timeout_ms;
    int64_t now_ms = clock_monotonic_ms();
    if (!number_parse(call->arguments[1], local_count)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return false;
    }
    if (*local_count < 0 || *local_count > 1) {
        reply_error(call->reply, "ERR value is out of range, value must between 0 and 1");
        return false;
    }
    if (!number_parse(call->arguments[2], &replica_count) || replica_count < 0) {
        errors_reply(call, ERROR_OUT_OF_RANGE_POSITIVE);
        return false;
    }
    if (!number_parse(call->arguments[3], &timeout_ms)) {
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return false;
    }
    if (timeout_ms > INT64_MAX - now_ms) {
        reply_error(call->reply, "ERR timeout is out of range");
        return false;
    }
    *until_ms = timeout_ms == 0 ? INT64_MAX : now_ms + timeout_ms;
    return true;
}

/* There are no replicas to wait for, and never will be: waiting for them would be in vain. */
static void waitaof(struct call *call)
{
    int64_t local_count;
    struct session *session = call->session;
    struct await await = {.position = session->write_position, .finish = finish_waitaof};
    if (!parse_waitaof(call, &local_count, &await.until_ms)) {
        return;
    }
    bool failed;
    bool is_durable = engine_is_durable(server_engine(call->server), await.position, &failed);
    if (failed && local_count > 0) {
        errors_reply_status(call, STATUS_WRITES_STOPPED);
        return;
    }
    if (is_durable || local_count == 0 || session->transaction.open) {
        reply_acknowledged(call->reply, is_durable);
        return;
    }
    static uint64_t serial; /* under the execution lock: tells this wait from a later one */
    session->block_context = (void *)(uintptr_t)++serial;
    session->unblock_with_error_allowed = true;
    session->on_unblock = on_waitaof_unblock;
    await_begin_locked(call->server, session, &await);
}

#define SAVING (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING)

const struct command persistence_commands[] = {
    {.name = "save",
     .handler = save,
     .arity = 1,
     .flags = SAVING | COMMAND_NO_MULTI,
     .group = "server",
     .since = "1.0.0",
     .summary = "Makes everything durable and replies when it is",
     .complexity = "O(N) where N is the number of bytes not yet synced"},
    {.name = "bgsave",
     .handler = bgsave,
     .arity = -1,
     .flags = SAVING,
     .group = "server",
     .since = "1.0.0",
     .summary = "Makes everything durable, and replies at once",
     .complexity = "O(1)",
     .syntax = "[SCHEDULE@3.2.2]"},
    {.name = "lastsave",
     .handler = lastsave,
     .arity = 1,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .categories = CATEGORY_ADMIN | CATEGORY_DANGEROUS,
     .group = "server",
     .since = "1.0.0",
     .summary = "Tells when SAVE or BGSAVE last succeeded, in Unix time",
     .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "waitaof",
     .handler = waitaof,
     .arity = 4,
     .flags = COMMAND_NOSCRIPT,
     .categories = CATEGORY_CONNECTION,
     .group = "generic",
     .since = "7.2.0",
     .summary = "Waits until what this client has written is durable on this machine",
     .complexity = "O(1)",
     .syntax = "numlocal:integer numreplicas:integer timeout:integer",
     .tips = "request_policy:all_shards response_policy:agg_min"},
    {0},
};
