/* turn.c - see turn.h. */
#include "server/turn.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/client_memory.h"
#include "server/fast_publishers.h"
#include "server/slow_writers.h"
#include "server/stager.h"
#include "server/turn_ahead.h"
#include "server/turn_deliver.h"
#include "server/turn_messages.h"
#include "server/turn_parse.h"
#include "server/turn_settle.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

/* Commands in one hold of the lock: enough to spread its cost, few enough that nobody waits. */
#define COMMANDS_PER_HOLD 64
/* Bytes of a client's requests and of their replies in one go; then the next one's are executed. */
#define SHARE_BYTES ((size_t)128 << 10)
/* The same of who writes while writers are slowed: all that it has in a turn. */
#define SLOWED_SHARE_BYTES ((size_t)64 << 10)
/* Bytes of replies that all of them make before they are sent: while they are in the processor's
 * cache, and so that the next ones find the memory free. */
#define UNSENT_BYTES_MAX ((size_t)256 << 10)
/* Such bytes in a turn: with more to do the worker looks first who else has come. */
#define TURN_BYTES_MAX ((size_t)2 << 20)
/* Of the connections whose requests an earlier turn has left, those who can have their share. */
#define RESUMED_AT_ONCE (TURN_BYTES_MAX / SHARE_BYTES)

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

/* The same for the part's next request, which may have a value that goes ahead of it. */
static bool execute_next_locked(struct worker *worker, const struct part *part,
                                const struct request *request)
{
    struct server *server = worker->server;
    struct connection *connection = part->connection;
    /* What lies in the worker's arena is small. */
    bool may_be_staged = connection->input.size > 0 || connection->staging != NULL;
    if (may_be_staged) {
        if (stager_claim_locked(worker, part, part->executed)) {
            return false;
        }
        stager_offer_locked(server, connection);
    }
    bool is_executed = execute_request_locked(worker, &connection->session, request);
    if (may_be_staged) {
        stager_withdraw_locked(server, connection, is_executed);
    }
    return is_executed;
}

/* While so many bytes of replies wait, no limit stops the client: looked up once for many requests,
 * so a CONFIG SET among them holds from the next hold on. */
static size_t output_allowance(const struct worker *worker)
{
    size_t limit = turn_output_limit(worker);
    size_t hard = config_output_limit(worker->server->config, CLIENT_NORMAL).hard;
    return hard > 0 && hard < limit ? hard : limit;
}

/* `pending` bytes of its replies wait. */
static bool is_stopped_locked(const struct worker *worker, struct connection *connection,
                              size_t pending, size_t allowance)
{
    const struct session *session = &connection->session;
    if (session->blocked != BLOCK_NONE || session->close_after_reply || session->close_asap ||
        session->reply.failed || stager_is_over(connection)) {
        return true;
    }
    if (pending <= allowance) {
        return connection->output_stalled;
    }
    if (pending > turn_output_limit(worker)) {
        connection->output_stalled = true;
    }
    return connection->output_stalled || turn_is_over_hard_limit(worker, connection);
}

/* Where in its source the part's next request begins. */
static size_t find_next_start(const struct worker *worker, const struct part *part)
{
    const struct request *requests = worker->requests + part->first_request;
    return part->executed == 0 ? 0 : requests[part->executed - 1].end;
}

/* Have the worker's own connections got so much in this hold that it is to be sent first? */
static bool has_pushed_much(const struct worker *worker)
{
    return push_inbox_is_much(worker->inbox.taken_weight - worker->hold_taken_weight);
}

/* What the session's command has told others. False: no more may be executed in this hold. */
static bool settle_pushes_locked(struct worker *worker, struct session *session)
{
    struct server *server = worker->server;
    if (server->has_told_too_much) {
        server->has_told_too_much = false;
        fast_publishers_note_locked(worker, session);
    }
    return push_inbox_is_empty(&worker->inbox) ||
           (turn_deliver_locked(worker) && !has_pushed_much(worker));
}

/* Executes the part's requests up to `end`, or until it is stopped or its share is used up. */
static void run_requests_locked(struct worker *worker, struct part *part, size_t end,
                                struct turn_ahead *ahead)
{
    struct connection *connection = part->connection;
    const struct reply *reply = &connection->session.reply;
    size_t allowance = output_allowance(worker);
    size_t pending_before = output_pending(&connection->output, reply);
    size_t pending = pending_before;
    size_t start = find_next_start(worker, part);
    size_t used = 0; /* of its share: what was made, and what that was made of */
    while (part->executed < end && part->share_used + used < worker->share_max) {
        size_t number = part->first_request + part->executed;
        const struct request *request = &worker->requests[number];
        if (is_stopped_locked(worker, connection, pending, allowance)) {
            part->stopped = true;
            break;
        }
        connection->backlog_begin = 0; /* no more waits than may */
        if (turn_ahead_is_due(ahead, number)) {
            turn_ahead_locked(worker, ahead, number);
        }
        if (!execute_next_locked(worker, part, request)) {
            part->stopped = true;
            break;
        }
        bool is_enough = !settle_pushes_locked(worker, &connection->session);
        part->executed++;
        pending = output_pending(&connection->output, reply);
        used = pending - pending_before + request->end - start;
        if (is_enough) {
            break;
        }
    }
    size_t made = pending - pending_before;
    part->share_used += used;
    worker->unsent_bytes += made;
    worker->turn_bytes += used;
}

/* The same, with all that is noted before and behind them. */
static void execute_part_locked(struct worker *worker, struct part *part, size_t end,
                                struct turn_ahead *ahead)
{
    struct server *server = worker->server;
    struct connection *connection = part->connection;
    struct session *session = &connection->session;
    server->executing = session;
    session->last_interaction_ms = worker->now_ms;
    turn_take_reply_buffer(worker, &session->reply);
    turn_begin_reply(worker, connection);
    engine_rest_begin_locked(server->engine);
    uint64_t value_bytes = engine_value_bytes_locked(server->engine);
    uint64_t write_position = session->write_position;
    turn_ahead_seek(worker, ahead, part);
    run_requests_locked(worker, part, end, ahead);
    turn_end_reply(connection);
    ahead->next = part->first_request + part->executed;
    worker_list_add(worker, LIST_SETTLE, connection);
    turn_note_position(worker, connection, engine_rest_end_locked(server->engine));
    if (session->write_position != write_position) {
        connection->has_written = true;
    }
    part->value_bytes += engine_value_bytes_locked(server->engine) - value_bytes;
    server->executing = NULL;
    if (session->close_asap) {
        worker_close_later(worker, connection);
    }
}

/* The part whose requests are executed now, from number `*next` on, round and round: NULL when
 * nothing is left that may be executed. */
static struct part *find_part(struct worker *worker, size_t *next)
{
    for (size_t i = 0; i < worker->part_count; i++) {
        struct part *part = &worker->parts[(*next + i) % worker->part_count];
        if (part->executed < part->request_count && !part->stopped && !part->connection->closing) {
            *next = (size_t)(part - worker->parts);
            return part;
        }
    }
    return NULL;
}

/* In this hold: is there room for more to send, and nothing left to deliver? */
static bool may_go_on_locked(const struct worker *worker)
{
    return worker->unsent_bytes < UNSENT_BYTES_MAX && push_inbox_is_empty(&worker->inbox) &&
           !has_pushed_much(worker);
}

/* Pushes are delivered before the hold and behind each command: so every client sees them, and its
 * replies, in the order of execution. */
static void execute_hold_locked(struct worker *worker, size_t *next, struct turn_ahead *ahead)
{
    bool slows = engine_slows_writers(worker->server->engine);
    worker->share_max = slows ? SLOWED_SHARE_BYTES : SHARE_BYTES;
    size_t left = COMMANDS_PER_HOLD;
    struct part *part;
    worker->hold_taken_weight = worker->inbox.taken_weight;
    worker->server->has_told_too_much = false; /* these commands have not */
    while (left > 0 && may_go_on_locked(worker) && (part = find_part(worker, next)) != NULL) {
        size_t before = part->executed;
        size_t count = part->request_count - before;
        execute_part_locked(worker, part, before + (count < left ? count : left), ahead);
        left -= part->executed - before;
        bool has_written_much = slows && part->value_bytes >= worker->share_max;
        if (part->share_used >= worker->share_max || has_written_much) {
            part->share_used = 0;
            part->stopped = part->stopped || (slows && part->value_bytes > 0);
            (*next)++;
        }
    }
    worker->server->has_told_too_much = false;
    tracking_settle(worker->server);
    if (worker->server->has_told_too_much) {
        fast_publishers_note_writers_locked(worker);
    }
    (void)turn_deliver_locked(worker); /* what it leaves stands before the next hold */
}

/* Is there a part to execute, if need be one that waits since an earlier turn? */
static bool has_more(struct worker *worker, size_t *next, struct turn_ahead *ahead)
{
    while (find_part(worker, next) == NULL) {
        if (worker->lists[LIST_RESUME].count == 0 || worker->request_count >= WORKER_REQUESTS_MAX) {
            return false;
        }
        *next = worker->part_count;
        turn_parse_resumed(worker, RESUMED_AT_ONCE);
        ahead->next = SIZE_MAX; /* nothing of these is on its way */
    }
    return true;
}

/* Begins with the part of this number; returns that of the one whose turn it then would be. */
static size_t execute(struct worker *worker, size_t next)
{
    struct server *server = worker->server;
    struct turn_ahead ahead;
    turn_ahead_init(&ahead);
    while (worker->turn_bytes < TURN_BYTES_MAX && !turn_is_behind(worker) &&
           has_more(worker, &next, &ahead)) {
        engine_lock(server->engine);
        if (turn_deliver_locked(worker)) {
            keyspace_set_now_ms(server->keyspace, clock_unix_ms());
            execute_hold_locked(worker, &next, &ahead);
            turn_ahead_end_hold_locked(worker, &ahead);
            statistics_end_hold_locked(server->statistics);
        }
        engine_unlock(server->engine);
        if (worker->unsent_bytes >= UNSENT_BYTES_MAX ||
            push_inbox_is_much(push_inbox_unsent(&worker->inbox))) {
            turn_send(worker);
        }
    }
    return next;
}

/* --- the end of a turn ---------------------------------------------------------------------- */

/* client-query-buffer-limit: what was sent and has not been executed, with all that it takes. */
static bool is_within_query_limit(struct worker *worker, const struct connection *connection)
{
    int64_t limit = config_number(worker->server->config, CONFIG_CLIENT_QUERY_BUFFER_LIMIT);
    size_t size = connection_input(connection).size + parser_memory(&connection->parser) +
                  transaction_memory(&connection->session.transaction);
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
    size_t done = all ? part->parsed : find_next_start(worker, part);
    if (stager_is_over(connection)) {
        stager_release(connection, done == part->source.size);
    }
    if (connection_keep_rest(connection, part->source, done, !all) != STATUS_OK ||
        !is_within_query_limit(worker, connection)) {
        worker_close_later(worker, connection);
        return;
    }
    turn_parse_note(part);
    if (!all || part->unparsed) {
        worker_list_add(worker, LIST_RESUME, connection);
    } else if (connection->ended) {
        worker_list_add(worker, LIST_SETTLE, connection);
    }
    client_memory_note(worker->server, &connection->session);
    connection_update_reading(connection);
    if (stager_has_claim(connection)) {
        stager_lend(worker, connection);
    }
}

/* Has it waited since an earlier turn, and for nothing so far? */
static bool waits_still(const struct part *part)
{
    return part->resumed && part->executed == 0 && !part->stopped && !part->connection->closing;
}

/* Puts those at the list's end, from `first` on, before the others. */
static void put_first(struct connection_list *list, size_t first)
{
    struct connection *moved[RESUMED_AT_ONCE];
    size_t count = list->count - first;
    CHECK(count <= RESUMED_AT_ONCE); /* of those that were taken last */
    if (count > 0) {
        memcpy(moved, list->items + first, count * sizeof(*moved));
        memmove(list->items + count, list->items, first * sizeof(*moved));
        memcpy(list->items, moved, count * sizeof(*moved));
    }
}

/* Who was taken up to be resumed, and was not reached, goes before those who were not taken yet;
 * then come those whose turn it would be next, from part `next` on, and last who has had it. */
static void keep_all(struct worker *worker, size_t next)
{
    struct connection_list *list = &worker->lists[LIST_RESUME];
    size_t before = list->count;
    for (size_t i = 0; i < worker->part_count; i++) {
        struct part *part = &worker->parts[(next + i) % worker->part_count];
        if (waits_still(part)) {
            keep_rest(worker, part);
        }
    }
    put_first(list, before);
    for (size_t i = 0; i < worker->part_count; i++) {
        struct part *part = &worker->parts[(next + i) % worker->part_count];
        if (part->connection->in_turn) {
            keep_rest(worker, part);
        }
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
    for (size_t i = 0; i < worker->part_count; i++) {
        const struct part *part = &worker->parts[i];
        if (part->request_count > 0) {
            /* Behind an error nothing is parsed. */
            free(worker->requests[part->first_request + part->request_count - 1].error);
        }
    }
    worker->request_count = 0;
    worker->part_count = 0;
    worker->arena_used = 0;
    worker->position = 0;
    worker->turn_bytes = 0;
    worker->delivered_bytes = 0;
    argument_list_reset(&worker->arguments);
}

/* Pushes come first, so that nothing overtakes them. When there are more of them than a turn may
 * have, all else waits for the next one: meanwhile sockets may take more. */
void turn_end(struct worker *worker)
{
    bool is_behind = !turn_deliver(worker);
    if (!is_behind) {
        turn_take_messages(worker);
    }
    slow_writers_release(worker);
    keep_fragments(worker);
    size_t next = worker->part_count; /* who has waited since an earlier turn comes first */
    if (!is_behind) {
        turn_parse_resumed(worker, RESUMED_AT_ONCE);
        next = execute(worker, next);
    }
    turn_settle(worker);
    fast_publishers_release(worker);
    keep_all(worker, next);
    forget_turn(worker);
    turn_close(worker);
    client_memory_settle(worker->server);
}
