/* turn_deliver.c - see turn_deliver.h. */
#include "server/turn_deliver.h"

#include "base/log.h"
#include "engine/engine.h"
#include "server/turn_settle.h"
#include "server/worker.h"

/* Bytes that are delivered in one hold of the lock, and what finding a receiver counts beside
 * them. */
#define STEP_BYTES     ((size_t)512 << 10)
#define RECEIVER_BYTES 128
/* Such bytes in a turn; with more the worker looks first whose socket takes more. */
#define DELIVERED_BYTES_MAX ((size_t)2 << 20)
/* While less waits for a client, no hard limit is looked up. */
#define UNLIMITED_BYTES ((size_t)1 << 20)

void turn_take_reply_buffer(struct worker *worker, struct reply *reply)
{
    if (reply->bytes.data == NULL && worker->spare_buffer_count > 0) {
        reply->bytes = worker->spare_buffers[--worker->spare_buffer_count];
        worker->spare_bytes -= reply->bytes.capacity;
    }
}

void turn_note_position(struct worker *worker, struct connection *connection, uint64_t position)
{
    if (position > connection->rest_position) {
        connection->rest_position = position;
    }
    if (position > worker->position) {
        worker->position = position;
    }
}

size_t turn_output_limit(const struct worker *worker)
{
    return (size_t)config_number(worker->server->config, CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE);
}

/* Beyond client-output-buffer-pause nothing more is executed for a client, but others go on to
 * change keys, and so do the invalidations that it wants (CLIENT TRACKING): how much waited for it
 * when that began is remembered. Subscribers have a limit of their own. */
static void note_backlog(const struct worker *worker, struct connection *connection, size_t pending)
{
    const struct session *session = &connection->session;
    if (pending > turn_output_limit(worker) && connection->backlog_begin == 0 &&
        !atomic_load(&session->subscriber.is_active)) {
        connection->backlog_begin = pending;
    }
}

void turn_note_late_reply(struct connection *connection, size_t pending)
{
    if (connection->backlog_begin != 0) {
        connection->backlog_begin +=
            output_pending(&connection->output, &connection->session.reply) - pending;
    }
}

bool turn_has_told_in_vain(const struct worker *worker, struct connection *connection)
{
    const struct session *session = &connection->session;
    size_t limit = turn_output_limit(worker);
    size_t pending = output_pending(&connection->output, &session->reply);
    if (connection->backlog_begin == 0) {
        return false;
    }
    if (pending <= limit || atomic_load(&session->subscriber.is_active)) {
        connection->backlog_begin = 0;
        return false;
    }
    bool has_had_its_chance = connection->write_event != NULL; /* the socket is full */
    if (!has_had_its_chance || pending - limit <= connection->backlog_begin) {
        return false;
    }
    LOG_WARNING("Closing client %s: it reads too slowly what it is told of changes (%zu bytes).",
                session->address, pending);
    atomic_fetch_add(&worker->server->statistics->output_limit_disconnections, 1);
    return true;
}

/* As in Redis, who is over the limit gets no more, and the turn's end closes it. */
static bool is_over_limit(const struct worker *worker, struct session *session, size_t pending)
{
    if (pending <= UNLIMITED_BYTES) {
        return false;
    }
    uint64_t hard = config_output_limit(worker->server->config, session_class(session)).hard;
    if (hard == 0 || pending <= hard) {
        return false;
    }
    session->reply.failed = true;
    session->reply.too_long = true;
    return true;
}

static void deliver(struct worker *worker, const struct push *push, uint64_t session_id)
{
    struct server *server = worker->server;
    struct session *session = session_registry_find(&server->sessions, session_id);
    if (session == NULL || session->close_asap || session->close_after_reply ||
        session->connection->closing) {
        return;
    }
    size_t pending = output_pending(&session->connection->output, &session->reply);
    worker_list_add(worker, LIST_SETTLE, session->connection);
    if (is_over_limit(worker, session, pending)) {
        return;
    }
    note_backlog(worker, session->connection, pending);
    turn_take_reply_buffer(worker, &session->reply);
    push_write(push, &session->reply);
    if (push->rests) {
        /* No command runs: what the push tells of is whole by now, a transaction included. */
        turn_note_position(worker, session->connection,
                           engine_payload_position_locked(server->engine));
    }
}

/* To its next receivers, as many as `bytes_max` allows, and at least one; returns what it was. */
static size_t deliver_oldest(struct worker *worker, size_t bytes_max)
{
    const struct delivery *delivery = push_inbox_first_locked(&worker->inbox);
    size_t size = delivery->push->size + RECEIVER_BYTES;
    size_t left = delivery->count - delivery->done;
    size_t most = bytes_max / size + 1;
    size_t count = left < most ? left : most;
    for (size_t i = 0; i < count; i++) {
        deliver(worker, delivery->push, delivery->sessions[delivery->done + i]);
    }
    push_inbox_advance_locked(&worker->inbox, count);
    return count * size;
}

bool turn_is_behind(const struct worker *worker)
{
    return worker->delivered_bytes >= DELIVERED_BYTES_MAX && !push_inbox_is_empty(&worker->inbox);
}

bool turn_deliver_locked(struct worker *worker)
{
    struct push_inbox *inbox = &worker->inbox;
    size_t bytes = 0;
    while (bytes < STEP_BYTES && !push_inbox_is_empty(inbox)) {
        bytes += deliver_oldest(worker, STEP_BYTES - bytes);
    }
    worker->delivered_bytes += bytes;
    bool is_empty = push_inbox_is_empty(inbox);
    inbox->is_behind = !is_empty && (inbox->is_behind || turn_is_behind(worker));
    return is_empty;
}

bool turn_deliver(struct worker *worker)
{
    bool is_empty = push_inbox_is_empty(&worker->inbox);
    while (!is_empty && !turn_is_behind(worker)) {
        engine_lock(worker->server->engine);
        is_empty = turn_deliver_locked(worker);
        engine_unlock(worker->server->engine);
        if (push_inbox_is_much(push_inbox_unsent(&worker->inbox))) {
            turn_send(worker);
        }
    }
    return is_empty;
}
