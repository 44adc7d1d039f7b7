/* turn_settle.c - see turn_settle.h. */
#include "server/turn_settle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "engine/engine.h"
#include "server/await.h"
#include "server/client_memory.h"
#include "server/fast_publishers.h"
#include "server/turn_deliver.h"
#include "server/worker.h"

/* Bytes of replies that may wait for a client that has not logged in. */
#define STRANGERS_OUTPUT_MAX 1024

/*
 * Is all that the connection's new replies rest on written? When the write has failed, those whose
 * replies rest on what is not in the page cache are closed, as in a crash: they may not hear of
 * what might not be there.
 */
static bool is_written(struct worker *worker, struct connection *connection, bool write_failed)
{
    return !write_failed ||
           engine_write(worker->server->engine, connection->rest_position) == STATUS_OK;
}

static void note_latency(struct server *server, uint64_t milliseconds)
{
    int64_t threshold = config_number(server->config, CONFIG_LATENCY_MONITOR_THRESHOLD);
    if (threshold > 0 && milliseconds >= (uint64_t)threshold) {
        latency_add(&server->latency, LATENCY_LOG_WRITE, milliseconds);
    }
}

static bool write_log(struct worker *worker)
{
    if (worker->position == 0) {
        return true;
    }
    int64_t begin_us = clock_monotonic_us();
    enum status status = engine_write(worker->server->engine, worker->position);
    note_latency(worker->server, (uint64_t)(clock_monotonic_us() - begin_us) / 1000);
    if (status != STATUS_OK && status != STATUS_WRITES_STOPPED) {
        LOG_WARNING("The log can't be written (%s): clients that wait for it are disconnected.",
                    status_words(status));
    }
    return status == STATUS_OK;
}

/* An attack does not fill the log: of all such clients one is told of at a time. */
static void log_stranger(const struct worker *worker, const struct session *session)
{
    static struct log_limit limit;
    if (log_limit_try(&limit, LOG_LIMIT_TROUBLE_MS, worker->now_ms)) {
        LOG_WARNING("Closing client %s: it has not logged in and does not read its replies.",
                    session->address);
    }
}

/* Who has not logged in gets little but short errors: where they pile up, nobody reads them. */
static bool is_stranger_who_does_not_read(const struct connection *connection)
{
    const struct session *session = &connection->session;
    if (!connection_is_stranger(connection) ||
        output_pending(&connection->output, &session->reply) <= STRANGERS_OUTPUT_MAX) {
        return false;
    }
    log_stranger(connection->worker, session);
    return true;
}

static struct config_output_limit limit_of(const struct worker *worker,
                                           const struct connection *connection)
{
    return config_output_limit(worker->server->config, session_class(&connection->session));
}

static bool is_over_hard_limit(const struct connection *connection,
                               struct config_output_limit limit)
{
    const struct reply *reply = &connection->session.reply;
    return (reply->failed && reply->too_long) ||
           (limit.hard > 0 && output_pending(&connection->output, reply) > limit.hard);
}

bool turn_is_over_hard_limit(const struct worker *worker, const struct connection *connection)
{
    return session_class(&connection->session) == CLIENT_NORMAL &&
           is_over_hard_limit(connection, limit_of(worker, connection));
}

/* How long a reply may be that begins behind `before` bytes. */
static size_t bound(const struct worker *worker, enum client_class class, size_t before)
{
    uint64_t hard = config_output_limit(worker->server->config, class).hard;
    return hard == 0 || hard > SIZE_MAX - before ? SIZE_MAX : hard + before;
}

void turn_begin_reply(struct worker *worker, struct connection *connection)
{
    struct session *session = &connection->session;
    size_t sent = output_sent(&connection->output);
    size_t made = sent + output_pending(&connection->output, &session->reply);
    worker->reply_bounds[CLIENT_NORMAL] = bound(worker, CLIENT_NORMAL, sent);
    worker->reply_bounds[CLIENT_PUBSUB] = bound(worker, CLIENT_PUBSUB, made);
    session->reply_bounds = worker->reply_bounds;
    session_bound_reply(session);
}

void turn_end_reply(struct connection *connection)
{
    connection->session.reply_bounds = NULL;
    session_bound_reply(&connection->session);
}

/* client-output-buffer-limit; false: the client is to be closed. */
static bool is_within_limits(struct worker *worker, struct connection *connection,
                             struct config_output_limit limit)
{
    const struct session *session = &connection->session;
    size_t pending = output_pending(&connection->output, &session->reply);
    bool over_soft = limit.soft > 0 && pending > limit.soft;
    if (!over_soft) {
        connection->over_soft_limit_since_ms = 0;
    } else if (connection->over_soft_limit_since_ms == 0) {
        connection->over_soft_limit_since_ms = worker->now_ms;
    }
    bool too_long = over_soft && worker->now_ms - connection->over_soft_limit_since_ms >=
                                     limit.soft_seconds * 1000 + (limit.soft_seconds == 0);
    if (!is_over_hard_limit(connection, limit) && !too_long) {
        return true;
    }
    LOG_WARNING("Closing client %s: %zu bytes of replies wait for it, beyond "
                "client-output-buffer-limit.",
                session->address, pending);
    atomic_fetch_add(&worker->server->statistics->output_limit_disconnections, 1);
    return false;
}

/* The client has read enough for its waiting requests to be executed. */
static void end_stall(struct worker *worker, struct connection *connection)
{
    size_t limit = turn_output_limit(worker);
    if (connection->output_stalled &&
        output_pending(&connection->output, &connection->session.reply) <= limit / 2) {
        connection->output_stalled = false;
        worker_list_add(worker, LIST_RESUME, connection);
    }
}

static bool is_done(const struct connection *connection)
{
    const struct session *session = &connection->session;
    return output_is_empty(&connection->output, &session->reply) &&
           (session->close_after_reply ||
            (connection->ended && !connection_has_requests(connection)));
}

static bool may_leave(void *engine, const struct output_mark *mark, bool *failed)
{
    return mark->has_written ? engine_may_reply(engine, mark->position, failed)
                             : engine_may_show(engine, mark->position, failed);
}

/* What goes beyond the hard limit is not sent at all, however much the socket would take; but of
 * who subscribes only what was too long when it was made. */
static bool is_not_sent(const struct connection *connection, struct config_output_limit limit)
{
    const struct session *session = &connection->session;
    return (session_class(session) == CLIENT_NORMAL || session->reply.failed) &&
           is_over_hard_limit(connection, limit);
}

/* Releases and sends what may leave; false: the connection is to be closed. */
static bool send_released(struct worker *worker, struct connection *connection,
                          struct config_output_limit limit, bool write_failed)
{
    struct reply *reply = &connection->session.reply;
    uint64_t position = connection->rest_position;
    bool failed = false;
    if (is_not_sent(connection, limit)) {
        return true; /* the limit closes it, and says so */
    }
    if (reply->failed || !is_written(worker, connection, write_failed) ||
        output_add_mark(&connection->output, reply, position, connection->has_written) !=
            STATUS_OK) {
        return false;
    }
    connection->rest_position = 0;
    connection->has_written = false;
    if (!output_release_marks(&connection->output, may_leave, worker->server->engine, &failed)) {
        worker_list_add(worker, LIST_HELD, connection);
    }
    bool is_there = !failed && connection_send(connection);
    fast_publishers_note_receiver(connection);
    return is_there;
}

/* The same, and all that comes of it. */
static bool settle(struct worker *worker, struct connection *connection, bool write_failed)
{
    /* Read once: between two that differ it might be neither sent to nor closed. */
    struct config_output_limit limit = limit_of(worker, connection);
    if (!send_released(worker, connection, limit, write_failed) ||
        is_stranger_who_does_not_read(connection) || !is_within_limits(worker, connection, limit) ||
        turn_has_told_in_vain(worker, connection)) {
        return false;
    }
    client_memory_note(worker->server, &connection->session);
    end_stall(worker, connection);
    if (!connection->in_turn) {
        connection_update_reading(connection);
    }
    return true;
}

static void settle_held(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_HELD];
    for (size_t i = 0; i < list->count; i++) {
        worker_list_left(LIST_HELD, list->items[i]);
        worker_list_add(worker, LIST_SETTLE, list->items[i]);
    }
    list->count = 0;
}

static void settle_all(struct worker *worker, bool write_failed)
{
    struct connection_list *list = &worker->lists[LIST_SETTLE];
    for (size_t i = 0; i < list->count; i++) {
        struct connection *connection = list->items[i];
        worker_list_left(LIST_SETTLE, connection);
        if (connection->closing) {
            continue;
        }
        if (!settle(worker, connection, write_failed) || is_done(connection)) {
            worker_close_later(worker, connection);
        }
    }
    list->count = 0;
}

void turn_send(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_SETTLE];
    worker->unsent_bytes = 0;
    bool write_failed = !write_log(worker);
    for (size_t i = 0; i < list->count; i++) {
        struct connection *connection = list->items[i];
        if (!connection->closing) {
            /* Where it fails it does so once more at the turn's end. */
            (void)send_released(worker, connection, limit_of(worker, connection), write_failed);
        }
    }
    fast_publishers_note_sent(worker);
}

void turn_settle(struct worker *worker)
{
    bool moved = atomic_exchange(&worker->durable_moved, false);
    if (moved) {
        settle_held(worker);
    }
    await_settle(worker, moved);
    worker->unsent_bytes = 0;
    bool write_failed = !write_log(worker);
    settle_all(worker, write_failed);
    fast_publishers_note_sent(worker);
    bool waits = worker->lists[LIST_HELD].count > 0 || worker->lists[LIST_AWAIT].count > 0;
    bool waited = atomic_exchange(&worker->waits_durable, waits);
    if (waits && !waited) {
        /* The sync thread looks at waits_durable after it has moved the position; we look at the
         * position once more after setting it: so one of us sees the other. */
        settle_held(worker);
        await_settle(worker, true);
        settle_all(worker, false);
    }
}

/* One pass for all that close: there may be thousands. */
static void drop_closing(struct connection_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i]->closing) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static unsigned find_lists(const struct connection_list *closing)
{
    unsigned lists = 0;
    for (size_t i = 0; i < closing->count; i++) {
        lists |= closing->items[i]->lists;
    }
    return lists & ~(1U << LIST_CLOSE);
}

void turn_close(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_CLOSE];
    if (list->count == 0) {
        return;
    }
    struct server *server = worker->server;
    engine_lock(server->engine);
    for (size_t i = 0; i < list->count; i++) {
        worker_remove_connection_locked(worker, list->items[i]);
    }
    engine_unlock(server->engine);
    unsigned lists = find_lists(list);
    for (unsigned k = 0; k < LIST_COUNT; k++) {
        if ((lists & (1U << k)) != 0) {
            drop_closing(&worker->lists[k]);
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        connection_destroy(list->items[i]);
    }
    list->count = 0;
}
