/*
 * notify.h - keyspace events: what happens to keys, told to those who have subscribed to it.
 *
 * Commands tell what they have done (notify_locked); that a key is new, was missed or has expired
 * is seen below them and told here, and also, for client-side caches, that it has changed
 * (tracking.h). Execution lock held.
 */
#ifndef SCDB_SERVER_NOTIFY_H
#define SCDB_SERVER_NOTIFY_H

#include "base/slice.h"
#include "server/event_classes.h"

#include <stdbool.h>
#include <stdint.h>

struct server;

/* Publishes the event, if `notify-keyspace-events` wants its class, to the key's channel and then
 * to the event's. */
void notify_locked(struct server *server, uint32_t class, const char *event, unsigned database,
                   struct slice key);

/* Does `notify-keyspace-events` want it? */
bool notify_is_class_on_locked(const struct server *server, uint32_t class);

/* The directive's value holds from now on. */
void notify_set_classes_locked(struct server *server, uint32_t classes);

/* Listens to the keyspace. Before threads run. */
void notify_attach(struct server *server);

/* engine_options.on_expired_locked; the context is the server. */
void notify_on_expired_locked(void *context, unsigned database, struct slice key);

#endif
