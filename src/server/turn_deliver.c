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

/* Beyond client-output-buffer-pause nothing more is executed for a client, but others go on to
 * change keys, and so do the invalidations that it wants (CLIENT TRACKING). When it had that much
 * to read before it was told this, has it been told as much again since? Subscribers have a limit
 * of their own. */
static bool is_told_in_vain(const struct worker *worker, struct connection *connection, size_t size)
{
    const struct session *session = &connection->session;
    size_t limit = (size_t)config_number(worker->server->config, CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE);
    bool waits_for_socket = connection->write_event != NULL; /* else it has had no chance yet */
    if (!waits_for_socket || atomic_load(&session->subscriber.is_active) ||
        output_pending(&connection->output, &session->reply) <= limit + size) {
        connection->told_unread = 0;
        return false;
    }
    connection->told_unread += size;
    return connection->told_unread > limit;
}

static void close_who_does_not_read(struct worker *worker, struct connection *connection)
{
    struct session *session = &connection->session;
    LOG_WARNING("Closing client %s: %zu bytes wait for it, which wants to hear of changes and does "
                "not read.",
                session->address, output_pending(&connection->output, &session->reply));
    atomic_fetch_add(&worker->server->statistics->output_limit_disconnections, 1);
    session->close_asap = true;
    worker_close_later(worker, connection);
}

static void deliver(struct worker *worker, const struct push *push, uint64_t session_id)
{
    struct server *server = worker->server;
    struct session *session = session_registry_find(&server->sessions, session_id);
    if (session == NULL || session->close_asap || session->close_after_reply ||
        session->connection->closing) {
        return;
    }
    turn_take_reply_buffer(worker, &session->reply);
    push_write(push, &session->reply);
    if (push->rests) {
        /* No command runs: what the push tells of is whole by now, a transaction included. */
        turn_note_position(worker, session->connection,
                           engine_payload_position_locked(server->engine));
    }
    worker_list_add(worker, LIST_SETTLE, session->connection);
    if (is_told_in_vain(worker, session->connection, push->size)) {
        close_who_does_not_read(worker, session->connection);
    }
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
