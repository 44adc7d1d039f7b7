/*
 * client_kill.c - CLIENT KILL: closing connections, in the old form by address, in the new one by
 * filters.
 */
#include "commands/client.h"

#include "commands/client_filter.h"
#include "commands/errors.h"
#include "server/acl.h"
#include "server/server.h"

/* Closes all that the filter means; returns how many. The caller's own goes after its reply. */
static int64_t kill_matching(const struct call *call, const struct client_filter *filter)
{
    int64_t count = 0;
    struct session *session = server_first_session_locked(call->server);
    while (session != NULL) {
        struct session *next = session->next;
        if (!session->close_asap && client_filter_matches(filter, session, call->session)) {
            server_kill_locked(call->server, session);
            count++;
        }
        session = next;
    }
    return count;
}

static void reply_filter_error(const struct call *call, enum client_filter_error error,
                               struct slice culprit)
{
    switch (error) {
    case FILTER_ID:
        reply_error(call->reply, "ERR client-id should be greater than 0");
        break;
    case FILTER_KIND:
        reply_error_format(call->reply, "ERR Unknown client type '%.*s'", slice_print_size(culprit),
                           culprit.data);
        break;
    case FILTER_USER:
        reply_error_format(call->reply, "ERR No such user '%.*s'", slice_print_size(culprit),
                           culprit.data);
        break;
    case FILTER_SYNTAX:
    case FILTER_OK:
        errors_reply(call, ERROR_SYNTAX);
        break;
    }
}

static void kill_by_address(const struct call *call, struct slice address)
{
    struct client_filter filter = {.has_address = true, .address = address};
    if (kill_matching(call, &filter) == 0) {
        reply_error(call->reply, "ERR No such client");
    } else {
        reply_ok(call->reply);
    }
}

void client_kill(struct call *call)
{
    if (call->argument_count == 3) {
        kill_by_address(call, call->arguments[2]);
        return;
    }
    struct client_filter filter;
    struct slice culprit = {0};
    enum client_filter_error error =
        client_filter_parse(call->arguments + 2, call->argument_count - 2,
                            acl_users(server_acl(call->server)), &filter, &culprit);
    if (error != FILTER_OK) {
        reply_filter_error(call, error, culprit);
        return;
    }
    reply_integer(call->reply, kill_matching(call, &filter));
}
