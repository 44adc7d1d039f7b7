/*
 * worker.h - a thread that serves its own connections.
 *
 * A worker lives in turns. First libevent tells which sockets have bytes; they are read into the
 * arena and parsed (connection by connection, no lock). Then the turn ends (turn.h): the requests
 * are executed under the execution lock, a bounded number a hold, until all are or replies are
 * many; the log is written; replies leave; what was not executed is kept; connections that are done
 * are closed.
 *
 * The thread that makes the worker ends it: worker_create, worker_join, worker_destroy. Any thread
 * may call worker_post and worker_wake_durable. All else is the worker's own.
 */
#ifndef SCDB_SERVER_WORKER_H
#define SCDB_SERVER_WORKER_H

#include "resp/parser.h"
#include "server/connection.h"
#include "server/mailbox.h"
#include "server/pace.h"
#include "server/push.h"
#include "server/push_inbox.h"
#include "server/server_state.h"

#include <pthread.h>
#include <stdatomic.h>

struct event_base;

#define WORKER_ARENA_SIZE    ((size_t)1 << 20)
#define WORKER_READ_SIZE     ((size_t)64 << 10)
#define WORKER_REQUESTS_MAX  8192 /* a turn reads no more once it has so many */
#define WORKER_SPARE_BUFFERS 64
#define WORKER_SPARE_BYTES   ((size_t)1 << 20) /* that they take together */

/* A request of the turn. */
struct request {
    const struct command *command; /* the row of its name; NULL: unknown */
    size_t first_argument;         /* in worker->arguments */
    size_t argument_count;
    size_t end;  /* in the part's source: the bytes behind it */
    char *error; /* owned; a protocol error instead of a request, or NULL */
};

/* What one connection has in the turn. */
struct part {
    struct connection *connection;
    struct slice source; /* in the arena, or the connection's input */
    size_t first_request;
    size_t request_count;
    size_t executed;
    size_t parsed;        /* bytes of whole requests */
    bool unparsed;        /* more requests may stand behind them */
    bool stopped;         /* no more of it is executed in this turn */
    bool resumed;         /* it was read in an earlier one */
    size_t share_used;    /* bytes of requests and replies since it last was this part's turn */
    uint64_t value_bytes; /* what they have written: engine_value_bytes_locked() */
};

/* Connections that wait for something, each at most once in each list. */
enum worker_list {
    LIST_SETTLE,    /* replies to send, or a state that has changed: looked at in this turn */
    LIST_RESUME,    /* bytes to parse that have been read already; no more is read until then */
    LIST_HELD,      /* replies that wait for an fdatasync */
    LIST_AWAIT,     /* commands that wait until the log is durable */
    LIST_POSTPONED, /* requests that wait for the end of CLIENT PAUSE */
    LIST_SLOWED,    /* have written while compaction is behind: slow_writers.h */
    LIST_CLOSE,     /* at the end of this turn */
    LIST_COUNT      /* a connection's `lists` has a bit for each */
};

struct connection_list {
    struct connection **items; /* owned; room for all connections of the worker, always */
    size_t count;
};

struct worker {
    struct server *server;
    unsigned index;
    pthread_t thread;
    struct event_base *base;
    struct event *wake_event;
    struct event *second_event; /* every second: idle clients, soft limits */
    struct event *pause_event;  /* the end of CLIENT PAUSE */
    struct event *await_event;  /* the end of the first timeout of LIST_AWAIT */
    struct event *slow_event;   /* the first of LIST_SLOWED may go on */
    struct event *room_event;   /* publishers need wait no longer for laggards */
    struct mailbox mailbox;
    struct push_inbox inbox;
    size_t laggard_count;       /* connections that lag: fast_publishers.h */
    int64_t wait_until_us;      /* for them; monotonic */
    _Atomic bool waits_durable; /* LIST_HELD or LIST_AWAIT is not empty */
    _Atomic bool durable_moved;

    struct pace pace;

    struct connection *connections;
    size_t connection_count;
    size_t list_capacity;
    int *parting; /* owned; the sockets that were open at the end: worker_destroy closes them */
    size_t parting_count;
    struct connection_list lists[LIST_COUNT];

    /* The turn. */
    char *arena; /* owned */
    size_t arena_used;
    struct argument_list arguments;
    struct request *requests; /* owned */
    size_t request_count;
    size_t request_capacity;
    struct part *parts; /* owned */
    size_t part_count;
    size_t part_capacity;
    uint64_t position;        /* the largest that a reply of the turn rests on */
    size_t share_max;         /* bytes of requests and replies that a part has in one go */
    size_t turn_bytes;        /* such bytes in this turn */
    size_t unsent_bytes;      /* of replies since turn_settle() or turn_send() */
    size_t delivered_bytes;   /* of pushes in this turn, about: turn_deliver.c */
    size_t hold_taken_weight; /* inbox.taken_weight when the hold began to execute */
    size_t reply_bounds[CLIENT_CLASS_COUNT]; /* of the session whose requests run */
    int64_t now_ms;                          /* monotonic, once a turn */
    int64_t pause_until_ms;
    int64_t await_until_ms; /* the first timeout of LIST_AWAIT, monotonic; INT64_MAX = none */
    int64_t await_armed_ms; /* the one that await_event waits for */
    bool retry_postponed;
    struct parser_limits limits;

    /* Buffers for replies, lent to connections that have some. */
    struct buffer spare_buffers[WORKER_SPARE_BUFFERS];
    size_t spare_buffer_count;
    size_t spare_bytes;
};

static inline struct request_words request_words(const struct worker *worker,
                                                 const struct request *request)
{
    return (struct request_words){.command = request->command,
                                  .arguments = worker->arguments.items + request->first_argument,
                                  .argument_count = request->argument_count};
}

/* Starts the thread. IO, NO_MEMORY: `error` says why, nothing runs. */
enum status worker_create(struct server *server, unsigned index, struct worker **out,
                          struct error *error) MUST_CHECK;

/* Waits for the thread, which ends after server->stopping was set and it was woken; all its
 * connections are gone by then, but for their sockets. Tasks may still be posted, by threads of the
 * store. */
void worker_join(struct worker *worker);

/* After worker_join, when no other thread is left: tells the tasks that are left that their clients
 * are gone, and frees. Here the clients' sockets are closed, so that who sees the end of a
 * connection (of SHUTDOWN, say) knows that the server has let go of its files, if the store was
 * closed before. */
void worker_destroy(struct worker *worker);

enum status worker_post(struct worker *worker, const struct message *message) MUST_CHECK;

/* The durable position has moved. */
void worker_wake_durable(struct worker *worker);

void worker_list_add(struct worker *worker, enum worker_list list, struct connection *connection);

/* The caller has taken it out of the worker's list. */
void worker_list_left(enum worker_list list, struct connection *connection);

/* Makes room for one connection more in every list, so that adding to one can't fail. False: no
 * memory. */
bool worker_lists_reserve(struct worker *worker);

/* A new socket becomes a connection with a registered session; closed when there is no memory.
 * Execution lock held. */
void worker_add_connection_locked(struct worker *worker, uint64_t id, int descriptor);

/* The session leaves the registry and the executor forgets it. Execution lock held. */
void worker_remove_connection_locked(struct worker *worker, struct connection *connection);

/* The connection will be closed at the end of the turn; nothing more of it is executed. */
void worker_close_later(struct worker *worker, struct connection *connection);

#endif
