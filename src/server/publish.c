/* publish.c - see publish.h. */
#include "server/publish.h"

#include "base/glob.h"
#include "base/log.h"
#include "server/push.h"
#include "server/server_state.h"

static void encode(struct reply *reply, const struct publication *publication,
                   const struct topic *pattern)
{
    reply_init(reply);
    reply->protocol = 3;
    if (pattern != NULL) {
        reply_push(reply, 4);
        reply_bulk_string(reply, "pmessage");
        reply_bulk(reply, pattern->item.name);
    } else {
        reply_push(reply, 3);
        reply_bulk_string(reply, publication->kind == PUBSUB_SHARD ? "smessage" : "message");
    }
    reply_bulk(reply, publication->channel);
    reply_bulk(reply, publication->message);
}

static struct push *make_push(const struct publication *publication, const struct topic *pattern)
{
    struct reply reply;
    encode(&reply, publication, pattern);
    struct push *push =
        reply.failed ? NULL : push_create(buffer_slice(&reply.bytes), publication->rests);
    reply_deinit(&reply);
    return push;
}

static void close_subscribers(struct server *server, const struct topic *topic)
{
    LOG_WARNING("Out of memory for a message: its %zu subscribers are disconnected.", topic->count);
    for (const struct subscription *each = topic->first; each != NULL; each = each->next_of_topic) {
        server_kill_locked(server, each->subscriber->session);
    }
}

/* `pattern`: the topic again when it is one, else NULL. */
static size_t send_to(struct server *server, const struct topic *topic,
                      const struct publication *publication, const struct topic *pattern)
{
    struct push *push = make_push(publication, pattern);
    if (push == NULL) {
        close_subscribers(server, topic);
        return 0;
    }
    for (const struct subscription *each = topic->first; each != NULL; each = each->next_of_topic) {
        push_send_locked(server, each->subscriber->session, push);
    }
    push_release(push);
    return topic->count;
}

size_t publish_locked(struct server *server, const struct publication *publication)
{
    size_t receivers = 0;
    struct topic *topic = pubsub_find(&server->pubsub, publication->kind, publication->channel);
    if (topic != NULL) {
        receivers += send_to(server, topic, publication, NULL);
    }
    if (publication->kind == PUBSUB_SHARD) {
        return receivers;
    }
    for (topic = pubsub_first(&server->pubsub, PUBSUB_PATTERN); topic != NULL;
         topic = pubsub_next(topic)) {
        if (glob_match(topic->item.name, publication->channel, false)) {
            receivers += send_to(server, topic, publication, topic);
        }
    }
    return receivers;
}

bool publish_has_listeners_locked(const struct server *server)
{
    return pubsub_topic_count(&server->pubsub, PUBSUB_CHANNEL) > 0 ||
           pubsub_topic_count(&server->pubsub, PUBSUB_PATTERN) > 0;
}
