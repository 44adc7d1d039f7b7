/* server_settings.c - see server_settings.h. */
#include "server/server_settings.h"

#include "base/log.h"
#include "base/number.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/client_memory.h"
#include "server/daemon.h"
#include "server/notify.h"
#include "server/oom_score.h"
#include "server/process_title.h"
#include "server/server_state.h"

/* Descriptors that are not clients': segments, checkpoints, listeners, eventfds. So many are asked
 * for where the hard limit is lower; all that it allows beyond that are the store's, too. */
#define FILES_RESERVED 1024
/* The least that is kept for them when the system gives no more. */
#define FILES_RESERVED_MIN 64

/* What clients may not have of them. */
static void share_descriptors(struct server *server, uint64_t limit, uint64_t clients)
{
    atomic_store(&server->client_limit, clients);
    server->store_descriptors = limit > clients ? limit - clients : 1;
    if (server->engine != NULL) {
        engine_set_descriptors_locked(server->engine, server->store_descriptors);
    }
}

static enum status apply_maxclients(void *context, struct error *error)
{
    struct server *server = context;
    uint64_t wanted = (uint64_t)config_number(server->config, CONFIG_MAXCLIENTS);
    uint64_t limit = daemon_raise_file_limit(wanted + FILES_RESERVED);
    uint64_t possible = limit > FILES_RESERVED_MIN ? limit - FILES_RESERVED_MIN : 1;
    if (possible < wanted) {
        share_descriptors(server, limit, possible);
        return error_set(error, STATUS_INVALID,
                         "The operating system is not able to handle the specified number of "
                         "clients, try with %llu",
                         (unsigned long long)possible);
    }
    share_descriptors(server, limit, wanted);
    return STATUS_OK;
}

static enum status apply_loglevel(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    log_set_level((enum log_level)config_number(server->config, CONFIG_LOGLEVEL));
    return STATUS_OK;
}

static enum status apply_port(void *context, struct error *error)
{
    struct server *server = context;
    struct error why;
    if (listeners_reopen_locked(&server->listeners, &why) != STATUS_OK) {
        LOG_WARNING("CONFIG SET port: %s", why.text);
        return error_set(error, STATUS_INVALID,
                         "Unable to listen on this port. Check server logs.");
    }
    listeners_log_addresses(&server->listeners);
    process_title_show(server->config);
    return STATUS_OK;
}

static enum status apply_bind(void *context, struct error *error)
{
    struct server *server = context;
    struct error why;
    if (listeners_reopen_locked(&server->listeners, &why) != STATUS_OK) {
        LOG_WARNING("CONFIG SET bind: %s", why.text);
        return error_set(error, STATUS_INVALID, "Failed to bind to specified addresses.");
    }
    listeners_log_addresses(&server->listeners);
    process_title_show(server->config);
    return STATUS_OK;
}

static enum status apply_title(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    process_title_show(server->config);
    return STATUS_OK;
}

static enum status apply_appendfsync(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    engine_set_sync_policy(server->engine,
                           (enum sync_policy)config_number(server->config, CONFIG_APPENDFSYNC));
    return STATUS_OK;
}

static enum status apply_index_memory_limit(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    engine_set_index_memory_limit_locked(
        server->engine, (uint64_t)config_number(server->config, CONFIG_INDEX_MEMORY_LIMIT));
    return STATUS_OK;
}

static enum status apply_max_keys(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    engine_set_max_keys_locked(server->engine,
                               (uint64_t)config_number(server->config, CONFIG_MAX_KEYS));
    return STATUS_OK;
}

static enum status apply_compaction_interval(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    engine_set_compaction_interval(
        server->engine, (uint64_t)config_number(server->config, CONFIG_COMPACTION_INTERVAL));
    return STATUS_OK;
}

static enum status apply_scrub_interval(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    engine_set_scrub_interval(server->engine,
                              (uint64_t)config_number(server->config, CONFIG_SCRUB_INTERVAL));
    return STATUS_OK;
}

static enum status apply_compaction_percentage(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    engine_set_compaction_percentage(
        server->engine,
        (unsigned)config_number(server->config, CONFIG_COMPACTION_GARBAGE_PERCENTAGE));
    return STATUS_OK;
}

static enum status apply_notify_keyspace_events(void *context, struct error *error)
{
    struct server *server = context;
    (void)error;
    notify_set_classes_locked(server, config_event_classes_locked(server->config));
    return STATUS_OK;
}

/* What lies above a new limit goes in the background, see evictor.h. */
static enum status apply_eviction(void *context, struct error *error)
{
    struct server *server = context;
    const struct config *config = server->config;
    struct eviction *eviction = keyspace_eviction(server->keyspace);
    (void)error;
    eviction->limit_bytes = (uint64_t)config_number(config, CONFIG_MAXMEMORY);
    eviction->policy = (enum eviction_policy)config_number(config, CONFIG_MAXMEMORY_POLICY);
    eviction->samples = (unsigned)config_number(config, CONFIG_MAXMEMORY_SAMPLES);
    eviction->frequency_factor = (unsigned)config_number(config, CONFIG_LFU_LOG_FACTOR);
    client_memory_apply_locked(server);
    return STATUS_OK;
}

/* From how many microseconds on either has an eye for a command. */
static uint64_t find_notable_us(int64_t slow_us, int64_t latency_ms)
{
    uint64_t of_slowlog = slow_us >= 0 ? (uint64_t)slow_us : UINT64_MAX;
    bool is_latency_noted = latency_ms > 0 && latency_ms <= INT64_MAX / 1000;
    uint64_t of_latency = is_latency_noted ? (uint64_t)latency_ms * 1000 : UINT64_MAX;
    return of_slowlog < of_latency ? of_slowlog : of_latency;
}

/* Asked for at each command: so they lie ready. */
static enum status apply_latency(void *context, struct error *error)
{
    const struct server *server = context;
    const struct config *config = server->config;
    (void)error;
    server->statistics->tracks_latency = config_bool(config, CONFIG_LATENCY_TRACKING);
    server->statistics->notable_us =
        find_notable_us(config_number(config, CONFIG_SLOWLOG_LOG_SLOWER_THAN),
                        config_number(config, CONFIG_LATENCY_MONITOR_THRESHOLD));
    return STATUS_OK;
}

static enum status apply_oom_score(void *context, struct error *error)
{
    struct server *server = context;
    return oom_score_apply(&server->oom_score, server->config, error);
}

void server_settings_start(struct server *server)
{
    struct error error;
    engine_set_descriptors_locked(server->engine, server->store_descriptors);
    (void)apply_eviction(server, &error);
    (void)apply_compaction_interval(server, &error);
    (void)apply_compaction_percentage(server, &error);
    (void)apply_scrub_interval(server, &error);
    process_title_show(server->config);
}

/* What the system does not allow is not what CONFIG GET, INFO and CONFIG REWRITE have, as in Redis.
 * Its hook is not there yet. */
static void start_maxclients(struct server *server)
{
    struct error error;
    char text[NUMBER_TEXT_SIZE];
    if (apply_maxclients(server, &error) == STATUS_OK) {
        return;
    }
    uint64_t possible = atomic_load(&server->client_limit);
    LOG_WARNING("maxclients is %llu here, in place of %lld: the system allows no more open files. "
                "Raise that limit (ulimit -n, or LimitNOFILE of systemd) or lower 'maxclients'.",
                (unsigned long long)possible,
                (long long)config_number(server->config, CONFIG_MAXCLIENTS));
    struct slice pair[] = {SLICE_LITERAL("maxclients"),
                           slice_make(text, number_format(text, (int64_t)possible))};
    if (config_set_locked(server->config, pair, 1, false, &error) != STATUS_OK) {
        LOG_WARNING("%s", error.text); /* the limit itself is in force */
    }
}

void server_settings_init(struct server *server)
{
    struct error error;
    struct config *config = server->config;
    start_maxclients(server);
    (void)apply_notify_keyspace_events(server, &error);
    (void)apply_latency(server, &error);
    (void)apply_oom_score(server, &error); /* the log has it when it fails */
    config_on_change(config, CONFIG_NOTIFY_KEYSPACE_EVENTS, apply_notify_keyspace_events, server);
    config_on_change(config, CONFIG_PORT, apply_port, server);
    config_on_change(config, CONFIG_BIND, apply_bind, server);
    config_on_change(config, CONFIG_PROC_TITLE_TEMPLATE, apply_title, server);
    config_on_change(config, CONFIG_OOM_SCORE_ADJ, apply_oom_score, server);
    config_on_change(config, CONFIG_OOM_SCORE_ADJ_VALUES, apply_oom_score, server);
    config_on_change(config, CONFIG_LATENCY_TRACKING, apply_latency, server);
    config_on_change(config, CONFIG_LATENCY_MONITOR_THRESHOLD, apply_latency, server);
    config_on_change(config, CONFIG_SLOWLOG_LOG_SLOWER_THAN, apply_latency, server);
    config_on_change(config, CONFIG_MAXCLIENTS, apply_maxclients, server);
    config_on_change(config, CONFIG_LOGLEVEL, apply_loglevel, server);
    config_on_change(config, CONFIG_APPENDFSYNC, apply_appendfsync, server);
    config_on_change(config, CONFIG_INDEX_MEMORY_LIMIT, apply_index_memory_limit, server);
    config_on_change(config, CONFIG_MAX_KEYS, apply_max_keys, server);
    config_on_change(config, CONFIG_MAXMEMORY, apply_eviction, server);
    config_on_change(config, CONFIG_MAXMEMORY_POLICY, apply_eviction, server);
    config_on_change(config, CONFIG_MAXMEMORY_CLIENTS, apply_eviction, server);
    config_on_change(config, CONFIG_MAXMEMORY_SAMPLES, apply_eviction, server);
    config_on_change(config, CONFIG_LFU_LOG_FACTOR, apply_eviction, server);
    config_on_change(config, CONFIG_COMPACTION_INTERVAL, apply_compaction_interval, server);
    config_on_change(config, CONFIG_SCRUB_INTERVAL, apply_scrub_interval, server);
    config_on_change(config, CONFIG_COMPACTION_GARBAGE_PERCENTAGE, apply_compaction_percentage,
                     server);
}
