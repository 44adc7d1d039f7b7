/* turn.c - see turn.h. */
#include "server/turn.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/client_memory.h"
#include "server/slow_writers.h"
#include "server/stager.h"
#include "server/turn_ahead.h"
#include "server/turn_deliver.h"
#include "server/turn_settle.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Commands in one hold of the lock: enough to spread its cost, few enough that nobody waits. */
#define COMMANDS_PER_HOLD 64

/* Requests of one connection in a turn: others wait for the end of it, and what can't be executed
 * is parsed again. */
#define REQUESTS_PER_PART 4096

/* --- parsing: no lock ----------------------------------------------------------------------- */

static struct request *add_request(struct worker *worker)
{
    if (worker->request_count == worker->request_capacity) {
        size_t capacity = worker->request_capacity == 0 ? 256 : worker->request_capacity * 2;
        struct request *requests = realloc(worker->requests, capacity * sizeof(*requests));
        if (requests == NULL) {
            return NULL;
        }
        worker->requests = requests;
        worker->request_capacity = capacity;
    }
    return &worker->requests[worker->request_count++];
}

static struct part *add_part(struct worker *worker)
{
    if (worker->part_count == worker->part_capacity) {
        size_t capacity = worker->part_capacity == 0 ? 64 : worker->part_capacity * 2;
        struct part *parts = realloc(worker->parts, capacity * sizeof(*parts));
        if (parts == NULL) {
            return NULL;
        }
        worker->parts = parts;
        worker->part_capacity = capacity;
    }
    return &worker->parts[worker->part_count++];
}

static bool note_request(struct worker *worker, struct part *part, size_t first, const char *error)
{
    char *copy = error == NULL ? NULL : strdup(error);
    struct request *request = error != NULL && copy == NULL ? NULL : add_request(worker);
    if (request == NULL) {
        free(copy);
        return false;
    }
    *request = (struct request){.first_argument = first,
                                .argument_count = worker->arguments.count - first,
                                .end = part->parsed,
                                .error = copy};
    if (error == NULL) {
        request->command = worker->server->executor->recognize(worker->arguments.items[first]);
    }
    part->request_count++;
    return true;
}

/* False: memory ran out. */
static bool parse_part(struct worker *worker, struct part *part, bool one_by_one)
{
    struct parser *parser = &part->connection->parser;
    worker->limits.unauthenticated = one_by_one;
    while (part->parsed < part->source.size) {
        struct slice rest =
            slice_part(part->source, part->parsed, part->source.size - part->parsed);
        size_t first = worker->arguments.count;
        size_t consumed = 0;
        char error[PARSER_ERROR_SIZE];
        switch (parser_next(parser, rest, &worker->limits, &worker->arguments, &consumed)) {
        case PARSE_INCOMPLETE:
            return true;
        case PARSE_NO_MEMORY:
            return false;
        case PARSE_ERROR:
            part->parsed = part->source.size;
            parser_error(parser, error);
            return note_request(worker, part, first, error);
        case PARSE_REQUEST:
            break;
        }
        part->parsed += consumed;
        if (worker->arguments.count > first && !note_request(worker, part, first, NULL)) {
            return false;
        }
        bool enough = part->request_count >= (one_by_one ? 1 : REQUESTS_PER_PART);
        if (enough) {
            part->unparsed = part->parsed < part->source.size;
            return true;
        }
    }
    return true;
}

void turn_add_part(struct worker *worker, struct connection *connection, struct slice source)
{
    struct part *part = add_part(worker);
    if (part == NULL) {
        worker_close_later(worker, connection);
        return;
    }
    *part = (struct part){
        .connection = connection, .source = source, .first_request = worker->request_count};
    connection->in_turn = true;
    worker_list_add(worker, LIST_SETTLE, connection);
    if (!parse_part(worker, part, connection_is_stranger(connection))) {
        worker_close_later(worker, connection);
    }
}

/* As many as make a turn, besides what was read in it; the others keep their places. */
static void parse_resumed(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_RESUME];
    size_t limit = worker->request_count + WORKER_REQUESTS_MAX;
    size_t taken = 0;
    while (taken < list->count && worker->request_count < limit) {
        struct connection *connection = list->items[taken++];
        connection->lists &= ~(1U << LIST_RESUME);
        if (connection->in_turn || !connection_is_ready(connection)) {
            continue;
        }
        if (connection->input.size > 0) {
            turn_add_part(worker, connection, connection_input(connection));
        } else {
            worker_list_add(worker, LIST_SETTLE, connection);
        }
    }
    list->count -= taken;
    if (list->count > 0 && taken > 0) {
        memmove(list->items, list->items + taken, list->count * sizeof(struct connection *));
    }
}

/* --- messages ------------------------------------------------------------------------------- */

static void run_task_locked(struct worker *worker, const struct message *message)
{
    struct server *server = worker->server;
    struct session *session = session_registry_find(&server->sessions, message->session_id);
    if (session != NULL && (session->close_asap || session->connection->closing)) {
        session = NULL;
    }
    engine_rest_begin_locked(server->engine);
    if (session != NULL) {
        turn_take_reply_buffer(worker, &session->reply);
    }
    message->task(message->context, session);
    uint64_t position = engine_rest_end_locked(server->engine);
    if (session != NULL) {
        turn_note_position(worker, session->connection, position);
        session->connection->has_written = true; /* for all that is known here */
        worker_list_add(worker, LIST_SETTLE, session->connection);
    }
}

static void handle_message_locked(struct worker *worker, const struct message *message)
{
    struct session *session = session_registry_find(&worker->server->sessions, message->session_id);
    switch (message->kind) {
    case MESSAGE_ACCEPTED:
        worker_add_connection_locked(worker, message->session_id, message->descriptor);
        break;
    case MESSAGE_TASK:
        run_task_locked(worker, message);
        break;
    case MESSAGE_CLOSE:
        if (session != NULL) {
            worker_close_later(worker, session->connection);
        }
        break;
    case MESSAGE_RESUME:
        if (session != NULL) {
            worker_list_add(worker, LIST_RESUME, session->connection);
        }
        break;
    case MESSAGE_RETRY:
        worker->retry_postponed = true;
        break;
    case MESSAGE_DELIVER:
        turn_deliver_locked(worker);
        break;
    }
}

static void handle_messages_locked(struct worker *worker, struct message *message)
{
    while (message != NULL) {
        struct message *next = message->next;
        handle_message_locked(worker, message);
        free(message);
        message = next;
    }
}

/* CLIENT PAUSE is over, or was changed: who still has to wait is found out by trying. */
static void retry_postponed_locked(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_POSTPONED];
    worker->retry_postponed = false;
    for (size_t i = 0; i < list->count; i++) {
        struct connection *connection = list->items[i];
        connection->lists &= ~(1U << LIST_POSTPONED);
        if (connection->session.blocked == BLOCK_PAUSED) {
            connection->session.blocked = BLOCK_NONE;
        }
        worker_list_add(worker, LIST_RESUME, connection);
    }
    list->count = 0;
}

static void take_messages(struct worker *worker)
{
    struct message *messages = mailbox_take(&worker->mailbox);
    if (messages == NULL && !worker->retry_postponed) {
        return;
    }
    struct server *server = worker->server;
    engine_lock(server->engine);
    keyspace_set_now_ms(server->keyspace, clock_unix_ms());
    handle_messages_locked(worker, messages);
    if (worker->retry_postponed) {
        retry_postponed_locked(worker);
    }
    engine_unlock(server->engine);
}

/* --- execution ------------------------------------------------------------------------------ */

static void refuse_locked(struct session *session, const char *error)
{
    if (session->reply_mode == REPLY_ON) {
        reply_error_format(&session->reply, "ERR %s", error);
    }
    LOG_VERBOSE("Closing client %s: %s.", session->address, error);
    session->close_after_reply = true;
}

/* Executes a request; false: it was not executed, and neither are those behind it. */
static bool execute_request_locked(struct worker *worker, struct session *session,
                                   const struct request *request)
{
    const struct executor *executor = worker->server->executor;
    if (request->error != NULL) {
        refuse_locked(session, request->error);
        return true;
    }
    struct request_words words = request_words(worker, request);
    enum execution execution = executor->execute(worker->server, session, &words);
    if (execution == POSTPONED) {
        session->blocked = BLOCK_PAUSED;
        worker->pause_until_ms = worker->server->pause_until_ms;
        worker_list_add(worker, LIST_POSTPONED, session->connection);
    }
    return execution != POSTPONED;
}

/* The same for a part's request with this index, which may have a value that goes ahead of it. */
static bool execute_next_locked(struct worker *worker, const struct part *part, size_t index)
{
    struct server *server = worker->server;
    struct connection *connection = part->connection;
    const struct request *request = &worker->requests[part->first_request + index];
    if (stager_claim_locked(worker, part, index)) {
        return false;
    }
    stager_offer_locked(server, connection);
    bool is_executed = execute_request_locked(worker, &connection->session, request);
    stager_withdraw_locked(server, connection, is_executed);
    return is_executed;
}

static bool is_stopped_locked(const struct worker *worker, struct connection *connection)
{
    const struct session *session = &connection->session;
    if (session->blocked != BLOCK_NONE || session->close_after_reply || session->close_asap ||
        stager_is_over(connection) || turn_is_over_hard_limit(worker, connection)) {
        return true;
    }
    size_t limit = (size_t)config_number(worker->server->config, CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE);
    if (output_pending(&connection->output, &session->reply) > limit) {
        connection->output_stalled = true;
    }
    return connection->output_stalled;
}

/* Executes up to `count` requests of the part. Returns how many; fewer: it is stopped. */
static size_t execute_part_locked(struct worker *worker, struct part *part, size_t count,
                                  struct turn_ahead *ahead)
{
    struct server *server = worker->server;
    struct connection *connection = part->connection;
    struct session *session = &connection->session;
    size_t done = 0;
    server->executing = session;
    session->last_interaction_ms = worker->now_ms;
    turn_take_reply_buffer(worker, &session->reply);
    engine_rest_begin_locked(server->engine);
    uint64_t value_bytes = engine_value_bytes_locked(server->engine);
    uint64_t write_position = session->write_position;
    while (done < count && !is_stopped_locked(worker, connection)) {
        turn_ahead_locked(worker, ahead, part->first_request + part->executed + done);
        if (!execute_next_locked(worker, part, part->executed + done)) {
            break;
        }
        turn_deliver_locked(worker);
        done++;
    }
    turn_note_position(worker, connection, engine_rest_end_locked(server->engine));
    if (session->write_position != write_position) {
        connection->has_written = true;
    }
    part->value_bytes += engine_value_bytes_locked(server->engine) - value_bytes;
    server->executing = NULL;
    if (session->close_asap) {
        worker_close_later(worker, connection);
    }
    part->executed += done;
    return done;
}

/* Pushes are delivered before the hold and behind each command: so every client sees them, and its
 * replies, in the order of execution. */
static void execute_hold_locked(struct worker *worker, struct turn_cursor *cursor,
                                struct turn_ahead *ahead)
{
    size_t left = COMMANDS_PER_HOLD;
    turn_deliver_locked(worker);
    while (left > 0 && turn_cursor_find(worker, cursor)) {
        struct part *part = &worker->parts[cursor->part];
        size_t count = part->request_count - cursor->request;
        count = count < left ? count : left;
        size_t done = execute_part_locked(worker, part, count, ahead);
        left -= count;
        cursor->request += done;
        if (done < count) {
            cursor->part++;
            cursor->request = 0;
        }
    }
    tracking_settle(worker->server);
    turn_deliver_locked(worker);
}

static void execute(struct worker *worker)
{
    struct server *server = worker->server;
    struct turn_cursor cursor = {0};
    struct turn_ahead ahead = {0};
    while (turn_cursor_find(worker, &cursor)) {
        engine_lock(server->engine);
        keyspace_set_now_ms(server->keyspace, clock_unix_ms());
        execute_hold_locked(worker, &cursor, &ahead);
        statistics_end_hold_locked(server->statistics);
        engine_unlock(server->engine);
    }
}

/* --- the end of a turn ---------------------------------------------------------------------- */

/* client-query-buffer-limit: what was sent and has not been executed, with all that it takes. */
static bool is_within_query_limit(struct worker *worker, const struct connection *connection)
{
    int64_t limit = config_number(worker->server->config, CONFIG_CLIENT_QUERY_BUFFER_LIMIT);
    size_t size = connection_input(connection).size + parser_memory(&connection->parser) +
                  connection->session.transaction.memory;
    if (size <= (size_t)limit) {
        return true;
    }
    LOG_WARNING("Closing client %s: its requests exceed client-query-buffer-limit.",
                connection->session.address);
    atomic_fetch_add(&worker->server->statistics->query_limit_disconnections, 1);
    return false;
}

static void keep_rest(struct worker *worker, struct part *part)
{
    struct connection *connection = part->connection;
    connection->in_turn = false;
    if (connection->closing) {
        return;
    }
    slow_writers_note(worker, connection, part->value_bytes);
    bool all = part->executed == part->request_count;
    size_t done = part->parsed;
    if (!all) {
        const struct request *requests = worker->requests + part->first_request;
        done = part->executed == 0 ? 0 : requests[part->executed - 1].end;
    }
    if (stager_is_over(connection)) {
        stager_release(connection, done == part->source.size);
    }
    if (connection_keep_rest(connection, part->source, done, !all) != STATUS_OK ||
        !is_within_query_limit(worker, connection)) {
        worker_close_later(worker, connection);
        return;
    }
    if (!all || part->unparsed) {
        worker_list_add(worker, LIST_RESUME, connection);
    } else if (connection->ended) {
        worker_list_add(worker, LIST_SETTLE, connection);
    }
    client_memory_note(worker->server, &connection->session);
    connection_update_reading(connection);
    if (connection->session.blocked == BLOCK_STAGING) {
        stager_lend(worker, connection);
    }
}

/* What is no whole request yet is kept first: what clients take is known before others execute. */
static void keep_fragments(struct worker *worker)
{
    size_t kept = 0;
    for (size_t i = 0; i < worker->part_count; i++) {
        if (worker->parts[i].request_count == 0) {
            keep_rest(worker, &worker->parts[i]);
        } else {
            worker->parts[kept++] = worker->parts[i];
        }
    }
    worker->part_count = kept;
    client_memory_settle(worker->server);
}

static void forget_turn(struct worker *worker)
{
    for (size_t i = 0; i < worker->request_count; i++) {
        free(worker->requests[i].error);
    }
    worker->request_count = 0;
    worker->part_count = 0;
    worker->arena_used = 0;
    worker->position = 0;
    argument_list_reset(&worker->arguments);
}

void turn_end(struct worker *worker)
{
    take_messages(worker);
    slow_writers_release(worker);
    parse_resumed(worker);
    keep_fragments(worker);
    execute(worker);
    turn_settle(worker);
    for (size_t i = 0; i < worker->part_count; i++) {
        keep_rest(worker, &worker->parts[i]);
    }
    forget_turn(worker);
    turn_close(worker);
    client_memory_settle(worker->server);
}
