/* turn_deliver.c - see turn_deliver.h. */
#include "server/turn_deliver.h"

#include "base/log.h"
#include "engine/engine.h"
#include "server/worker.h"

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

static size_t pause_limit(const struct worker *worker)
{
    return (size_t)config_number(worker->server->config, CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE);
}

/* Beyond client-output-buffer-pause nothing more is executed for a client, but others go on to
 * change keys, and so do the invalidations that it wants (CLIENT TRACKING): how much waited for it
 * when that began is remembered. Subscribers have a limit of their own. */
static void note_backlog(const struct worker *worker, struct connection *connection)
{
    const struct session *session = &connection->session;
    size_t pending = output_pending(&connection->output, &session->reply);
    if (pending > pause_limit(worker) && connection->backlog_begin == 0 &&
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
    size_t limit = pause_limit(worker);
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

static void deliver(struct worker *worker, const struct push *push, uint64_t session_id)
{
    struct server *server = worker->server;
    struct session *session = session_registry_find(&server->sessions, session_id);
    if (session == NULL || session->close_asap || session->close_after_reply ||
        session->connection->closing) {
        return;
    }
    note_backlog(worker, session->connection);
    turn_take_reply_buffer(worker, &session->reply);
    push_write(push, &session->reply);
    if (push->rests) {
        /* No command runs: what the push tells of is whole by now, a transaction included. */
        turn_note_position(worker, session->connection,
                           engine_payload_position_locked(server->engine));
    }
    worker_list_add(worker, LIST_SETTLE, session->connection);
}

void turn_deliver_locked(struct worker *worker)
{
    struct delivery *delivery = push_inbox_take(&worker->inbox);
    while (delivery != NULL) {
        for (size_t i = 0; i < delivery->count; i++) {
            deliver(worker, delivery->push, delivery->sessions[i]);
        }
        delivery_free(delivery);
        delivery = push_inbox_take(&worker->inbox);
    }
}
