/* dispatch.c - see dispatch.h. */
#include "commands/dispatch.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "commands/acl_check.h"
#include "commands/acl_names.h"
#include "commands/command_keys.h"
#include "commands/errors.h"
#include "commands/objection.h"
#include "commands/observe.h"
#include "commands/save_points.h"
#include "commands/table.h"
#include "commands/tables.h"
#include "commands/transaction.h"
#include "engine/prefetch.h"
#include "engine/staged.h"
#include "keyspace/keyspace.h"
#include "server/acl.h"
#include "server/config.h"
#include "server/foreseen.h"
#include "server/monitors.h"
#include "server/statistics.h"

#include <string.h>

/* --- finding the command --- */

/* A line of HTTP: a web page has talked somebody's browser into sending commands in the body of a
 * request. No command of ours begins like that. */
static bool is_web_request(struct slice name)
{
    return slice_is_word(name, "POST") || slice_is_word(name, "Host:");
}

/* Ends the connection before what follows is executed; answers that have not left yet never do, as
 * in Redis. */
static void refuse_web_request(struct session *session)
{
    static struct log_limit limit;
    if (log_limit_try(&limit, LOG_LIMIT_TROUBLE_MS, clock_monotonic_ms())) {
        LOG_WARNING("Possible attack: %s sent POST or Host: as a command, which is how a web page "
                    "sends commands through a browser. The connection was closed.",
                    session->address);
    }
    reply_rewind(&session->reply, session->reply_start);
    session->close_asap = true;
}

/* The row for the request, of the subcommand where there is one; NULL: an error was replied. */
static const struct command *find_command(struct session *session,
                                          const struct request_words *request)
{
    const struct command *command = request->command;
    if (command == NULL) {
        errors_reply_unknown_command(&session->reply, request->arguments, request->argument_count);
        return NULL;
    }
    if (command->subcommands == NULL || request->argument_count < 2) {
        return command;
    }
    struct slice name = request->arguments[1];
    const struct command *subcommand = table_find_subcommand(command, name);
    if (subcommand == NULL) {
        errors_reply_unknown_subcommand(&session->reply, command, name);
    }
    return subcommand;
}

static void remember_command(struct session *session, const struct command *command)
{
    bool is_subcommand = command->parent != NULL;
    session->last_command = is_subcommand ? command->parent : command;
    session->last_subcommand = is_subcommand ? command : NULL;
}

/* --- counting --- */

/* Counts the error that begins at `begin`. */
static void count_error_at(struct statistics *statistics, const struct reply *reply, size_t begin)
{
    struct slice text = buffer_slice(&reply->bytes);
    statistics_error_locked(statistics, slice_part(text, begin + 1, text.size - begin - 1));
}

/* Counts the reply since `mark` if it is an error; was it one? */
static bool count_error(struct statistics *statistics, const struct reply *reply,
                        struct reply_mark mark)
{
    bool is_error = reply_is_error_since(reply, mark);
    if (is_error) {
        count_error_at(statistics, reply, mark.bytes);
    }
    return is_error;
}

/* Does the command use the keys that it looks at? Eviction wants to know. */
static bool is_use(const struct call *call)
{
    uint32_t flags = call->command->flags;
    return (flags & COMMAND_NO_TOUCH) == 0 &&
           (!call->session->no_touch || (flags & COMMAND_TOUCHES) != 0);
}

/* For client-side caching: what was read may now lie in the client's memory. */
static void remember_keys(const struct call *call)
{
    if ((call->command->flags & COMMAND_READONLY) == 0 || !tracking_wants_keys(call->session)) {
        return;
    }
    struct command_keys keys =
        command_keys_of(call->command, call->arguments, call->argument_count);
    struct command_key key;
    while (command_keys_next(&keys, &key)) {
        tracking_remember(call->server, call->session, call->arguments[key.index]);
    }
}

/* CLIENT CACHING holds for one command, or for one transaction. */
static void end_caching(struct session *session, const struct command *command)
{
    bool is_client_command = command != NULL && command->parent == &client_commands[0];
    if (session->tracker.caching && !session->transaction.open && !is_client_command) {
        session->tracker.caching = false;
    }
}

void dispatch_run(struct call *call)
{
    struct statistics *statistics = server_statistics(call->server);
    struct engine *engine = server_engine(call->server);
    uint64_t before = engine_payload_position_locked(engine);
    struct reply_mark mark = reply_mark(call->reply);
    int64_t begin_us = statistics_begin_command_locked(statistics);
    keyspace_note_access(call->keyspace, is_use(call));
    bool was_in_call = call->session->is_in_call; /* by EXEC */
    call->session->is_in_call = true;
    call->command->handler(call);
    call->session->is_in_call = was_in_call;
    engine_part_purge_locked(engine);
    uint64_t position = engine_payload_position_locked(engine);
    if (position != before) {
        call->session->write_position = position;
    }
    if (count_error(statistics, call->reply, mark)) {
        statistics_failed_locked(statistics, call->command);
    }
    remember_keys(call);
    observe_call(call, begin_us);
}

void dispatch_run_queued(struct call *call)
{
    struct reply_mark mark = reply_mark(call->reply);
    if (acl_check_queued(call)) {
        dispatch_run(call);
    } else {
        (void)count_error(server_statistics(call->server), call->reply, mark);
    }
}

/* --- what happens to a command --- */

/* CLIENT PAUSE: must the command wait? Redis counts a client that MONITORs among the replicas,
 * which are never paused. */
static bool is_paused(struct server *server, const struct session *session,
                      const struct command *command)
{
    if (session->monitor != NULL) {
        return false;
    }
    enum pause_mode mode = server_pause_mode_locked(server);
    if (mode != PAUSE_WRITE) {
        return mode == PAUSE_ALL;
    }
    uint32_t flags = transaction_flags_with_queue(session, command);
    return (flags & (COMMAND_WRITE | COMMAND_MAY_REPLICATE)) != 0;
}

static bool is_queued(const struct session *session, const struct command *command)
{
    return session->transaction.open && (command->flags & COMMAND_NEVER_QUEUED) == 0;
}

static void queue(struct session *session, const struct request_words *request)
{
    if (transaction_queue(session, request->command, request->arguments, request->argument_count) ==
        STATUS_OK) {
        reply_simple(&session->reply, "QUEUED");
    } else {
        errors_reply_for(&session->reply, request->command, ERROR_NO_MEMORY);
        transaction_abort(session);
    }
}

static void run(struct call *call)
{
    struct statistics *statistics = server_statistics(call->server);
    keyspace_set_now_ms(call->keyspace, statistics_begin_unix_ms_locked(statistics));
    dispatch_run(call);
}

/* EXEC itself is refused: the transaction ends, and the error says what for. */
static void reject_exec(const struct call *call, enum client_error error)
{
    static const char default_code[] = "ERR ";
    char name[COMMAND_NAME_SIZE_MAX];
    char reason[ERRORS_TEXT_SIZE_MAX];
    errors_format(error, slice_of_string(table_full_name(call->command, name)), reason);
    bool has_default_code = strncmp(reason, default_code, strlen(default_code)) == 0;
    transaction_reset(call->keyspace, call->session);
    errors_reply_about(call->reply, ERROR_EXEC_ABORTED_BECAUSE,
                       slice_of_string(has_default_code ? reason + strlen(default_code) : reason));
    observe_show(call);
}

/* The name is unknown, and the reply says so already. */
static void reject_unknown(struct server *server, struct session *session)
{
    session->last_command = session->last_subcommand = NULL;
    transaction_abort(session);
    (void)count_error(server_statistics(server), &session->reply, session->reply_start);
}

/* The command is not executed. */
static void reject(const struct call *call, enum client_error error)
{
    struct statistics *statistics = server_statistics(call->server);
    struct reply_mark mark = reply_mark(call->reply); /* behind invalidations by evictions */
    transaction_abort(call->session);
    if ((call->command->flags & COMMAND_RUNS_QUEUE) != 0) {
        reject_exec(call, error);
    } else {
        errors_reply(call, error);
    }
    statistics_rejected_locked(statistics, call->command);
    (void)count_error(statistics, call->reply, mark);
}

/* What becomes of a command that is known; false: it has to wait for the end of a CLIENT PAUSE. */
static bool try_command(struct server *server, struct session *session,
                        const struct request_words *request)
{
    struct call call = {.server = server,
                        .session = session,
                        .keyspace = server_keyspace(server),
                        .reply = &session->reply,
                        .command = request->command,
                        .arguments = request->arguments,
                        .argument_count = request->argument_count};
    remember_command(session, request->command);
    enum client_error error = objection_find(server, session, request);
    if (error != ERROR_NONE) {
        reject(&call, error);
    } else if (is_paused(server, session, request->command)) {
        return false;
    } else if (is_queued(session, request->command)) {
        queue(session, request);
    } else {
        run(&call);
    }
    return true;
}

/* CLIENT REPLY: see dispatch.h. */
static void apply_reply_mode(struct session *session)
{
    struct reply_mark mark = session->reply_start;
    switch (session->reply_mode) {
    case REPLY_ON:
        break;
    case REPLY_OFF:
        reply_rewind(&session->reply, mark);
        break;
    case REPLY_SKIP_NEXT:
        session->reply_mode = REPLY_SKIP_THIS;
        break;
    case REPLY_SKIP_THIS:
        reply_rewind(&session->reply, mark);
        /* Of a command that waits the reply is still to come. */
        session->reply_mode = session->blocked == BLOCK_WAITING ? REPLY_SKIP_THIS : REPLY_ON;
        break;
    }
}

void dispatch_end_late_reply(struct session *session, const struct command *command,
                             struct reply_mark mark)
{
    struct statistics *statistics = server_statistics(session->server);
    if (count_error(statistics, &session->reply, mark)) {
        statistics_failed_locked(statistics, command);
    }
    if (session_drops_replies(session)) {
        reply_rewind(&session->reply, mark);
    }
    if (session->reply_mode == REPLY_SKIP_THIS) {
        session->reply_mode = REPLY_ON;
    }
}

enum execution dispatch_execute(struct server *server, struct session *session,
                                const struct request_words *words)
{
    CHECK(words->argument_count > 0);
    session->reply_start = reply_mark(&session->reply);
    const struct command *command = find_command(session, words);
    struct request_words request = {command, words->arguments, words->argument_count};
    if (command == NULL && is_web_request(words->arguments[0])) {
        refuse_web_request(session);
        return EXECUTED;
    }
    if (command == NULL) {
        reject_unknown(server, session);
    } else if (!try_command(server, session, &request)) {
        return POSTPONED;
    }
    if (session->reply_mode != REPLY_ON) {
        apply_reply_mode(session);
    }
    end_caching(session, command);
    return session->blocked == BLOCK_WAITING ? BLOCKED : EXECUTED;
}

/* --- around commands --- */

void dispatch_foresee(struct server *server, const struct session *session,
                      const struct request_words *request, struct prefetch_group *keys)
{
    const struct command *command = request->command;
    if (command == NULL || command->keys[0].begin == 0 || session->transaction.open ||
        objection_wants_login(server, session)) {
        return;
    }
    const struct key_spec *spec = &command->keys[0];
    size_t first = (size_t)spec->begin;
    size_t end = spec->last < 0 ? request->argument_count : first + (size_t)spec->last + 1;
    end = end < request->argument_count ? end : request->argument_count;
    const struct engine *engine = server_engine(server);
    bool is_write = (command->flags & COMMAND_WRITE) != 0;
    size_t step = (size_t)spec->step;
    for (size_t i = first; i < end; i += step) {
        if (!prefetch_add_locked(engine, keys, session->database, request->arguments[i],
                                 is_write)) {
            keys->left_out += (end - i + step - 1) / step;
            return;
        }
    }
}

bool dispatch_foresee_value(struct server *server, struct session *session,
                            const struct request_words *request, struct foreseen *foreseen)
{
    const struct command *command = request->command;
    if (command == NULL || command->foresees_value == NULL || session->transaction.open ||
        !table_is_arity_right(command, request->argument_count)) {
        return false;
    }
    const struct call call = {.session = session,
                              .keyspace = server_keyspace(server),
                              .command = command,
                              .arguments = request->arguments,
                              .argument_count = request->argument_count};
    size_t culprit;
    return command->foresees_value(&call, foreseen) && !objection_wants_login(server, session) &&
           acl_check(session->user, request, &culprit) == ACL_ALLOWED &&
           staged_is_wanted_locked(server_engine(server), foreseen->plan.values[0].value.size);
}

void dispatch_session_closed(struct server *server, struct session *session)
{
    transaction_reset(server_keyspace(server), session);
    monitors_remove(server, session);
}

const struct executor *dispatch_executor(void)
{
    static struct executor executor = {.recognize = table_find,
                                       .execute = dispatch_execute,
                                       .foresee = dispatch_foresee,
                                       .foresee_value = dispatch_foresee_value,
                                       .session_closed = dispatch_session_closed,
                                       .tick = save_points_tick};
    table_init();
    executor.acl_commands = acl_names();
    return &executor;
}
