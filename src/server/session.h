/*
 * session.h - what the server knows of a client, apart from its socket.
 *
 * A session is guarded by the execution lock: commands read and change it freely, also those of
 * other clients (CLIENT LIST, CLIENT KILL). The socket, the unparsed input and the sending of
 * replies belong to the connection (server/connection.h), and that to one worker. Fields marked
 * (worker) are written by the session's own worker without the lock, atomically; anyone reads.
 */
#ifndef SCDB_SERVER_SESSION_H
#define SCDB_SERVER_SESSION_H

#include "base/buffer.h"
#include "base/slice.h"
#include "keyspace/watch.h"
#include "resp/reply.h"
#include "server/config.h"
#include "server/pubsub.h"
#include "server/tracking.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acl_user;
struct command;
struct connection;
struct monitor;
struct server;
struct session;

enum reply_mode { REPLY_ON, REPLY_OFF, REPLY_SKIP_NEXT, REPLY_SKIP_THIS };

/* Why nothing of the session is executed at the moment. */
enum block_reason {
    BLOCK_NONE,
    BLOCK_WAITING, /* a command that will reply later: COMPACT, FLUSHALL, WAITAOF ... */
    BLOCK_PAUSED,  /* CLIENT PAUSE: the command at hand will be executed later */
    BLOCK_STAGING, /* a thread works for it (server/stager.h, deferred.h) */
    BLOCK_FOR_ROOM /* what its commands have told others is to be sent first (fast_publishers.h) */
};

/* Does a client see it as blocked? For room it waits between two commands, like one that has sent
 * nothing. */
static inline bool block_is_told(enum block_reason blocked)
{
    return blocked != BLOCK_NONE && blocked != BLOCK_FOR_ROOM;
}

/* A command that MULTI has queued: owns copies of its arguments. */
struct queued_command {
    const struct command *command;
    struct slice *arguments; /* owned, one allocation with the bytes they point to */
    size_t argument_count;
};

struct transaction {
    bool open;                       /* between MULTI and EXEC or DISCARD */
    bool aborted;                    /* a command could not be queued: EXEC answers EXECABORT */
    struct queued_command *commands; /* owned */
    size_t count;
    size_t capacity;
    size_t memory; /* bytes of all arguments */
};

/* What the queue takes, with all that comes to each command besides its arguments. */
static inline size_t transaction_memory(const struct transaction *transaction)
{
    return transaction->memory + transaction->capacity * sizeof(*transaction->commands) +
           transaction->count * sizeof(max_align_t); /* the heap's own, for each allocation */
}

enum await_end { AWAIT_DURABLE, AWAIT_TIMEOUT, AWAIT_FAILED };

/* A session that waits until the log is durable: await.h. */
struct await {
    uint64_t position;
    int64_t until_ms; /* monotonic; INT64_MAX = for ever */
    void (*finish)(struct session *session, enum await_end end); /* NULL: it does not wait */
};

/* What a client has told of itself; each may be empty. */
struct session_labels {
    struct buffer name;            /* CLIENT SETNAME */
    struct buffer library_name;    /* CLIENT SETINFO */
    struct buffer library_version; /* the same */
};

#define SESSION_ADDRESS_SIZE 64

struct session {
    uint64_t id;
    struct server *server;
    struct connection *connection; /* for the session's own worker only */
    unsigned worker;               /* index of the worker that serves it */

    unsigned database;
    const struct acl_user *user; /* borrowed from the server's acl; never NULL once it began */
    bool authenticated;
    bool is_unix_socket;
    bool no_evict;
    bool no_touch;
    bool is_in_call;                 /* a command of its own runs, whose reply may have begun */
    bool close_after_reply;          /* QUIT, protocol errors */
    bool close_asap;                 /* CLIENT KILL, HTTP: close without sending what is pending */
    bool unblock_with_error_allowed; /* CLIENT UNBLOCK may end the wait */
    enum reply_mode reply_mode : 8;
    enum block_reason blocked : 8;
    uint16_t awaited_inboxes;                                     /* of BLOCK_FOR_ROOM */
    int descriptor;                                               /* -1 = closed */
    void (*on_unblock)(struct session *session, bool with_error); /* CLIENT UNBLOCK; NULL: it can't
                                                                     end the wait */
    void *block_context;
    uint64_t write_position; /* behind what its commands have written; see engine.h */
    struct await await;

    /* What executes now writes here. Of another session only reply.protocol may be read: its worker
     * sends the rest without the lock (see output_size, output_capacity). */
    struct reply reply;
    const size_t *reply_bounds; /* its reply.size_max for each enum client_class, borrowed while its
                                   requests run; NULL: no limit */
    struct reply_mark reply_start; /* of its command that runs: CLIENT REPLY drops what follows */
    struct transaction transaction;
    struct watcher watcher;
    struct subscriber subscriber;
    struct tracker tracker;
    struct monitor *monitor; /* server/monitors.h; NULL = it does not MONITOR */

    struct session_labels *labels;      /* owned; NULL = it has told nothing of itself */
    char *address;                      /* owned: "127.0.0.1:1234", "/path:0" */
    int64_t created_ms;                 /* monotonic */
    int64_t last_interaction_ms;        /* monotonic */
    const struct command *last_command; /* NULL before the first */
    const struct command *last_subcommand;

    _Atomic size_t query_buffer_size;     /* (worker) */
    _Atomic size_t query_buffer_capacity; /* (worker) */
    _Atomic size_t output_size;           /* (worker) not yet sent, wherever it lies */
    _Atomic size_t output_capacity;       /* (worker) memory that replies take: output_memory() */
    _Atomic size_t counted_memory;        /* client_memory.h */

    /* All sessions, in the order of their ids. */
    struct session *next;
    struct session *previous;
    struct session *next_in_bucket; /* session_registry.h */
};

/* Sets up a session on caller's memory: all zero but what the descriptor tells (its address), id
 * and worker. Its user comes with server_users_begin_locked (server_users.h). NO_MEMORY: there is
 * nothing to deinit. */
enum status session_init(struct session *session, struct server *server, uint64_t id,
                         int descriptor) MUST_CHECK;

/* Our side of its connection, like `address`; "?:0" of a socket that is closed. Returns `out`. */
const char *session_local_address(const struct session *session, char out[SESSION_ADDRESS_SIZE]);

/* Whose client-output-buffer-limit it has. */
static inline enum client_class session_class(const struct session *session)
{
    return atomic_load_explicit(&session->subscriber.is_active, memory_order_relaxed)
               ? CLIENT_PUBSUB
               : CLIENT_NORMAL;
}

/* Has it asked to wait (WAITAOF), and not just for what takes its time here (FLUSHALL, MIGRATE)? As
 * in Redis, that is over when the client has gone, and so is all that it has sent behind it; other
 * commands hold nobody up there, and what follows them is executed. */
static inline bool session_waits_by_choice(const struct session *session)
{
    return session->blocked == BLOCK_WAITING && session->on_unblock != NULL;
}

/* Bounds its reply by its class. A command that may change the class does this at its end: what it
 * replies itself has the bound of the class before, as in Redis. */
void session_bound_reply(struct session *session);

/* CLIENT REPLY: is what the command at hand replies dropped? Messages are not. Execution lock. */
static inline bool session_drops_replies(const struct session *session)
{
    return session->reply_mode == REPLY_OFF || session->reply_mode == REPLY_SKIP_THIS;
}

/* Whether the client may do what a directive such as enable-debug-command permits to nobody, to
 * clients on this machine, or to all. */
bool session_is_permitted(const struct session *session, enum permission permission);

/* What the client tells of itself can be put there. NULL: no memory. */
struct session_labels *session_open_labels(struct session *session);

/* By CLIENT SETNAME; empty = none. Until it is set again. */
struct slice session_name(const struct session *session);

/* Frees what it owns but the transaction and watches, which the executor knows. */
void session_deinit(struct session *session);

#endif
