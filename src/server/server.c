/* server.c - what commands may ask for, and the server's life: see server.h. */
#include "server/server.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/acl.h"
#include "server/server_settings.h"
#include "server/server_state.h"
#include "server/server_users.h"
#include "server/worker.h"

#include <stdlib.h>
#include <unistd.h>

#define WORKERS_DEFAULT_MAX 4

/* --- what there is -------------------------------------------------------------------------- */

struct config *server_config(struct server *server)
{
    return server->config;
}

struct acl *server_acl(struct server *server)
{
    return server->acl;
}

struct engine *server_engine(struct server *server)
{
    return server->engine;
}

struct keyspace *server_keyspace(struct server *server)
{
    return server->keyspace;
}

struct statistics *server_statistics(struct server *server)
{
    return server->statistics;
}

struct pubsub *server_pubsub(struct server *server)
{
    return &server->pubsub;
}

const struct tracking *server_tracking(const struct server *server)
{
    return &server->tracking;
}

struct latency *server_latency(struct server *server)
{
    return &server->latency;
}

struct slowlog *server_slowlog_locked(struct server *server)
{
    return &server->slowlog;
}

bool server_is_monitored_locked(const struct server *server)
{
    return server->monitors != NULL;
}

unsigned server_worker_count(const struct server *server)
{
    return server->worker_count;
}

struct session *server_first_session_locked(struct server *server)
{
    return server->sessions.first;
}

struct session *server_find_session_locked(struct server *server, uint64_t id)
{
    return session_registry_find(&server->sessions, id);
}

size_t server_session_count_locked(struct server *server)
{
    return server->sessions.count;
}

/* --- messages to sessions ------------------------------------------------------------------- */

static void post(struct server *server, unsigned worker, const struct message *message)
{
    enum status status = worker_post(server->workers[worker], message);
    CHECK(status == STATUS_OK);
}

void server_kill_locked(struct server *server, struct session *session)
{
    if (session == server->executing) {
        session->close_after_reply = true;
        return;
    }
    session->close_asap = true;
    post(server, session->worker,
         &(struct message){.kind = MESSAGE_CLOSE, .session_id = session->id});
}

struct session_handle server_block_locked(struct server *server, struct session *session)
{
    CHECK(session->blocked == BLOCK_NONE);
    session->blocked = BLOCK_WAITING;
    server->statistics->blocked_clients++;
    return (struct session_handle){.id = session->id, .worker = session->worker};
}

void server_post(struct server *server, struct session_handle handle,
                 void (*task)(void *context, struct session *session), void *context)
{
    post(server, handle.worker,
         &(struct message){
             .kind = MESSAGE_TASK, .session_id = handle.id, .task = task, .context = context});
}

void server_unblock_locked(struct server *server, struct session *session)
{
    CHECK(session->blocked == BLOCK_WAITING);
    session->blocked = BLOCK_NONE;
    server->statistics->blocked_clients--;
    /* At once: between the wait and a message it would have nothing to do, and one whose client has
     * ended its side would be closed. */
    worker_list_add(server->workers[session->worker], LIST_RESUME, session->connection);
}

void server_pause_locked(struct server *server, enum pause_mode mode, int64_t until_ms)
{
    bool is_running = mode != PAUSE_OFF && server_pause_mode_locked(server) != PAUSE_OFF;
    if (!is_running) {
        server->pause_mode = mode;
        server->pause_until_ms = until_ms;
    } else {
        server->pause_mode = mode > server->pause_mode ? mode : server->pause_mode;
        server->pause_until_ms =
            until_ms > server->pause_until_ms ? until_ms : server->pause_until_ms;
    }
    /* As in Redis: a failover that is waited for would find keys gone that its target still has. */
    engine_pause_expiry_locked(server->engine, mode == PAUSE_OFF ? 0 : server->pause_until_ms);
    for (unsigned i = 0; i < server->worker_count; i++) {
        post(server, i, &(struct message){.kind = MESSAGE_RETRY});
    }
}

enum pause_mode server_pause_mode_locked(struct server *server)
{
    if (server->pause_mode != PAUSE_OFF && clock_monotonic_ms() >= server->pause_until_ms) {
        server->pause_mode = PAUSE_OFF;
    }
    return server->pause_mode;
}

void server_request_shutdown(struct server *server, bool save)
{
    LOG_WARNING("Stopping at a client's request%s.", save ? "" : " (NOSAVE)");
    atomic_store(&server->shutdown_requested, true);
    mailbox_wake(&server->mailbox);
}

bool server_abort_shutdown(struct server *server)
{
    bool is_pending =
        atomic_load(&server->ticks_paused) && atomic_exchange(&server->shutdown_signalled, false);
    if (is_pending) {
        LOG_NOTICE("Shutdown manually aborted: the signal is not followed.");
    }
    return is_pending;
}

void server_set_ticking(struct server *server, bool is_ticking)
{
    atomic_store(&server->ticks_paused, !is_ticking);
}

void server_on_durable(void *context)
{
    struct server *server = context;
    unsigned count = atomic_load(&server->workers_ready);
    for (unsigned i = 0; i < count; i++) {
        worker_wake_durable(server->workers[i]);
    }
}

/* --- life ----------------------------------------------------------------------------------- */

/* One processor is left to the kernel's share of the network, the threads of the store, and clients
 * on the same machine: with one worker more than that nothing gets faster (docs/threads.md). */
static unsigned count_workers(const struct config *config)
{
    int64_t wanted = config_number(config, CONFIG_THREADS);
    if (wanted > 0) {
        return (unsigned)wanted;
    }
    long spare = sysconf(_SC_NPROCESSORS_ONLN) - 1;
    return spare < 1 ? 1 : spare > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX : (unsigned)spare;
}

enum status server_create(struct config *config, const struct executor *executor,
                          struct server **out)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return STATUS_NO_MEMORY;
    }
    server->config = config;
    server->executor = executor;
    server->worker_count = count_workers(config);
    server->workers = calloc(server->worker_count, sizeof(struct worker *));
    enum status status =
        server->workers == NULL ? STATUS_NO_MEMORY : session_registry_init(&server->sessions);
    if (status != STATUS_OK) {
        goto free_server;
    }
    status = mailbox_init(&server->mailbox);
    if (status != STATUS_OK) {
        goto free_sessions;
    }
    status = statistics_create(&server->statistics);
    if (status != STATUS_OK) {
        goto free_mailbox;
    }
    status = acl_create(executor->acl_commands, &server->acl);
    status = status == STATUS_OK ? server_users_init(server) : status;
    if (status != STATUS_OK) {
        goto free_acl;
    }
    status = pubsub_init(&server->pubsub, random_seed());
    if (status != STATUS_OK) {
        goto free_acl;
    }
    status = tracking_init(&server->tracking, random_seed());
    if (status != STATUS_OK) {
        goto free_pubsub;
    }
    latency_init(&server->latency);
    stager_init(&server->stager);
    errands_init(&server->deferred, "deferred");
    listeners_init(&server->listeners, server);
    server_settings_init(server);
    *out = server;
    return STATUS_OK;

free_pubsub:
    pubsub_deinit(&server->pubsub);
free_acl:
    acl_destroy(server->acl);
    statistics_destroy(server->statistics);
free_mailbox:
    mailbox_deinit(&server->mailbox);
free_sessions:
    session_registry_deinit(&server->sessions);
free_server:
    free(server->workers);
    free(server);
    return status;
}

void server_destroy(struct server *server)
{
    listeners_close(&server->listeners);
    listeners_deinit(&server->listeners);
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (server->workers[i] != NULL) {
            worker_destroy(server->workers[i]);
        }
    }
    errands_deinit(&server->stager.errands);
    errands_deinit(&server->deferred);
    tracking_deinit(&server->tracking);
    pubsub_deinit(&server->pubsub);
    acl_destroy(server->acl);
    slowlog_clear(&server->slowlog);
    latency_deinit(&server->latency);
    statistics_destroy(server->statistics);
    mailbox_deinit(&server->mailbox);
    session_registry_deinit(&server->sessions);
    free(server->workers);
    free(server);
}

enum status server_listen(struct server *server, struct error *error)
{
    enum status status = server_users_load(server, error);
    return status == STATUS_OK ? listeners_open(&server->listeners, error) : status;
}
