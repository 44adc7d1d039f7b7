/* objection.c - see objection.h. */
#include "commands/objection.h"

#include "commands/acl_check.h"
#include "commands/table.h"
#include "commands/transaction.h"
#include "keyspace/keyspace.h"
#include "server/acl.h"
#include "server/config.h"
#include "server/server.h"

/* Keys that one command evicts for the room that it may take: as many as a turn of others is long.
 * After a value as large as many others the commands that follow, and the background, go on. */
#define EVICTED_KEYS_MAX 256

bool objection_wants_login(struct server *server, const struct session *session)
{
    return !session->authenticated && acl_asks_for_login(server_acl(server));
}

/* In RESP2, messages can't be told from replies: so there are to be no other replies. */
static bool is_kept_to_subscribing(const struct session *session)
{
    return session->reply.protocol == 2 && atomic_load(&session->subscriber.is_active);
}

/* Can the command make the data set larger? While a transaction is open, and nothing can be
 * evicted, Redis queues nothing at all. */
static bool may_take_room(const struct session *session, const struct command *command)
{
    return (transaction_flags_with_queue(session, command) & COMMAND_DENYOOM) != 0 ||
           (session->transaction.open && (command->flags & COMMAND_NEVER_QUEUED) == 0);
}

/* Evicts what is above maxmemory, whatever the command is, as Redis does: who writes something
 * large leaves that to the next one. Nothing goes during a CLIENT PAUSE. True: the command must not
 * run. */
static bool is_out_of_room(struct server *server, const struct session *session,
                           const struct command *command)
{
    struct keyspace *keyspace = server_keyspace(server);
    if (keyspace_eviction(keyspace)->limit_bytes == 0 ||
        server_pause_mode_locked(server) != PAUSE_OFF) {
        return false;
    }
    return eviction_run(keyspace, EVICTED_KEYS_MAX) == EVICTION_FAILED &&
           may_take_room(session, command);
}

/* Does the command write where writes want replicas? Once writing has stopped, the command itself
 * says so: in Redis, too, that is the error that goes first. */
static bool lacks_replicas(struct server *server, const struct session *session,
                           const struct command *command)
{
    return config_wants_replicas(server_config(server)) &&
           (transaction_flags_with_queue(session, command) & COMMAND_WRITE) != 0 &&
           !engine_has_stopped(server_engine(server));
}

static bool may_debug(struct server *server, const struct session *session)
{
    int64_t permission = config_number(server_config(server), CONFIG_ENABLE_DEBUG_COMMAND);
    return session_is_permitted(session, (enum permission)permission);
}

/* Redis counts a client that MONITORs among the replicas, and lets none of them near the keys. */
#define USES_KEYS (COMMAND_WRITE | COMMAND_READONLY | COMMAND_MAY_REPLICATE)

enum client_error objection_find(struct server *server, const struct session *session,
                                 const struct request_words *request)
{
    const struct command *command = request->command;
    bool may_do_all = acl_check_is_spared(session);
    if (!table_is_arity_right(command, request->argument_count)) {
        return ERROR_ARITY;
    }
    if ((command->flags & COMMAND_DEBUGGING) != 0 && !may_debug(server, session)) {
        return ERROR_DEBUG_FORBIDDEN;
    }
    if ((command->flags & COMMAND_MODULES) != 0) {
        return ERROR_MODULES_FORBIDDEN;
    }
    if (!may_do_all && (command->flags & COMMAND_NO_AUTH) == 0 &&
        objection_wants_login(server, session)) {
        return ERROR_AUTHENTICATION_REQUIRED;
    }
    if (session->transaction.open && (command->flags & COMMAND_NO_MULTI) != 0) {
        return ERROR_NOT_IN_TRANSACTION;
    }
    if (!may_do_all) {
        enum client_error error = acl_check_session(session, request);
        if (error != ERROR_NONE) {
            return error;
        }
    }
    if ((command->flags & COMMAND_WRITE) != 0 && engine_is_read_only(server_engine(server))) {
        return ERROR_READ_ONLY;
    }
    if (is_out_of_room(server, session, command)) {
        return ERROR_OVER_MAXMEMORY;
    }
    if (lacks_replicas(server, session, command)) {
        return ERROR_TOO_FEW_REPLICAS;
    }
    if (is_kept_to_subscribing(session) && (command->flags & COMMAND_WHILE_SUBSCRIBED) == 0) {
        return ERROR_SUBSCRIBED;
    }
    if (session->monitor != NULL && (command->flags & USES_KEYS) != 0) {
        return ERROR_MONITORING;
    }
    return ERROR_NONE;
}
