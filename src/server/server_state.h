/*
 * server_state.h - struct server from the inside. Private to src/server/.
 */
#ifndef SCDB_SERVER_SERVER_STATE_H
#define SCDB_SERVER_SERVER_STATE_H

#include "keyspace/keyspace.h"
#include "server/client_memory.h"
#include "server/config.h"
#include "server/errands.h"
#include "server/latency.h"
#include "server/listener.h"
#include "server/mailbox.h"
#include "server/oom_score.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/session_registry.h"
#include "server/slowlog.h"
#include "server/stager.h"
#include "server/statistics.h"
#include "server/tracking.h"

#include <stdatomic.h>

struct acl;
struct worker;

struct server {
    /* Set up before the threads start. */
    struct config *config;           /* borrowed */
    const struct executor *executor; /* borrowed */
    struct acl *acl;                 /* owned; its contents under the execution lock */
    struct keyspace *keyspace;       /* borrowed while server_run() runs */
    struct engine *engine;           /* the keyspace's */
    struct statistics *statistics;   /* owned */
    struct worker **workers;         /* owned */
    unsigned worker_count;
    struct listeners listeners;         /* mostly main thread: see there */
    struct mailbox mailbox;             /* wakes the main thread */
    struct latency latency;             /* any thread */
    struct client_memory client_memory; /* any thread */
    struct stager stager;               /* any worker */
    struct errands deferred;            /* any worker: deferred.h */

    /* Under the execution lock. */
    struct session_registry sessions;
    struct pubsub pubsub;
    struct tracking tracking;
    struct keyspace_observer key_observer;
    uint32_t event_classes;    /* notify-keyspace-events */
    struct session *executing; /* whose command runs */
    bool has_told_too_much;    /* a push has found the inbox of another worker full */
    struct monitor *monitors;  /* monitors.h */
    struct slowlog slowlog;
    enum pause_mode pause_mode;
    int64_t pause_until_ms; /* monotonic */
    struct oom_score oom_score;

    /* Any thread. */
    _Atomic unsigned workers_ready; /* from here on `workers` may be read by any thread */
    _Atomic bool stopping;
    _Atomic bool shutdown_requested;
    _Atomic bool shutdown_signalled;   /* by SIGTERM or SIGINT */
    _Atomic bool ticks_paused;         /* DEBUG PAUSE-CRON */
    _Atomic uint64_t connection_count; /* accepted and not yet closed */
    _Atomic uint64_t client_limit;     /* maxclients, or less where descriptors are few */
    uint64_t store_descriptors;        /* the others; execution lock */
};

#endif
