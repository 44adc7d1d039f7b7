/* fast_publishers.c - see fast_publishers.h. */
#include "server/fast_publishers.h"

#include "base/check.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "server/worker.h"

#include <event2/event.h>

/* A subscriber lags when its socket is full and more than this waits for it, and it has read
 * something in the last second. */
#define LAG_BYTES   ((size_t)256 << 10)
#define LAG_IDLE_MS 1000
/* How long a full inbox stays so at most for the sake of one, and for how many it adds up: where
 * many lag the machine is too busy for them, where one does it is slow, and others need not be. So
 * an inbox is sent at least in every 40 ms, whoever lags. */
#define LAG_WAIT_US 5000
#define LAG_WAITS   8

void fast_publishers_note_locked(struct worker *worker, struct session *session)
{
    struct server *server = worker->server;
    unsigned count = atomic_load(&server->workers_ready);
    if (session->blocked != BLOCK_NONE) {
        return; /* it waits already */
    }
    for (unsigned i = 0; i < count; i++) {
        struct push_inbox *inbox = &server->workers[i]->inbox;
        /* From an empty one nobody would wake it: what was in it is being sent. */
        if (i != worker->index && !push_inbox_is_empty(inbox) && push_inbox_is_full_locked(inbox) &&
            push_inbox_await_locked(inbox, session->id)) {
            session->blocked = BLOCK_FOR_ROOM;
            session->awaited_inboxes++;
        }
    }
}

void fast_publishers_note_writers_locked(struct worker *worker)
{
    for (size_t i = 0; i < worker->part_count; i++) {
        struct connection *connection = worker->parts[i].connection;
        if (connection->has_written) {
            fast_publishers_note_locked(worker, &connection->session);
        }
    }
}

void fast_publishers_resume_locked(struct worker *worker, struct session *session)
{
    CHECK(session->blocked == BLOCK_FOR_ROOM && session->awaited_inboxes > 0);
    session->awaited_inboxes--;
    if (session->awaited_inboxes == 0) {
        session->blocked = BLOCK_NONE;
        worker_list_add(worker, LIST_RESUME, session->connection);
    }
}

static void release_locked(struct worker *worker)
{
    struct server *server = worker->server;
    struct push_inbox *inbox = &worker->inbox;
    if (inbox->waiter_count == 0 || !push_inbox_has_room_locked(inbox)) {
        return;
    }
    for (size_t i = 0; i < inbox->waiter_count; i++) {
        const struct session *session = session_registry_find(&server->sessions, inbox->waiters[i]);
        if (session != NULL) {
            enum status status =
                worker_post(server->workers[session->worker],
                            &(struct message){.kind = MESSAGE_ROOM, .session_id = session->id});
            CHECK(status == STATUS_OK);
        }
    }
    inbox->waiter_count = 0;
    atomic_store(&inbox->is_awaited, false);
}

void fast_publishers_release(struct worker *worker)
{
    if (atomic_load(&worker->inbox.is_awaited)) {
        engine_lock(worker->server->engine);
        release_locked(worker);
        engine_unlock(worker->server->engine);
    }
}

/* --- those who lag -------------------------------------------------------------------------- */

static bool lags(const struct connection *connection)
{
    const struct session *session = &connection->session;
    return connection->write_event != NULL && session_class(session) == CLIENT_PUBSUB &&
           output_pending(&connection->output, &session->reply) > LAG_BYTES &&
           connection->worker->now_ms - connection->active_ms < LAG_IDLE_MS;
}

static void set_lagging(struct connection *connection, bool is_lagging)
{
    if (connection->lags != is_lagging) {
        connection->lags = is_lagging;
        connection->worker->laggard_count += is_lagging ? 1 : SIZE_MAX; /* one less */
    }
}

void fast_publishers_note_receiver(struct connection *connection)
{
    set_lagging(connection, lags(connection));
}

void fast_publishers_forget_receiver(struct connection *connection)
{
    set_lagging(connection, false);
}

void fast_publishers_note_sent(struct worker *worker)
{
    if (worker->laggard_count == 0) {
        push_inbox_note_sent(&worker->inbox, true);
        return;
    }
    int64_t now_us = clock_monotonic_us();
    bool is_time = now_us >= worker->wait_until_us;
    push_inbox_note_sent(&worker->inbox, is_time);
    if (is_time) {
        size_t waits = worker->laggard_count < LAG_WAITS ? worker->laggard_count : LAG_WAITS;
        worker->wait_until_us = now_us + (int64_t)waits * LAG_WAIT_US;
    }
}

void fast_publishers_arm(struct worker *worker)
{
    const struct push_inbox *inbox = &worker->inbox;
    if (!atomic_load(&inbox->is_awaited) || push_inbox_is_settled(inbox)) {
        return;
    }
    int64_t left_us = worker->wait_until_us - clock_monotonic_us();
    left_us = left_us < 1 ? 1 : left_us;
    struct timeval wait = {.tv_sec = 0, .tv_usec = left_us};
    CHECK(event_add(worker->room_event, &wait) == 0);
}
