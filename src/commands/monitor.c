/*
 * monitor.c - MONITOR: the client sees every command from now on. The lines are written in
 * observe.c and sent by server/monitors.c.
 */
#include "server/monitors.h"

#include "commands/errors.h"
#include "commands/tables.h"
#include "server/server.h"

static void run_monitor(struct call *call)
{
    struct session *session = call->session;
    if (session->transaction.open) {
        reply_error(call->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    if (session->monitor != NULL) {
        return; /* As Redis: not even an answer. */
    }
    enum status status = monitors_add(call->server, session);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_ok(call->reply);
}

const struct command monitor_commands[] = {
    {.name = "monitor",
     .handler = run_monitor,
     .arity = 1,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
     .group = "server",
     .since = "1.0.0",
     .summary = "Shows every command of every client, as it is executed",
     .complexity = "O(1), and for each command from then on O(N) with N its size"},
    {0},
};
