/* worker.c - see worker.h. */
#include "server/worker.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "server/await.h"
#include "server/client_memory.h"
#include "server/fast_publishers.h"
#include "server/server_users.h"
#include "server/slow_readers.h"
#include "server/slow_writers.h"
#include "server/turn.h"
#include "server/turn_parse.h"
#include "server/turn_settle.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- reading -------------------------------------------------------------------------------- */

void worker_close_later(struct worker *worker, struct connection *connection)
{
    connection->closing = true;
    worker_list_add(worker, LIST_CLOSE, connection);
    connection_update_reading(connection);
}

static void on_end_of_input(struct worker *worker, struct connection *connection)
{
    /* What it has sent is still answered, but not behind a wait that it has asked for, nor what
     * CLIENT PAUSE has postponed: connection_has_requests(). */
    connection->ended = true;
    if (session_waits_by_choice(&connection->session)) {
        worker_close_later(worker, connection);
        return;
    }
    worker_list_add(worker, LIST_SETTLE, connection);
    connection_update_reading(connection);
}

static void on_read_failed(struct worker *worker, struct connection *connection, long size)
{
    if (size == 0) {
        on_end_of_input(worker, connection);
    } else if (errno == ENOMEM) {
        worker_close_later(worker, connection);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        connection->gone = true;
        on_end_of_input(worker, connection);
    }
}

static void count_input(struct worker *worker, struct connection *connection, long size)
{
    pace_note_read(&worker->pace, connection->active_ms != worker->now_ms);
    connection->active_ms = worker->now_ms;
    struct statistics *statistics = worker->server->statistics;
    atomic_fetch_add_explicit(&statistics->net_input_bytes, (uint64_t)size, memory_order_relaxed);
    atomic_fetch_add_explicit(&statistics->reads_processed, 1, memory_order_relaxed);
}

static void receive_into_input(struct worker *worker, struct connection *connection)
{
    long size = connection_read_input(connection);
    if (size <= 0) {
        on_read_failed(worker, connection, size);
        return;
    }
    count_input(worker, connection, size);
    if (connection_is_ready(connection)) {
        turn_parse_part(worker, connection, connection_input(connection));
    } else {
        connection_update_reading(connection);
    }
}

static void receive_into_arena(struct worker *worker, struct connection *connection)
{
    char *into = worker->arena + worker->arena_used;
    size_t room = WORKER_ARENA_SIZE - worker->arena_used;
    ssize_t size = recv(connection->session.descriptor, into,
                        room < WORKER_READ_SIZE ? room : WORKER_READ_SIZE, 0);
    if (size <= 0) {
        on_read_failed(worker, connection, size);
        return;
    }
    count_input(worker, connection, size);
    worker->arena_used += (size_t)size;
    turn_parse_part(worker, connection, slice_make(into, (size_t)size));
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    struct connection *connection = context;
    struct worker *worker = connection->worker;
    (void)descriptor;
    (void)what;
    bool is_resumed = (connection->lists & (1U << LIST_RESUME)) != 0; /* it has enough to do */
    if (connection->closing || connection->in_turn || is_resumed) {
        return;
    }
    if (worker->request_count >= WORKER_REQUESTS_MAX || worker->arena_used == WORKER_ARENA_SIZE) {
        /* The turn is full: libevent will tell again of those that were not read. */
        CHECK(event_base_loopbreak(worker->base) == 0);
        return;
    }
    if (connection->input.size > 0 || !connection_is_ready(connection)) {
        receive_into_input(worker, connection);
    } else {
        receive_into_arena(worker, connection);
    }
}

/* --- connections ---------------------------------------------------------------------------- */

static void link_connection(struct worker *worker, struct connection *connection)
{
    connection->next = worker->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    worker->connections = connection;
    worker->connection_count++;
}

static void unlink_connection(struct worker *worker, struct connection *connection)
{
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        worker->connections = connection->next;
    }
    worker->connection_count--;
}

void worker_add_connection_locked(struct worker *worker, uint64_t id, int descriptor)
{
    struct server *server = worker->server;
    if (!worker_lists_reserve(worker)) {
        (void)close(descriptor);
        atomic_fetch_sub(&server->connection_count, 1);
        return;
    }
    struct connection *connection = connection_create(worker, id, descriptor);
    if (connection == NULL) {
        atomic_fetch_sub(&server->connection_count, 1);
        return;
    }
    server_users_begin_locked(server, &connection->session);
    link_connection(worker, connection);
    session_registry_add(&server->sessions, &connection->session);
    CHECK(event_assign(&connection->read_event, worker->base, descriptor, EV_READ | EV_PERSIST,
                       on_readable, connection) == 0);
    connection_update_reading(connection);
}

void worker_remove_connection_locked(struct worker *worker, struct connection *connection)
{
    struct server *server = worker->server;
    struct session *session = &connection->session;
    server->executor->session_closed(server, session);
    if (session->blocked == BLOCK_WAITING) {
        server->statistics->blocked_clients--;
    }
    pubsub_unsubscribe_all(&server->pubsub, &session->subscriber);
    tracking_disable(server, session);
    client_memory_forget(server, session);
    session_registry_remove(&server->sessions, session);
    fast_publishers_forget_receiver(connection);
    unlink_connection(worker, connection);
    atomic_fetch_sub(&server->connection_count, 1);
}

/* --- timers --------------------------------------------------------------------------------- */

static void check_idle(struct worker *worker, struct connection *connection, int64_t timeout_ms)
{
    const struct session *session = &connection->session;
    bool is_listening = session->monitor != NULL || atomic_load(&session->subscriber.is_active);
    bool is_idle = timeout_ms > 0 && session->blocked == BLOCK_NONE && !is_listening &&
                   worker->now_ms - session->last_interaction_ms > timeout_ms &&
                   worker->now_ms - connection->active_ms > timeout_ms;
    if (is_idle) {
        LOG_VERBOSE("Closing idle client %s.", session->address);
        worker_close_later(worker, connection);
    } else if (connection->over_soft_limit_since_ms != 0) {
        worker_list_add(worker, LIST_SETTLE, connection);
    }
}

static void on_second(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    (void)descriptor;
    (void)what;
    int64_t timeout_ms = config_number(worker->server->config, CONFIG_TIMEOUT) * 1000;
    size_t budget = SLOW_READERS_SHARE;
    worker->now_ms = clock_monotonic_ms();
    for (struct connection *each = worker->connections; each != NULL; each = each->next) {
        check_idle(worker, each, timeout_ms);
        budget = slow_readers_let_go(each, budget);
    }
}

static void on_pause_end(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    (void)descriptor;
    (void)what;
    worker->retry_postponed = true;
}

/* The end of a pause is waited for only while somebody is postponed by it. An event that waits
 * already, perhaps for the end of an earlier and longer pause, gets the new time. */
static void arm_pause_event(struct worker *worker)
{
    if (worker->lists[LIST_POSTPONED].count == 0) {
        return;
    }
    int64_t left_ms = worker->pause_until_ms - clock_monotonic_ms() + 1;
    left_ms = left_ms < 1 ? 1 : left_ms;
    struct timeval wait = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    CHECK(event_add(worker->pause_event, &wait) == 0);
}

/* The turn that follows looks at the time. */
static void on_await_end(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    (void)descriptor;
    (void)what;
    worker->await_armed_ms = INT64_MAX;
}

/* The turn that follows looks who it is. */
static void on_slow_end(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    (void)context;
}

static void on_wake(evutil_socket_t descriptor, short what, void *context)
{
    struct worker *worker = context;
    (void)descriptor;
    (void)what;
    mailbox_clear_wakes(&worker->mailbox);
}

/* --- the thread ----------------------------------------------------------------------------- */

static void refresh_limits(struct worker *worker)
{
    worker->limits.bulk_size_max = config_number(worker->server->config, CONFIG_PROTO_MAX_BULK_LEN);
}

/* Tasks must run even now: what they own has to be freed. Sockets that came late are closed. */
static void refuse_messages_locked(struct worker *worker)
{
    struct message *message = mailbox_take(&worker->mailbox);
    while (message != NULL) {
        struct message *next = message->next;
        if (message->kind == MESSAGE_TASK) {
            message->task(message->context, NULL);
        } else if (message->kind == MESSAGE_ACCEPTED) {
            (void)close(message->descriptor);
            atomic_fetch_sub(&worker->server->connection_count, 1);
        }
        free(message);
        message = next;
    }
}

/* Takes the sockets out of the connections, which are to go now, and stay open until
 * worker_destroy. Without memory for that they are closed with the connections. */
static void keep_sockets(struct worker *worker)
{
    worker->parting = calloc(worker->connection_count + 1, sizeof(*worker->parting));
    if (worker->parting == NULL) {
        return;
    }
    for (struct connection *each = worker->connections; each != NULL; each = each->next) {
        worker->parting[worker->parting_count++] = connection_release_socket(each);
    }
}

static void close_all(struct worker *worker)
{
    keep_sockets(worker);
    for (struct connection *each = worker->connections; each != NULL; each = each->next) {
        worker_close_later(worker, each);
    }
    turn_close(worker);
    engine_lock(worker->server->engine);
    refuse_messages_locked(worker);
    engine_unlock(worker->server->engine);
}

static void *run(void *context)
{
    struct worker *worker = context;
    pace_begin_thread();
    while (!atomic_load(&worker->server->stopping)) {
        bool waits = worker->lists[LIST_RESUME].count == 0 &&
                     worker->lists[LIST_SETTLE].count == 0 && !worker->retry_postponed &&
                     push_inbox_is_empty(&worker->inbox);
        refresh_limits(worker);
        if (pace_begin_turn(&worker->pace) && waits) {
            pace_rest();
        }
        CHECK(event_base_loop(worker->base, waits ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK) >=
              0);
        worker->now_ms = clock_monotonic_ms();
        pace_end_reads(&worker->pace, worker->request_count, worker->now_ms);
        turn_end(worker);
        arm_pause_event(worker);
        await_arm_timer(worker);
        slow_writers_arm(worker);
        fast_publishers_arm(worker);
    }
    close_all(worker);
    return NULL;
}

/* --- life ----------------------------------------------------------------------------------- */

static void destroy(struct worker *worker)
{
    if (worker->wake_event != NULL) {
        event_free(worker->wake_event);
    }
    if (worker->second_event != NULL) {
        event_free(worker->second_event);
    }
    if (worker->pause_event != NULL) {
        event_free(worker->pause_event);
    }
    if (worker->await_event != NULL) {
        event_free(worker->await_event);
    }
    if (worker->slow_event != NULL) {
        event_free(worker->slow_event);
    }
    if (worker->room_event != NULL) {
        event_free(worker->room_event);
    }
    if (worker->base != NULL) {
        event_base_free(worker->base);
    }
    for (size_t i = 0; i < LIST_COUNT; i++) {
        free(worker->lists[i].items);
    }
    for (size_t i = 0; i < worker->spare_buffer_count; i++) {
        buffer_deinit(&worker->spare_buffers[i]);
    }
    argument_list_deinit(&worker->arguments);
    free(worker->parting);
    free(worker->requests);
    free(worker->parts);
    free(worker->arena);
    push_inbox_deinit(&worker->inbox);
    mailbox_deinit(&worker->mailbox);
    free(worker);
}

static struct event_base *create_base(void)
{
    struct event_config *options = event_config_new();
    if (options == NULL) {
        return NULL;
    }
    /* Only the worker's own thread touches its base: others wake it through the eventfd. */
    (void)event_config_set_flag(options, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(options);
    event_config_free(options);
    return base;
}

static bool create_events(struct worker *worker)
{
    struct timeval second = {.tv_sec = 1, .tv_usec = 0};
    worker->base = create_base();
    if (worker->base == NULL) {
        return false;
    }
    worker->wake_event =
        event_new(worker->base, worker->mailbox.descriptor, EV_READ | EV_PERSIST, on_wake, worker);
    worker->second_event = event_new(worker->base, -1, EV_PERSIST, on_second, worker);
    worker->pause_event = event_new(worker->base, -1, 0, on_pause_end, worker);
    worker->await_event = event_new(worker->base, -1, 0, on_await_end, worker);
    worker->slow_event = event_new(worker->base, -1, 0, on_slow_end, worker);
    worker->room_event = event_new(worker->base, -1, 0, on_slow_end, worker);
    return worker->wake_event != NULL && worker->await_event != NULL &&
           worker->second_event != NULL && worker->pause_event != NULL &&
           worker->slow_event != NULL && worker->room_event != NULL &&
           event_add(worker->wake_event, NULL) == 0 &&
           event_add(worker->second_event, &second) == 0;
}

enum status worker_create(struct server *server, unsigned index, struct worker **out,
                          struct error *error)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    worker->server = server;
    worker->index = index;
    worker->await_until_ms = INT64_MAX;
    worker->await_armed_ms = INT64_MAX;
    worker->limits = (struct parser_limits){.argument_count_max = INT32_MAX,
                                            .inline_size_max = (size_t)64 << 10};
    if (mailbox_init(&worker->mailbox) != STATUS_OK) {
        int saved = errno;
        free(worker);
        return error_set(error, STATUS_IO, "can't make an eventfd: %s", strerror(saved));
    }
    worker->arena = malloc(WORKER_ARENA_SIZE);
    if (worker->arena == NULL || !create_events(worker)) {
        destroy(worker);
        return error_set(error, STATUS_NO_MEMORY, "can't set up a worker: out of memory");
    }
    int failure = pthread_create(&worker->thread, NULL, run, worker);
    if (failure != 0) {
        destroy(worker);
        return error_set(error, STATUS_IO, "can't start a thread: %s", strerror(failure));
    }
    char name[16];
    (void)snprintf(name, sizeof(name), "worker-%u", index);
    (void)pthread_setname_np(worker->thread, name);
    *out = worker;
    return STATUS_OK;
}

void worker_join(struct worker *worker)
{
    CHECK(pthread_join(worker->thread, NULL) == 0);
}

void worker_destroy(struct worker *worker)
{
    refuse_messages_locked(worker);
    for (size_t i = 0; i < worker->parting_count; i++) {
        (void)close(worker->parting[i]);
    }
    destroy(worker);
}

enum status worker_post(struct worker *worker, const struct message *message)
{
    return mailbox_post(&worker->mailbox, message);
}

void worker_wake_durable(struct worker *worker)
{
    if (atomic_load(&worker->waits_durable)) {
        atomic_store(&worker->durable_moved, true);
        mailbox_wake(&worker->mailbox);
    }
}
