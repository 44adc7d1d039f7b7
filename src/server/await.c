/* await.c - see await.h. */
#include "server/await.h"

#include "base/check.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "server/worker.h"

#include <event2/event.h>

#define NEVER INT64_MAX

void await_begin_locked(struct server *server, struct session *session, const struct await *await)
{
    CHECK(session == server->executing);
    struct worker *worker = server->workers[session->worker];
    (void)server_block_locked(server, session);
    session->await = *await;
    if (await->until_ms < worker->await_until_ms) {
        worker->await_until_ms = await->until_ms;
    }
    worker_list_add(worker, LIST_AWAIT, session->connection);
    engine_request_sync(server->engine);
}

void await_cancel_locked(struct session *session)
{
    session->await.finish = NULL; /* await_settle() takes it off the list */
    server_unblock_locked(session->server, session);
}

/* Finishes the wait if it is over; was it? */
static bool try_finish(struct worker *worker, struct session *session, int64_t now_ms)
{
    struct await await = session->await;
    bool failed;
    bool is_durable = engine_is_durable(worker->server->engine, await.position, &failed);
    if (!is_durable && !failed && now_ms < await.until_ms) {
        return false;
    }
    session->await.finish = NULL;
    await.finish(session, is_durable ? AWAIT_DURABLE : failed ? AWAIT_FAILED : AWAIT_TIMEOUT);
    server_unblock_locked(worker->server, session);
    worker_list_add(worker, LIST_SETTLE, session->connection);
    return true;
}

void await_settle(struct worker *worker, bool moved)
{
    struct connection_list *list = &worker->lists[LIST_AWAIT];
    int64_t now_ms = clock_monotonic_ms();
    if (list->count == 0) {
        worker->await_until_ms = NEVER; /* those who waited may have gone, and need no timer */
        return;
    }
    if (!moved && now_ms < worker->await_until_ms) {
        return;
    }
    size_t kept = 0;
    worker->await_until_ms = NEVER;
    engine_lock(worker->server->engine);
    for (size_t i = 0; i < list->count; i++) {
        struct connection *connection = list->items[i];
        struct session *session = &connection->session;
        if (session->await.finish == NULL || connection->closing ||
            try_finish(worker, session, now_ms)) {
            worker_list_left(LIST_AWAIT, connection);
            continue;
        }
        list->items[kept++] = connection;
        if (session->await.until_ms < worker->await_until_ms) {
            worker->await_until_ms = session->await.until_ms;
        }
    }
    engine_unlock(worker->server->engine);
    list->count = kept;
    if (kept > 0) {
        engine_request_sync(worker->server->engine); /* the last one may not have come so far */
    }
}

void await_arm_timer(struct worker *worker)
{
    if (worker->await_until_ms == worker->await_armed_ms) {
        return;
    }
    worker->await_armed_ms = worker->await_until_ms;
    if (worker->await_until_ms == NEVER) {
        CHECK(event_del(worker->await_event) == 0);
        return;
    }
    int64_t left_ms = worker->await_until_ms - clock_monotonic_ms();
    left_ms = left_ms < 1 ? 1 : left_ms;
    struct timeval wait = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    CHECK(event_add(worker->await_event, &wait) == 0);
}
