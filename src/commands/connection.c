/*
 * connection.c - PING ECHO AUTH HELLO QUIT RESET: who talks to whom, and in which protocol.
 */
#include "base/number.h"
#include "base/version.h"
#include "commands/acl_check.h"
#include "commands/client.h"
#include "commands/errors.h"
#include "commands/tables.h"
#include "commands/transaction.h"
#include "server/monitors.h"
#include "server/server.h"
#include "server/server_users.h"

#include <stddef.h>

#define WRONG_PASSWORD "WRONGPASS invalid username-password pair or user is disabled."

static void ping(struct call *call)
{
    if (call->argument_count > 2) {
        errors_reply(call, ERROR_ARITY);
    } else if (call->reply->protocol == 2 && atomic_load(&call->session->subscriber.is_active)) {
        /* Like a message, which is what a client that has subscribed in RESP2 expects. */
        reply_array(call->reply, 2);
        reply_bulk_string(call->reply, "pong");
        reply_bulk(call->reply, call->argument_count == 2 ? call->arguments[1] : slice_make("", 0));
    } else if (call->argument_count == 2) {
        reply_bulk(call->reply, call->arguments[1]);
    } else {
        reply_pong(call->reply);
    }
}

static void echo(struct call *call)
{
    reply_bulk(call->reply, call->arguments[1]);
}

/* Logs the session in. False: wrong, and the error is written; the session stays what it was. */
static bool authenticate(const struct call *call, struct slice user, struct slice password)
{
    if (!server_users_login_locked(call->server, call->session, user, password)) {
        acl_check_note_login(call, user);
        reply_error(call->reply, WRONG_PASSWORD);
        return false;
    }
    return true;
}

static void auth(struct call *call)
{
    if (call->argument_count > 3) {
        errors_reply(call, ERROR_SYNTAX);
        return;
    }
    if (call->argument_count == 3) {
        if (authenticate(call, call->arguments[1], call->arguments[2])) {
            reply_ok(call->reply);
        }
        return;
    }
    if (!acl_has_password(server_acl(call->server))) {
        reply_error(call->reply,
                    "ERR AUTH <password> called without any password configured for the default "
                    "user. Are you sure your configuration is correct?");
        return;
    }
    if (authenticate(call, ACL_DEFAULT_USER, call->arguments[1])) {
        reply_ok(call->reply);
    }
}

/* Follows HELLO's options, from `next` on. AUTH and SETNAME take effect at once, as in Redis 7.0,
 * also when something behind them is wrong. False: the error is written. */
static bool follow_hello_options(const struct call *call, size_t next)
{
    for (; next < call->argument_count; next++) {
        struct slice option = call->arguments[next];
        size_t left = call->argument_count - 1 - next;
        if (slice_is_word(option, "auth") && left >= 2) {
            if (!authenticate(call, call->arguments[next + 1], call->arguments[next + 2])) {
                return false;
            }
            next += 2;
        } else if (slice_is_word(option, "setname") && left >= 1) {
            if (!client_set_name(call, call->arguments[next + 1])) {
                return false;
            }
            next++;
        } else {
            reply_error_format(call->reply, "ERR Syntax error in HELLO option '%.*s'",
                               slice_print_size(option), option.data);
            return false;
        }
    }
    return true;
}

/* *protocol: 0 = as it is. False: the error is written. */
static bool parse_hello(const struct call *call, int64_t *protocol)
{
    *protocol = 0;
    if (call->argument_count == 1) {
        return true;
    }
    if (!number_parse(call->arguments[1], protocol)) {
        reply_error(call->reply, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (*protocol < 2 || *protocol > 3) {
        reply_error(call->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    return follow_hello_options(call, 2);
}

static void hello(struct call *call)
{
    int64_t protocol;
    if (!parse_hello(call, &protocol)) {
        return;
    }
    if (!call->session->authenticated) {
        reply_error(call->reply,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                    "the HELLO AUTH <user> <pass> option can be used to authenticate the client "
                    "and select the RESP protocol version at the same time");
        return;
    }
    struct reply *reply = call->reply;
    if (protocol != 0) {
        reply->protocol = (int)protocol;
    }
    reply_map(reply, 7);
    reply_bulk_string(reply, "server");
    reply_bulk_string(reply, "redis");
    reply_bulk_string(reply, "version");
    reply_bulk_string(reply, SCDB_REDIS_VERSION);
    reply_bulk_string(reply, "proto");
    reply_integer(reply, reply->protocol);
    reply_bulk_string(reply, "id");
    reply_integer(reply, (int64_t)call->session->id);
    reply_bulk_string(reply, "mode");
    reply_bulk_string(reply, "standalone");
    reply_bulk_string(reply, "role");
    reply_bulk_string(reply, "master");
    reply_bulk_string(reply, "modules");
    reply_empty_array(reply);
}

static void quit(struct call *call)
{
    reply_ok(call->reply);
    call->session->close_after_reply = true;
}

/* The connection is as new, except for the name of its library, which is still the same. */
static void reset(struct call *call)
{
    struct session *session = call->session;
    transaction_reset(call->keyspace, session);
    pubsub_unsubscribe_all(server_pubsub(call->server), &session->subscriber);
    tracking_disable(call->server, session);
    monitors_remove(call->server, session);
    session->database = 0;
    server_users_begin_locked(call->server, session);
    session->no_evict = false;
    session->no_touch = false;
    if (session->labels != NULL) {
        session->labels->name.size = 0;
    }
    if (session->reply_mode != REPLY_SKIP_THIS) {
        session->reply_mode = REPLY_ON;
    }
    call->reply->protocol = 2;
    reply_simple(call->reply, "RESET");
    session_bound_reply(session);
}

static bool hides_auth(const struct slice *arguments, size_t count, size_t index)
{
    (void)arguments;
    (void)count;
    return index > 0;
}

/* HELLO 3 AUTH name password */
static bool hides_hello(const struct slice *arguments, size_t count, size_t index)
{
    (void)count;
    return (index > 2 && slice_is_word(arguments[index - 1], "auth")) ||
           (index > 3 && slice_is_word(arguments[index - 2], "auth"));
}

#define BEFORE_LOGIN                                                                               \
    (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST | COMMAND_NO_AUTH |         \
     COMMAND_ALLOW_BUSY)

const struct command connection_commands[] = {
    {.name = "ping",
     .handler = ping,
     .arity = -1,
     .flags = COMMAND_FAST | COMMAND_WHILE_SUBSCRIBED,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Answers PONG, or the message, to show that the server is there",
     .complexity = "O(1)",
     .syntax = "[message]",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "echo",
     .handler = echo,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Sends the message back",
     .complexity = "O(1)",
     .syntax = "message"},
    {.name = "auth",
     .handler = auth,
     .arity = -2,
     .flags = BEFORE_LOGIN,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Logs the connection in",
     .complexity = "O(N) where N is the length of the password",
     .syntax = "[username@6.0.0] password",
     .hides = hides_auth},
    {.name = "hello",
     .handler = hello,
     .arity = -1,
     .flags = BEFORE_LOGIN,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "6.0.0",
     .summary = "Tells what the server is, and chooses the protocol on the way",
     .complexity = "O(1)",
     .syntax = "[arguments(protover:integer [AUTH username_password(username password)] [SETNAME "
               "clientname])]",
     .hides = hides_hello},
    {.name = "quit",
     .handler = quit,
     .arity = -1,
     .flags = BEFORE_LOGIN | COMMAND_NEVER_QUEUED | COMMAND_WHILE_SUBSCRIBED,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Closes the connection once all replies are sent",
     .complexity = "O(1)"},
    {.name = "reset",
     .handler = reset,
     .arity = 1,
     .flags = BEFORE_LOGIN | COMMAND_NEVER_QUEUED | COMMAND_WHILE_SUBSCRIBED,
     .categories = CATEGORY_CONNECTION,
     .group = "connection",
     .since = "6.2.0",
     .summary = "Makes the connection as it was when it was new",
     .complexity = "O(1)"},
    {0},
};
