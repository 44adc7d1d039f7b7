/*
 * client.c - CLIENT: what a connection says of itself, and the table of all CLIENT commands.
 */
#include "commands/client.h"

#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"
#include "server/server.h"

/* From '!' to '~': what may stand in a line whose fields blanks separate. */
bool client_is_valid_attribute(struct slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '!' || value.data[i] > '~') {
            return false;
        }
    }
    return true;
}

/* Replaces what the buffer holds. NO_MEMORY: it is as it was. */
static enum status replace(struct buffer *buffer, struct slice value)
{
    size_t missing = value.size > buffer->size ? value.size - buffer->size : 0;
    if (missing > 0) {
        enum status status = buffer_reserve(buffer, missing);
        if (status != STATUS_OK) {
            return status;
        }
    }
    buffer->size = 0;
    return buffer_append(buffer, value.data, value.size);
}

bool client_set_name(const struct call *call, struct slice name)
{
    if (!client_is_valid_attribute(name)) {
        reply_error(call->reply, "ERR Client names cannot contain spaces, newlines or special "
                                 "characters.");
        return false;
    }
    struct session_labels *labels = session_open_labels(call->session);
    enum status status = labels == NULL ? STATUS_NO_MEMORY : replace(&labels->name, name);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

static void client_id(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->session->id);
}

static void client_getname(struct call *call)
{
    struct slice name = session_name(call->session);
    if (name.size == 0) {
        reply_null(call->reply);
    } else {
        reply_bulk(call->reply, name);
    }
}

static void client_setname(struct call *call)
{
    if (client_set_name(call, call->arguments[2])) {
        reply_ok(call->reply);
    }
}

static void client_setinfo(struct call *call)
{
    struct slice attribute = call->arguments[2];
    bool is_name = slice_is_word(attribute, "lib-name");
    if (!is_name && !slice_is_word(attribute, "lib-ver")) {
        reply_error_format(call->reply, "ERR Unrecognized option '%.*s'",
                           slice_print_size(attribute), attribute.data);
        return;
    }
    if (!client_is_valid_attribute(call->arguments[3])) {
        reply_error_format(call->reply,
                           "ERR %.*s cannot contain spaces, newlines or special characters.",
                           slice_print_size(attribute), attribute.data);
        return;
    }
    struct session_labels *labels = session_open_labels(call->session);
    enum status status = STATUS_NO_MEMORY;
    if (labels != NULL) {
        status =
            replace(is_name ? &labels->library_name : &labels->library_version, call->arguments[3]);
    }
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_ok(call->reply);
}

static void client_reply(struct call *call)
{
    struct session *session = call->session;
    struct slice mode = call->arguments[2];
    if (slice_is_word(mode, "on")) {
        session->reply_mode = REPLY_ON;
        reply_ok(call->reply);
    } else if (slice_is_word(mode, "off")) {
        session->reply_mode = REPLY_OFF;
    } else if (slice_is_word(mode, "skip")) {
        if (session->reply_mode != REPLY_OFF) {
            session->reply_mode = REPLY_SKIP_NEXT;
        }
    } else {
        errors_reply(call, ERROR_SYNTAX);
    }
}

/* Reads ON or OFF. False: neither, and the error is written. */
static bool parse_switch(const struct call *call, bool *out)
{
    if (slice_is_word(call->arguments[2], "on")) {
        *out = true;
    } else if (slice_is_word(call->arguments[2], "off")) {
        *out = false;
    } else {
        errors_reply(call, ERROR_SYNTAX);
        return false;
    }
    return true;
}

static void client_no_evict(struct call *call)
{
    if (parse_switch(call, &call->session->no_evict)) {
        reply_ok(call->reply);
    }
}

static void client_no_touch(struct call *call)
{
    if (parse_switch(call, &call->session->no_touch)) {
        reply_ok(call->reply);
    }
}

static void client_help(struct call *call)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Track the keys of the next command, or do not: for OPTIN and OPTOUT.",
        "GETNAME",
        "    Tell the name that SETNAME gave to this connection.",
        "GETREDIR",
        "    Tell which connection gets the invalidations of this one; -1 is none.",
        "ID",
        "    Tell the number of this connection; no number is used twice.",
        "INFO",
        "    Describe this connection in one line.",
        "KILL <ip:port>",
        "    Close the connection that comes from this address.",
        "KILL <filter> <value> [<filter> <value> [...]]",
        "    Close all connections for which every filter holds:",
        "    * ADDR <ip:port>: it comes from this address.",
        "    * ID <client-id>: it has this number.",
        "    * LADDR <ip:port>: it was made to this address of the server.",
        "    * SKIPME (YES|NO): leave out this very connection. YES, if not given.",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): it is of this kind.",
        "    * USER <username>: it is logged in as this user.",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]",
        "    Describe connections, one line each.",
        "NO-EVICT (ON|OFF)",
        "    Spare this connection when clients are closed for lack of memory.",
        "NO-TOUCH (ON|OFF)",
        "    Leave the time of last access of keys alone in this connection.",
        "PAUSE <milliseconds> [WRITE|ALL]",
        "    Let commands, or only those that write, wait for a while.",
        "REPLY (ON|OFF|SKIP)",
        "    Send replies, send none, or leave out that of the next command.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Tell which client library, in which version, is at the other end.",
        "SETNAME <name>",
        "    Give this connection a name; an empty one takes it away.",
        "TRACKING (ON|OFF) [<option> ...]",
        "    Tell this connection, or another, of keys that it has read and that change:",
        "    * BCAST: of all keys, or of those with a PREFIX <prefix>, read or not.",
        "    * NOLOOP: not of what this connection changes itself.",
        "    * OPTIN, OPTOUT: only, or not, of what CLIENT CACHING stands in front of.",
        "    * REDIRECT <client-id>: tell that connection.",
        "TRACKINGINFO",
        "    Tell how client-side caching is set up for this connection.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    End the waiting of a client, as a timeout or with an error.",
        "UNPAUSE",
        "    End a PAUSE before its time.",
        NULL,
    };
    help_reply(call, lines);
}

#define OWN (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define ROW_COMMON                                                                                 \
    .categories = CATEGORY_CONNECTION, .group = "connection", .parent = &client_commands[0]

static const struct command client_subcommands[] = {
    {.name = "id",
     .handler = client_id,
     .arity = 2,
     .flags = OWN,
     .since = "5.0.0",
     .summary = "Tells the number of the connection",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "info",
     .handler = client_info,
     .arity = 2,
     .flags = OWN,
     .since = "6.2.0",
     .summary = "Describes the connection",
     .complexity = "O(1)",
     .tips = "nondeterministic_output",
     ROW_COMMON},
    {.name = "list",
     .handler = client_list,
     .arity = -2,
     .flags = OWN | COMMAND_ADMIN,
     .since = "2.4.0",
     .summary = "Describes all connections, or some of them",
     .complexity = "O(N) where N is the number of connections",
     .syntax = "[TYPE normal_master_replica_pubsub<NORMAL | MASTER | REPLICA | PUBSUB>@5.0.0] [ID "
               "id(client-id:integer...)@6.2.0]",
     .tips = "nondeterministic_output",
     ROW_COMMON},
    {.name = "getname",
     .handler = client_getname,
     .arity = 2,
     .flags = OWN,
     .since = "2.6.9",
     .summary = "Tells the name of the connection",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "setname",
     .handler = client_setname,
     .arity = 3,
     .flags = OWN,
     .since = "2.6.9",
     .summary = "Gives the connection a name",
     .complexity = "O(1)",
     .syntax = "connection-name",
     ROW_COMMON},
    {.name = "setinfo",
     .handler = client_setinfo,
     .arity = 4,
     .flags = OWN,
     .since = "7.2.0",
     .summary = "Tells the server which client library the connection comes from",
     .complexity = "O(1)",
     .syntax = "attr<LIB-NAME libname | LIB-VER libver>",
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     ROW_COMMON},
    {.name = "kill",
     .handler = client_kill,
     .arity = -3,
     .flags = OWN | COMMAND_ADMIN,
     .since = "2.4.0",
     .summary = "Closes connections",
     .complexity = "O(N) where N is the number of connections",
     .syntax = "filter<`ip:port`!2.8.12 | new-format<[ID client-id:integer@2.8.12] | [TYPE "
               "normal_master_slave_pubsub<NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | "
               "PUBSUB>@2.8.12] | [USER username] | [ADDR `ip:port`] | [LADDR `ip:port`@6.2.0] | "
               "[SKIPME `yes/no`]>...>",
     ROW_COMMON},
    {.name = "reply",
     .handler = client_reply,
     .arity = 3,
     .flags = OWN,
     .since = "3.2.0",
     .summary = "Says which replies the connection wants",
     .complexity = "O(1)",
     .syntax = "on_off_skip<ON | OFF | SKIP>",
     ROW_COMMON},
    {.name = "pause",
     .handler = client_pause,
     .arity = -3,
     .flags = OWN | COMMAND_ADMIN,
     .since = "2.9.50",
     .summary = "Lets the commands of all clients wait for a while",
     .complexity = "O(1)",
     .syntax = "timeout:integer [mode<WRITE | ALL>@6.2.0]",
     ROW_COMMON},
    {.name = "unpause",
     .handler = client_unpause,
     .arity = 2,
     .flags = OWN | COMMAND_ADMIN,
     .since = "6.2.0",
     .summary = "Lets the clients that wait in a pause go on",
     .complexity = "O(N) where N is the number of clients that wait",
     ROW_COMMON},
    {.name = "unblock",
     .handler = client_unblock,
     .arity = -3,
     .flags = OWN | COMMAND_ADMIN,
     .since = "5.0.0",
     .summary = "Ends the waiting of a client that a command has blocked",
     .complexity = "O(N) where N is the number of connections",
     .syntax = "client-id:integer [timeout_error<TIMEOUT | ERROR>]",
     ROW_COMMON},
    {.name = "no-evict",
     .handler = client_no_evict,
     .arity = 3,
     .flags = OWN | COMMAND_ADMIN,
     .since = "7.0.0",
     .summary = "Says whether the connection may be closed for lack of memory",
     .complexity = "O(1)",
     .syntax = "enabled<ON | OFF>",
     ROW_COMMON},
    {.name = "no-touch",
     .handler = client_no_touch,
     .arity = 3,
     .flags = OWN,
     .since = "7.2.0",
     .summary = "Says whether the connection's commands count as uses of their keys",
     .complexity = "O(1)",
     .syntax = "enabled<ON | OFF>",
     ROW_COMMON},
    {.name = "tracking",
     .handler = client_tracking,
     .arity = -3,
     .flags = OWN,
     .since = "6.0.0",
     .summary = "Switches client-side caching on or off",
     .complexity = "O(1)",
     .syntax = "status<ON | OFF> [REDIRECT client-id:integer] [PREFIX... prefix] [BCAST] [OPTIN] "
               "[OPTOUT] [NOLOOP]",
     ROW_COMMON},
    {.name = "caching",
     .handler = client_caching,
     .arity = 3,
     .flags = OWN,
     .since = "6.0.0",
     .summary = "Says whether the keys of the next command are to be tracked",
     .complexity = "O(1)",
     .syntax = "mode<YES | NO>",
     ROW_COMMON},
    {.name = "trackinginfo",
     .handler = client_tracking_info,
     .arity = 2,
     .flags = OWN,
     .since = "6.2.0",
     .summary = "Tells how client-side caching is set up for the connection",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "getredir",
     .handler = client_redirection,
     .arity = 2,
     .flags = OWN,
     .since = "6.0.0",
     .summary = "Tells which connection gets the invalidations of this one",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "help",
     .handler = client_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "5.0.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_COMMON},
    {0},
};

const struct command client_commands[] = {
    {.name = "client",
     .arity = -2,
     .group = "connection",
     .since = "2.4.0",
     .summary = "A container for the commands about connections",
     .complexity = "Depends on subcommand.",
     .subcommands = client_subcommands},
    {0},
};
