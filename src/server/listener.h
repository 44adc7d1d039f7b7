/*
 * listener.h - the listening sockets, and who is let in.
 *
 * Belongs to the main thread. What is accepted goes to the workers in turn.
 */
#ifndef SCDB_SERVER_LISTENER_H
#define SCDB_SERVER_LISTENER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct event;
struct event_base;
struct server;

#define LISTENERS_MAX 64

struct listener {
    struct server *server;
    int descriptor;
    bool is_unix_socket;
    struct event *event; /* owned; NULL until listeners_start */
};

struct listeners {
    struct listener items[LISTENERS_MAX];
    size_t count;
    struct event *pause_event; /* when descriptors run out, accepting rests for a moment */
    uint64_t next_session_id;
    unsigned next_worker;
    char unix_path[108]; /* to be removed; "" = none */
};

/* Opens what `bind`, `port`, `unixsocket` say. IO: nothing is open, and `error` says which address
 * and why. */
enum status listeners_open(struct listeners *listeners, struct server *server,
                           struct error *error) MUST_CHECK;

/* Accepts from now on. NO_MEMORY: it doesn't. */
enum status listeners_start(struct listeners *listeners, struct event_base *base) MUST_CHECK;

/* Stops accepting, closes, removes the Unix socket. */
void listeners_close(struct listeners *listeners);

#endif
