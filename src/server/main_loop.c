/* main_loop.c - the main thread: server_run() of server.h. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "keyspace/keyspace.h"
#include "server/config_special.h"
#include "server/daemon.h"
#include "server/evictor.h"
#include "server/memory_return.h"
#include "server/notify.h"
#include "server/server_settings.h"
#include "server/server_state.h"
#include "server/worker.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>

/* What it waits for. */
struct main_loop {
    struct server *server;
    struct event_base *base;
    struct event *wake;
    struct event *tick;
    struct event *evict; /* set off while there is more to evict */
    struct event *terminate;
    struct event *interrupt;
    struct memory_return memory;
};

static void on_wake(evutil_socket_t descriptor, short what, void *context)
{
    struct main_loop *loop = context;
    (void)descriptor;
    (void)what;
    mailbox_clear_wakes(&loop->server->mailbox);
    listeners_settle(&loop->server->listeners);
    if (atomic_load(&loop->server->shutdown_requested)) {
        CHECK(event_base_loopbreak(loop->base) == 0);
    }
}

/* In between the loop looks for what else has happened. */
static void evict(const struct main_loop *loop)
{
    struct timeval at_once = {0};
    if (evictor_run(loop->server)) {
        CHECK(event_add(loop->evict, &at_once) == 0);
    }
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    struct main_loop *loop = context;
    int64_t now_ms = clock_monotonic_ms();
    (void)descriptor;
    (void)what;
    if (atomic_load(&loop->server->ticks_paused)) {
        return;
    }
    if (atomic_load(&loop->server->shutdown_signalled)) {
        CHECK(event_base_loopbreak(loop->base) == 0);
        return;
    }
    statistics_sample(loop->server->statistics, now_ms);
    (void)memory_return_tick(&loop->memory, now_ms);
    if (loop->server->executor->tick != NULL) {
        loop->server->executor->tick(loop->server);
    }
    evict(loop);
}

static void on_evict(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    evict(context);
}

/* Like all that the main thread does by itself, the end waits while DEBUG PAUSE-CRON holds it up;
 * meanwhile SHUTDOWN ABORT calls it off, and a second signal does not wait. */
static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct main_loop *loop = context;
    const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";
    (void)what;
    bool is_second = atomic_exchange(&loop->server->shutdown_signalled, true);
    if (atomic_load(&loop->server->ticks_paused) && !is_second) {
        LOG_WARNING("Received %s, stopping when DEBUG PAUSE-CRON is over.", name);
        return;
    }
    LOG_WARNING("Received %s, stopping.", name);
    CHECK(event_base_loopbreak(loop->base) == 0);
}

static void free_event(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

/* With the signal events go their handlers: a second signal ends the process at once. */
static void close_loop(struct main_loop *loop)
{
    free_event(loop->wake);
    free_event(loop->tick);
    free_event(loop->evict);
    free_event(loop->terminate);
    free_event(loop->interrupt);
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
}

static enum status open_loop(struct main_loop *loop, struct server *server, struct error *error)
{
    struct timeval tenth = {.tv_sec = 0, .tv_usec = 100000};
    *loop = (struct main_loop){.server = server, .base = event_base_new()};
    if (loop->base == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "libevent can't be set up");
    }
    loop->wake =
        event_new(loop->base, server->mailbox.descriptor, EV_READ | EV_PERSIST, on_wake, loop);
    loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    loop->evict = event_new(loop->base, -1, 0, on_evict, loop);
    loop->terminate = evsignal_new(loop->base, SIGTERM, on_signal, loop);
    loop->interrupt = evsignal_new(loop->base, SIGINT, on_signal, loop);
    bool done = loop->wake != NULL && loop->tick != NULL && loop->evict != NULL &&
                loop->terminate != NULL && loop->interrupt != NULL &&
                event_add(loop->wake, NULL) == 0 && event_add(loop->tick, &tenth) == 0 &&
                event_add(loop->terminate, NULL) == 0 && event_add(loop->interrupt, NULL) == 0;
    if (!done) {
        close_loop(loop);
        return error_set(error, STATUS_NO_MEMORY, "libevent can't be set up");
    }
    return STATUS_OK;
}

/* --- workers --- */

static void join_workers(struct server *server)
{
    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->worker_count && server->workers[i] != NULL; i++) {
        mailbox_wake(&server->workers[i]->mailbox);
    }
    for (unsigned i = 0; i < server->worker_count && server->workers[i] != NULL; i++) {
        worker_join(server->workers[i]);
    }
    errands_stop(&server->stager.errands);
    errands_stop(&server->deferred);
}

static enum status start_workers(struct server *server, struct error *error)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        enum status status = worker_create(server, i, &server->workers[i], error);
        if (status != STATUS_OK) {
            join_workers(server);
            return status;
        }
    }
    atomic_store(&server->workers_ready, server->worker_count);
    return STATUS_OK;
}

/* --- from the first client to the last --- */

static void log_start(const struct server *server)
{
    struct slice path = config_text(server->config, CONFIG_UNIXSOCKET);
    if (path.size > 0) {
        LOG_NOTICE("Listening on the Unix socket %.*s.", (int)path.size, path.data);
    }
    listeners_log_addresses(&server->listeners);
    LOG_NOTICE("Ready to accept connections");
}

static void tell_supervisor(const struct server *server, const char *line)
{
    enum supervised supervisor =
        daemon_supervisor((enum supervised)config_number(server->config, CONFIG_SUPERVISED));
    if (supervisor == SUPERVISED_SYSTEMD) {
        daemon_notify(line);
    } else if (supervisor == SUPERVISED_UPSTART && strcmp(line, "READY=1") == 0) {
        (void)raise(SIGSTOP);
    }
}

enum status server_run(struct server *server, struct keyspace *keyspace, struct error *error)
{
    struct main_loop loop;
    server->keyspace = keyspace;
    server->engine = keyspace_engine(keyspace);
    notify_attach(server);
    server_settings_start(server);
    enum status status = open_loop(&loop, server, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = start_workers(server, error);
    if (status != STATUS_OK) {
        close_loop(&loop);
        return status;
    }
    status = listeners_start(&server->listeners, loop.base, error);
    if (status == STATUS_OK) {
        log_start(server);
        tell_supervisor(server, "READY=1");
        CHECK(event_base_dispatch(loop.base) >= 0);
        tell_supervisor(server, "STOPPING=1");
    }
    listeners_close(&server->listeners);
    close_loop(&loop);
    join_workers(server);
    return status;
}
