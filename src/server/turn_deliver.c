/* turn_deliver.c - see turn_deliver.h. */
#include "server/turn_deliver.h"

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
