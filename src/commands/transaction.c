/* transaction.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH. See transaction.h. */
#include "commands/transaction.h"

#include "commands/dispatch.h"
#include "commands/errors.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_CAPACITY_MIN 8

/* --- the queue --- */

static enum status reserve(struct transaction *transaction)
{
    if (transaction->count < transaction->capacity) {
        return STATUS_OK;
    }
    size_t capacity = transaction->capacity == 0 ? QUEUE_CAPACITY_MIN : transaction->capacity * 2;
    struct queued_command *commands =
        realloc(transaction->commands, capacity * sizeof(*transaction->commands));
    if (commands == NULL) {
        return STATUS_NO_MEMORY;
    }
    transaction->commands = commands;
    transaction->capacity = capacity;
    return STATUS_OK;
}

static size_t size_of_copy(const struct slice *arguments, size_t count)
{
    size_t size = count * sizeof(struct slice);
    for (size_t i = 0; i < count; i++) {
        size += arguments[i].size;
    }
    return size;
}

/* Slices and behind them the bytes that they point to, in one allocation of `size`; NULL without
 * memory. */
static struct slice *copy_arguments(const struct slice *arguments, size_t count, size_t size)
{
    struct slice *copies = malloc(size);
    if (copies == NULL) {
        return NULL;
    }
    char *bytes = (char *)(copies + count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = slice_make(bytes, arguments[i].size);
        if (arguments[i].size > 0) {
            memcpy(bytes, arguments[i].data, arguments[i].size);
        }
        bytes += arguments[i].size;
    }
    return copies;
}

enum status transaction_queue(struct session *session, const struct command *command,
                              const struct slice *arguments, size_t argument_count)
{
    struct transaction *transaction = &session->transaction;
    if (reserve(transaction) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    size_t size = size_of_copy(arguments, argument_count);
    struct slice *copies = copy_arguments(arguments, argument_count, size);
    if (copies == NULL) {
        return STATUS_NO_MEMORY;
    }
    transaction->commands[transaction->count++] = (struct queued_command){
        .command = command, .arguments = copies, .argument_count = argument_count};
    transaction->memory += size;
    return STATUS_OK;
}

uint32_t transaction_flags_with_queue(const struct session *session, const struct command *command)
{
    uint32_t flags = command->flags;
    bool runs_queue = (flags & COMMAND_RUNS_QUEUE) != 0;
    for (size_t i = 0; runs_queue && i < session->transaction.count; i++) {
        flags |= session->transaction.commands[i].command->flags;
    }
    return flags;
}

void transaction_abort(struct session *session)
{
    if (session->transaction.open) {
        session->transaction.aborted = true;
    }
}

void transaction_reset(struct keyspace *keyspace, struct session *session)
{
    struct transaction *transaction = &session->transaction;
    for (size_t i = 0; i < transaction->count; i++) {
        free(transaction->commands[i].arguments);
    }
    free(transaction->commands);
    *transaction = (struct transaction){0};
    watch_forget_all(keyspace_watches(keyspace), &session->watcher);
}

/* --- the commands --- */

static void run_multi(struct call *call)
{
    if (call->session->transaction.open) {
        errors_reply(call, ERROR_NESTED_MULTI);
        return;
    }
    call->session->transaction.open = true;
    reply_ok(call->reply);
}

static void run_discard(struct call *call)
{
    if (!call->session->transaction.open) {
        errors_reply(call, ERROR_DISCARD_WITHOUT_MULTI);
        return;
    }
    transaction_reset(call->keyspace, call->session);
    reply_ok(call->reply);
}

/* Runs what is queued as one group: after a crash all of it is there or nothing. */
static void run_queue(struct call *call)
{
    const struct transaction *transaction = &call->session->transaction;
    reply_array(call->reply, transaction->count);
    keyspace_group_begin(call->keyspace);
    for (size_t i = 0; i < transaction->count; i++) {
        struct call queued = *call;
        queued.command = transaction->commands[i].command;
        queued.arguments = transaction->commands[i].arguments;
        queued.argument_count = transaction->commands[i].argument_count;
        dispatch_run_queued(&queued);
    }
    keyspace_group_end(call->keyspace);
}

static void run_exec(struct call *call)
{
    struct session *session = call->session;
    if (!session->transaction.open) {
        errors_reply(call, ERROR_EXEC_WITHOUT_MULTI);
        return;
    }
    if (session->transaction.aborted) {
        errors_reply(call, ERROR_EXEC_ABORTED);
    } else if (!keyspace_is_unchanged(call->keyspace, &session->watcher)) {
        reply_null_array(call->reply);
    } else {
        watch_forget_all(keyspace_watches(call->keyspace), &session->watcher);
        run_queue(call);
    }
    transaction_reset(call->keyspace, session);
}

static void run_watch(struct call *call)
{
    struct session *session = call->session;
    if (session->transaction.open) {
        errors_reply(call, ERROR_WATCH_INSIDE_MULTI);
        return;
    }
    for (size_t i = 1; i < call->argument_count; i++) {
        enum status status = keyspace_watch(call->keyspace, &session->watcher, session->database,
                                            call->arguments[i]);
        if (status != STATUS_OK) {
            errors_reply_status(call, status);
            return;
        }
    }
    reply_ok(call->reply);
}

static void run_unwatch(struct call *call)
{
    watch_forget_all(keyspace_watches(call->keyspace), &call->session->watcher);
    reply_ok(call->reply);
}

const struct command transaction_commands[] = {
    {.name = "multi",
     .handler = run_multi,
     .arity = 1,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST |
              COMMAND_ALLOW_BUSY | COMMAND_NEVER_QUEUED,
     .categories = CATEGORY_TRANSACTION,
     .group = "transactions",
     .since = "1.2.0",
     .summary = "Begins a transaction: what follows is queued",
     .complexity = "O(1)"},
    {.name = "exec",
     .handler = run_exec,
     .arity = 1,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_SKIP_SLOWLOG |
              COMMAND_NEVER_QUEUED | COMMAND_RUNS_QUEUE,
     .categories = CATEGORY_TRANSACTION,
     .group = "transactions",
     .since = "1.2.0",
     .summary = "Executes what the transaction has queued, all or nothing",
     .complexity = "As the commands in the queue"},
    {.name = "discard",
     .handler = run_discard,
     .arity = 1,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST |
              COMMAND_ALLOW_BUSY | COMMAND_NEVER_QUEUED,
     .categories = CATEGORY_TRANSACTION,
     .group = "transactions",
     .since = "2.0.0",
     .summary = "Ends the transaction without executing it",
     .complexity = "O(N) with N the number of commands in the queue"},
    {.name = "watch",
     .handler = run_watch,
     .arity = -2,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST |
              COMMAND_ALLOW_BUSY | COMMAND_NEVER_QUEUED | COMMAND_NO_TOUCH,
     .categories = CATEGORY_TRANSACTION,
     .group = "transactions",
     .since = "2.2.0",
     .summary = "Lets the next transaction go ahead only if the keys have not changed",
     .complexity = "O(1) a key",
     .syntax = "key:key...",
     .keys = {{1, -1, 1, KEY_RO, NULL}}},
    {.name = "unwatch",
     .handler = run_unwatch,
     .arity = 1,
     .flags =
         COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST | COMMAND_ALLOW_BUSY,
     .categories = CATEGORY_TRANSACTION,
     .group = "transactions",
     .since = "2.2.0",
     .summary = "Forgets all watched keys",
     .complexity = "O(1) a key"},
    {.name = NULL}};
