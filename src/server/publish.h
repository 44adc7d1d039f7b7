/*
 * publish.h - a message to all who have subscribed to its channel, on whatever worker.
 *
 * Execution lock held.
 */
#ifndef SCDB_SERVER_PUBLISH_H
#define SCDB_SERVER_PUBLISH_H

#include "base/slice.h"
#include "server/pubsub.h"

#include <stdbool.h>
#include <stddef.h>

struct server;

struct publication {
    enum pubsub_kind kind; /* PUBSUB_CHANNEL (patterns are then looked at, too) or PUBSUB_SHARD */
    struct slice channel;
    struct slice message;
    bool rests; /* it tells of writes: see push.h */
};

/* Returns how many subscriptions it reached: a client with the channel and a pattern gets it twice.
 * Where memory for the message runs out, those who should have got it are closed. */
size_t publish_locked(struct server *server, const struct publication *publication);

/* Would anybody get a message of some channel? Cheap: asked before one is made. */
bool publish_has_listeners_locked(const struct server *server);

#endif
