/*
 * server.h - what commands may ask of the server.
 *
 * The server knows commands only as an executor: a table of functions that main.c hands it. The
 * functions below want the execution lock where they end in _locked; the others want it not held.
 */
#ifndef SCDB_SERVER_SERVER_H
#define SCDB_SERVER_SERVER_H

#include "base/slice.h"
#include "base/status.h"
#include "server/command.h"
#include "server/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acl;
struct acl_commands;
struct config;
struct engine;
struct keyspace;
struct prefetch_group;
struct pubsub;
struct latency;
struct slowlog;
struct foreseen;
struct statistics;
struct tracking;

enum execution {
    EXECUTED, /* the reply is in session->reply */
    BLOCKED,  /* executed; the reply comes later: session->blocked is BLOCK_WAITING */
    POSTPONED /* not executed: to be tried again when the session is resumed (CLIENT PAUSE) */
};

/* How the server reaches the commands. All but `recognize` are called under the execution lock. A
 * request has at least one argument; its command is what `recognize` made of the first: never the
 * row of a subcommand, and NULL where the name is unknown. */
struct executor {
    const struct command *(*recognize)(struct slice name);
    enum execution (*execute)(struct server *server, struct session *session,
                              const struct request_words *request);
    /* Adds the keys that the request will look up, as many as there is room for. */
    void (*foresee)(struct server *server, const struct session *session,
                    const struct request_words *request, struct prefetch_group *keys);
    /* What the request will put, if that is known and worth being written ahead of it
     * (engine/staged.h); false: none. */
    bool (*foresee_value)(struct server *server, struct session *session,
                          const struct request_words *request, struct foreseen *foreseen);
    /* On the main thread, ten times a second, lock not held. NULL: there is nothing to do. */
    void (*tick)(struct server *server);
    /* The session ends: forget its transaction, watches, wait. */
    void (*session_closed)(struct server *server, struct session *session);
    const struct acl_commands *acl_commands; /* what rules of users speak of; constant */
};

/* --- life, for main.c ----------------------------------------------------------------------- */

/* Borrows configuration and executor for its life. NO_MEMORY: nothing to destroy. */
enum status server_create(struct config *config, const struct executor *executor,
                          struct server **out) MUST_CHECK;
void server_destroy(struct server *server);

/* engine_options.on_durable; the context is the server. */
void server_on_durable(void *context);

/* Makes the users that the configuration names, and opens the listening sockets, so that a wrong
 * rule or a port in use is noticed before the store is touched; no client is accepted yet. INVALID,
 * IO: `error` names the line or the address and says what to do. */
enum status server_listen(struct server *server, struct error *error) MUST_CHECK;

/*
 * Serves until SIGTERM, SIGINT or server_request_shutdown(); then all connections are closed and
 * all threads of the server have ended. The store stays open: the caller closes it.
 */
enum status server_run(struct server *server, struct keyspace *keyspace,
                       struct error *error) MUST_CHECK;

struct config *server_config(struct server *server);
struct acl *server_acl(struct server *server);
struct engine *server_engine(struct server *server);
struct keyspace *server_keyspace(struct server *server);
struct statistics *server_statistics(struct server *server);
struct pubsub *server_pubsub(struct server *server);
const struct tracking *server_tracking(const struct server *server);
struct latency *server_latency(struct server *server);
struct slowlog *server_slowlog_locked(struct server *server);
unsigned server_worker_count(const struct server *server);

/* Is there a session that wants to see all commands (monitors.h)? */
bool server_is_monitored_locked(const struct server *server);

/* --- sessions --- */

struct session *server_first_session_locked(struct server *server); /* then ->next */
struct session *server_find_session_locked(struct server *server, uint64_t id);
size_t server_session_count_locked(struct server *server);

/* Closes another session, or the one whose command runs, after its reply: its worker does it. */
void server_kill_locked(struct server *server, struct session *session);

/* --- commands that reply later --- */

/* Names a session from other threads: the session itself may be gone. */
struct session_handle {
    uint64_t id;
    unsigned worker;
};

/* Blocks the session; what it sends waits. */
struct session_handle server_block_locked(struct server *server, struct session *session);

/*
 * Runs task(context, session) on the session's worker, under the execution lock; session is NULL
 * when it has gone. Any thread, with or without the execution lock. The task writes its reply into
 * session->reply and calls server_unblock_locked. Memory for the message must be there: the process
 * ends when it isn't, as a reply that is never sent would hang a client.
 */
void server_post(struct server *server, struct session_handle handle,
                 void (*task)(void *context, struct session *session), void *context);

/* On the session's own worker (a task, or its own command): its reply is complete, and what it has
 * sent meanwhile is executed. */
void server_unblock_locked(struct server *server, struct session *session);

/* --- pausing (CLIENT PAUSE) --- */

/* DEBUG PAUSE-CRON: whether the main thread does its work of ten times a second. */
void server_set_ticking(struct server *server, bool is_ticking);

enum pause_mode { PAUSE_OFF, PAUSE_WRITE, PAUSE_ALL };

/* While a pause lasts, another one only strengthens and lengthens it. PAUSE_OFF ends it. */
void server_pause_locked(struct server *server, enum pause_mode mode,
                         int64_t until_ms); /* monotonic */
enum pause_mode
server_pause_mode_locked(struct server *server); /* PAUSE_OFF once the time has passed */

/* --- the end --- */

/* Asks the main thread to stop the server cleanly, as SIGTERM does. Everything is written and
 * synced at the end, always; `save` (false: SHUTDOWN NOSAVE) only stands in the log. */
void server_request_shutdown(struct server *server, bool save);

/* Calls off a stop that a signal has asked for and that has not begun, because DEBUG PAUSE-CRON
 * holds it up. False: there is none. */
bool server_abort_shutdown(struct server *server);

#endif
