/* turn_messages.c - see turn_messages.h. */
#include "server/turn_messages.h"

#include "base/clock.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/fast_publishers.h"
#include "server/turn_deliver.h"
#include "server/worker.h"

#include <stdlib.h>

static void run_task_locked(struct worker *worker, const struct message *message)
{
    struct server *server = worker->server;
    struct session *session = session_registry_find(&server->sessions, message->session_id);
    if (session != NULL && (session->close_asap || session->connection->closing)) {
        session = NULL;
    }
    uint64_t write_position = 0;
    size_t pending = 0;
    engine_rest_begin_locked(server->engine);
    if (session != NULL) {
        write_position = session->write_position;
        pending = output_pending(&session->connection->output, &session->reply);
        turn_take_reply_buffer(worker, &session->reply);
    }
    message->task(message->context, session);
    uint64_t position = engine_rest_end_locked(server->engine);
    if (session != NULL) {
        turn_note_late_reply(session->connection, pending);
        turn_note_position(worker, session->connection, position);
        session->connection->has_written |= session->write_position != write_position;
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
    case MESSAGE_RETRY:
        worker->retry_postponed = true;
        break;
    case MESSAGE_ROOM:
        if (session != NULL) {
            fast_publishers_resume_locked(worker, session);
        }
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

/* CLIENT PAUSE is over, or was changed: who still has to wait is found out by trying. As in Redis,
 * of a client that ended its side meanwhile nothing is executed any more. */
static void retry_postponed_locked(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_POSTPONED];
    worker->retry_postponed = false;
    for (size_t i = 0; i < list->count; i++) {
        struct connection *connection = list->items[i];
        worker_list_left(LIST_POSTPONED, connection);
        if (connection->ended) { /* its replies are not all sent, else it would be closed */
            worker_close_later(worker, connection);
            continue;
        }
        if (connection->session.blocked == BLOCK_PAUSED) {
            connection->session.blocked = BLOCK_NONE;
        }
        worker_list_add(worker, LIST_RESUME, connection);
    }
    list->count = 0;
}

void turn_take_messages(struct worker *worker)
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
    tracking_settle(server); /* of what tasks have changed, no command may follow */
    engine_unlock(server->engine);
}
