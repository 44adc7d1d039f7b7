/* client_memory.c - see client_memory.h. */
#include "server/client_memory.h"

#include "base/log.h"
#include "engine/engine.h"
#include "server/server_state.h"

#define CLASS_COUNT 64

/* In place of a session's count: it has been told to go, and is counted no more. */
#define GONE SIZE_MAX

size_t client_memory_of(const struct session *session)
{
    const struct session_labels *labels = session->labels;
    size_t labels_size = labels == NULL
                             ? 0
                             : sizeof(*labels) + labels->name.capacity +
                                   labels->library_name.capacity + labels->library_version.capacity;
    return sizeof(*session) + atomic_load(&session->query_buffer_capacity) +
           atomic_load(&session->output_capacity) + transaction_memory(&session->transaction) +
           watch_memory(&session->watcher) + pubsub_memory(&session->subscriber) +
           tracking_memory(&session->tracker) + labels_size;
}

void client_memory_note(struct server *server, struct session *session)
{
    if (atomic_load_explicit(&server->client_memory.limit, memory_order_relaxed) == 0) {
        return;
    }
    size_t size = client_memory_of(session);
    size_t before = atomic_load(&session->counted_memory);
    do {
        if (before == GONE) {
            return;
        }
    } while (!atomic_compare_exchange_weak(&session->counted_memory, &before, size));
    /* A sum that goes round below 0 comes back: what is taken off was added before. */
    atomic_fetch_add(&server->client_memory.total, size - before);
}

void client_memory_forget(struct server *server, struct session *session)
{
    size_t before = atomic_exchange(&session->counted_memory, GONE);
    if (before != GONE) {
        atomic_fetch_sub(&server->client_memory.total, before);
    }
}

static bool is_too_much(const struct server *server)
{
    size_t limit = atomic_load_explicit(&server->client_memory.limit, memory_order_relaxed);
    return limit > 0 && atomic_load(&server->client_memory.total) > limit;
}

/* MONITOR and replicas have limits of their own, as in Redis. */
static bool may_go(const struct session *session)
{
    return !session->no_evict && !session->close_asap && !session->close_after_reply &&
           session->monitor == NULL;
}

static unsigned class_of(const struct session *session)
{
    size_t size = atomic_load(&session->counted_memory);
    return size == 0 ? 0 : (unsigned)(CLASS_COUNT - 1 - __builtin_clzll(size));
}

static void evict(struct server *server, struct session *session)
{
    LOG_NOTICE("Closing client %s, which takes %zu bytes: all clients take %zu, maxmemory-clients "
               "allows %zu.",
               session->address, atomic_load(&session->counted_memory),
               atomic_load(&server->client_memory.total),
               atomic_load(&server->client_memory.limit));
    atomic_fetch_add(&server->statistics->evicted_clients, 1);
    client_memory_forget(server, session);
    server_kill_locked(server, session);
}

static void evict_class(struct server *server, unsigned class)
{
    for (struct session *each = server->sessions.first; each != NULL && is_too_much(server);
         each = each->next) {
        if (may_go(each) && class_of(each) == class) {
            evict(server, each);
        }
    }
}

static void settle_locked(struct server *server)
{
    size_t counts[CLASS_COUNT] = {0};
    for (const struct session *each = server->sessions.first; each != NULL; each = each->next) {
        counts[class_of(each)] += may_go(each) ? 1 : 0;
    }
    for (unsigned class = CLASS_COUNT; class -- > 0 && is_too_much(server);) {
        if (counts[class] > 0) {
            evict_class(server, class);
        }
    }
}

void client_memory_settle(struct server *server)
{
    if (is_too_much(server)) {
        engine_lock(server->engine);
        settle_locked(server);
        engine_unlock(server->engine);
    }
}

/* A negative value is a share of maxmemory, in percent. */
static size_t find_limit(const struct config *config)
{
    int64_t limit = config_number(config, CONFIG_MAXMEMORY_CLIENTS);
    uint64_t maxmemory = (uint64_t)config_number(config, CONFIG_MAXMEMORY);
    return limit >= 0 ? (size_t)limit
                      : (size_t)(maxmemory / 100 * (uint64_t)-limit +
                                 maxmemory % 100 * (uint64_t)-limit / 100);
}

void client_memory_apply_locked(struct server *server)
{
    atomic_store(&server->client_memory.limit, find_limit(server->config));
    for (struct session *each = server->sessions.first; each != NULL; each = each->next) {
        client_memory_note(server, each);
    }
    if (is_too_much(server)) {
        settle_locked(server);
    }
}
