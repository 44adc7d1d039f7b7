/*
 * listener.h - the listening sockets, and which clients are let in.
 *
 * Accepting belongs to the main thread: what is accepted goes to the workers in turn. CONFIG SET,
 * on a worker, changes which TCP sockets there are: it opens and shuts them itself, so that it can
 * say what came of it, and leaves it to the main thread to watch and to close. The mutex protects
 * the list alone and is held for no system call that waits.
 */
#ifndef SCDB_SERVER_LISTENER_H
#define SCDB_SERVER_LISTENER_H

#include "base/buffer.h"
#include "base/log_limit.h"
#include "base/mutex.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct event_base;
struct server;

struct listener {
    struct server *server;
    struct listener *next;
    int descriptor;
    bool is_unix_socket;
    bool is_retired;     /* listens no more: the main thread forgets it */
    struct event *event; /* owned; NULL until the main thread watches it */
};

struct listeners {
    struct mutex mutex;
    struct listener *first GUARDED_BY(mutex);
    bool is_closed GUARDED_BY(mutex); /* for good */
    struct server *server;
    struct buffer opened;    /* execution lock: port and addresses as they were configured */
    struct buffer addresses; /* execution lock: those that are listened on, a blank between two */

    /* Main thread. */
    struct event_base *base;     /* NULL until listeners_start */
    struct event *pause_event;   /* when descriptors run out, accepting rests for a moment */
    struct log_limit complaints; /* of want of descriptors or memory, to the log */
    uint64_t next_session_id;
    unsigned next_worker;
    char unix_path[108]; /* to be removed; "" = none */
};

/* `server` lives at least as long. */
void listeners_init(struct listeners *listeners, struct server *server);

/* After listeners_close. */
void listeners_deinit(struct listeners *listeners);

/* Opens what `bind`, `port`, `unixsocket` say. Clients of the Unix socket may connect, and wait;
 * those of TCP are refused until listeners_start: who looks whether the port is open is not to take
 * a store that is still being read for a server. IO: nothing is open, and `error` says which
 * address and why.
 */
enum status listeners_open(struct listeners *listeners, struct error *error) MUST_CHECK;

/* Listens on TCP, too, and accepts from now on. IO, NO_MEMORY: it doesn't, `error` says why. */
enum status listeners_start(struct listeners *listeners, struct event_base *base,
                            struct error *error) MUST_CHECK;

/*
 * Any thread, execution lock held: listens where `bind` and `port` now say, and nowhere else on
 * TCP; does nothing where that is so already. A client that connects after the call finds it so.
 * The old sockets go first, as an address may stand for another that is in use. IO: none is left,
 * and `error` says which address and why; the old ones come back when the old values do and this is
 * called again.
 */
enum status listeners_reopen_locked(struct listeners *listeners, struct error *error) MUST_CHECK;

/* Main thread, woken by the above: watches what is new and closes what is retired. */
void listeners_settle(struct listeners *listeners);

/* One line for the log: the port and the addresses that are listened on. Execution lock held, once
 * threads run. */
void listeners_log_addresses(const struct listeners *listeners);

/* Stops accepting, closes, removes the Unix socket. */
void listeners_close(struct listeners *listeners);

#endif
