/*
 * connection.h - a client's socket, its bytes that are not executed yet, and its output.
 *
 * A connection belongs to one worker for life; only that worker's thread touches it. The session
 * inside is shared, under the execution lock. An idle connection owns no buffers: bytes that arrive
 * are read into its worker's arena, and only what can't be executed at once is kept here.
 */
#ifndef SCDB_SERVER_CONNECTION_H
#define SCDB_SERVER_CONNECTION_H

#include "base/buffer.h"
#include "resp/parser.h"
#include "server/output.h"
#include "server/session.h"

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

struct staging;
struct worker;

struct connection {
    struct session session;
    struct worker *worker;
    struct connection *next; /* of the same worker */
    struct connection *previous;
    struct event read_event;
    struct event *write_event; /* owned; NULL unless the socket is full */
    struct parser parser;
    struct buffer input; /* read, not executed yet */
    size_t input_start;  /* of it, where the first request begins; those before are executed */
    struct output output;
    struct staging *staging;          /* owned: of its first request (stager.h); NULL: of none */
    int64_t slowed_until_us;          /* slow_writers.h; monotonic, 0 = it need not wait */
    uint64_t rest_position;           /* what the replies of this turn rest on */
    int64_t over_soft_limit_since_ms; /* client-output-buffer-limit; 0 = is not over it */
    size_t backlog_begin;             /* waited when it was too much; 0 = is not: turn_deliver.c */
    int64_t active_ms;                /* bytes came or left last, monotonic */
    unsigned requests_max;            /* its next part's, turn_parse.h; 0 = as any other */
    uint8_t lists;                    /* which of the worker's lists it stands in: worker.h */
    bool reading : 1;                 /* read_event is added */
    bool in_turn : 1;                 /* it has a part in the turn at hand */
    bool closing : 1;                 /* will be closed at the end of the turn */
    bool has_written : 1;             /* replies of this turn tell of its own writes */
    bool ended : 1;                   /* the client will send no more: close when all is answered */
    bool gone : 1;                    /* it takes no replies either: what it has asked is done */
    bool output_stalled : 1;          /* requests wait until the client has read its replies */
    bool lags : 1;                    /* a subscriber behind what it is told: fast_publishers.h */
};

/* With what the heap, libevent and the registry of sessions add, an idle client costs less than 1
 * KiB (tests/bench/idle.py): what few clients need is allocated for those. */
_Static_assert(sizeof(struct connection) <= 848, "an idle client is to cost less than 1 KiB");

/* Takes the descriptor. NULL: no memory, and the descriptor is closed. */
struct connection *connection_create(struct worker *worker, uint64_t id, int descriptor);

/* Ends all reading and writing; the socket, if there still is one (or -1), belongs to the caller.
 */
int connection_release_socket(struct connection *connection);

/* Closes the socket and frees all. The session is out of the registry, the lists are left. */
void connection_destroy(struct connection *connection);

/* May its requests be executed now? */
bool connection_is_ready(const struct connection *connection);

/* Has it yet to log in? Then it is not given much memory. */
bool connection_is_stranger(const struct connection *connection);

/* What has been read and is not executed. */
struct slice connection_input(const struct connection *connection);

/* Takes all of it out, for the caller to free. */
struct buffer connection_take_input(struct connection *connection);

/* Reads into `input`, making room for what the parser misses. Returns what read() does; -1 with
 * ENOMEM in errno when there was no memory. */
long connection_read_input(struct connection *connection);

/*
 * Keeps what was not executed of `source` (all bytes of the turn), from `done` on. `whole_requests`
 * of it are left: then they are parsed again, later. NO_MEMORY: the connection must be closed.
 */
enum status connection_keep_rest(struct connection *connection, struct slice source, size_t done,
                                 bool whole_requests) MUST_CHECK;

/* Starts or stops to wait for bytes, as its state wants it. Where the system can't do that, the
 * connection will be closed. */
void connection_update_reading(struct connection *connection);

/* Has it requests that will be executed by and by? Not those that wait until the client has read
 * its replies, for the end of CLIENT PAUSE, or behind a wait that it has asked for. */
bool connection_has_requests(const struct connection *connection);

/* Tells other threads (session.h) how much waits to be sent, and what it takes. */
void connection_publish_output(struct connection *connection);

/* Sends what may leave; waits for the socket when it is full. False: the client is gone, and has no
 * requests that are still to be executed. */
bool connection_send(struct connection *connection);

#endif
