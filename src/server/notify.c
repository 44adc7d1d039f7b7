/* notify.c - see notify.h. */
#include "server/notify.h"

#include "base/log.h"
#include "keyspace/keyspace.h"
#include "server/publish.h"
#include "server/server_state.h"

#include <stdio.h>

#define PREFIX_SIZE_MAX 32

/* Publishes `message` to the channel PREFIX@DATABASE__:SUBJECT. */
static void publish(struct server *server, const char *prefix, unsigned database,
                    struct slice subject, struct slice message)
{
    char text[PREFIX_SIZE_MAX];
    struct buffer channel = {0};
    int size = snprintf(text, sizeof(text), "%s@%u__:", prefix, database);
    if (buffer_append(&channel, text, (size_t)size) == STATUS_OK &&
        buffer_append(&channel, subject.data, subject.size) == STATUS_OK) {
        (void)publish_locked(server, &(struct publication){.kind = PUBSUB_CHANNEL,
                                                           .channel = buffer_slice(&channel),
                                                           .message = message,
                                                           .rests = true});
    } else {
        LOG_WARNING("Out of memory: a keyspace event on a key of %zu bytes is not told.",
                    subject.size);
    }
    buffer_deinit(&channel);
}

void notify_locked(struct server *server, uint32_t class, const char *event, unsigned database,
                   struct slice key)
{
    if (!notify_is_class_on_locked(server, class) || !publish_has_listeners_locked(server)) {
        return;
    }
    struct slice name = slice_of_string(event);
    if ((server->event_classes & EVENT_TO_KEYSPACE) != 0) {
        publish(server, "__keyspace", database, key, name);
    }
    if ((server->event_classes & EVENT_TO_KEYEVENT) != 0) {
        publish(server, "__keyevent", database, name, key);
    }
}

bool notify_is_class_on_locked(const struct server *server, uint32_t class)
{
    return (server->event_classes & class) != 0;
}

/* A write finds out by itself only as much as it needs: whether the key is there, or was and has
 * expired, is looked up when somebody wants to be told. */
void notify_set_classes_locked(struct server *server, uint32_t classes)
{
    server->event_classes = classes;
    server->key_observer.wants_additions = (classes & (EVENT_NEW | EVENT_EXPIRED)) != 0;
}

static void on_key(void *context, enum key_event event, unsigned database, struct slice key)
{
    struct server *server = context;
    switch (event) {
    case KEY_ADDED:
        notify_locked(server, EVENT_NEW, "new", database, key);
        break;
    case KEY_CHANGED:
        tracking_key_changed(server, key);
        break;
    case KEY_MISSED:
        notify_locked(server, EVENT_MISSED, "keymiss", database, key);
        break;
    case KEY_EVICTED:
        notify_locked(server, EVENT_EVICTED, "evicted", database, key);
        break;
    }
}

static void on_cleared(void *context)
{
    tracking_flushed(context);
}

void notify_attach(struct server *server)
{
    server->key_observer.on_key = on_key;
    server->key_observer.on_cleared = on_cleared;
    server->key_observer.context = server;
    keyspace_observe(server->keyspace, &server->key_observer);
}

void notify_on_expired_locked(void *context, unsigned database, struct slice key)
{
    struct server *server = context;
    notify_locked(server, EVENT_EXPIRED, "expired", database, key);
    tracking_key_expired(server, key);
    if (server->executing == NULL) {
        tracking_settle(server); /* a worker does it at the end of its hold */
    }
}
