/* tracking_send.c - see tracking_send.h. */
#include "server/tracking_send.h"

#include "base/log.h"
#include "server/push.h"
#include "server/server_state.h"

#define INVALIDATE_CHANNEL "__redis__:invalidate"

const struct session *tracking_caller(const struct server *server)
{
    const struct session *session = server->executing;
    return session != NULL && session->is_in_call ? session : NULL;
}

/* Sends what was encoded. What a client's own command invalidates comes behind its reply; what has
 * to go before the command runs, in front of it. */
static void send_reply(struct server *server, const struct session *origin,
                       struct session *receiver, struct reply *reply)
{
    struct push *push = reply->failed ? NULL : push_create(buffer_slice(&reply->bytes), true);
    reply_deinit(reply);
    if (push == NULL) {
        LOG_WARNING("Closing client %s: no memory for an invalidation.", receiver->address);
        server_kill_locked(server, receiver);
        return;
    }
    if (origin == tracking_caller(server)) {
        push_send_later_locked(server, receiver, push);
    } else {
        push_send_locked(server, receiver, push);
    }
    push_release(push);
}

/* RESP2's null in a RESP3 push, where the client that tracks speaks RESP2: as Redis does. */
static void add_keys(struct reply *reply, const struct session *origin, const struct slice *keys,
                     size_t count)
{
    if (keys == NULL) {
        reply_raw(reply,
                  origin->reply.protocol == 3 ? SLICE_LITERAL("_\r\n") : SLICE_LITERAL("$-1\r\n"));
        return;
    }
    reply_array(reply, count);
    for (size_t i = 0; i < count; i++) {
        reply_bulk(reply, keys[i]);
    }
}

static void tell_broken_redirect(struct server *server, struct session *session)
{
    session->tracker.is_redirect_broken = true;
    if (session->reply.protocol != 3) {
        return;
    }
    struct reply reply;
    reply_init(&reply);
    reply.protocol = 3;
    reply_push(&reply, 2);
    reply_bulk_string(&reply, "tracking-redir-broken");
    reply_integer(&reply, (int64_t)session->tracker.mode.redirect);
    send_reply(server, session, session, &reply);
}

void tracking_send(struct server *server, struct session *session, const struct slice *keys,
                   size_t count)
{
    struct session *receiver = session;
    uint64_t redirect = session->tracker.mode.redirect;
    if (redirect != 0) {
        receiver = session_registry_find(&server->sessions, redirect);
        if (receiver == NULL || receiver->close_asap || receiver->close_after_reply) {
            tell_broken_redirect(server, session);
            return;
        }
    }
    bool is_resp3 = receiver->reply.protocol == 3;
    if (!is_resp3 && (redirect == 0 || !atomic_load(&receiver->subscriber.is_active))) {
        return; /* it could not tell an invalidation from a reply */
    }
    struct reply reply;
    reply_init(&reply);
    reply.protocol = 3;
    reply_push(&reply, is_resp3 ? 2 : 3);
    reply_bulk_string(&reply, is_resp3 ? "invalidate" : "message");
    if (!is_resp3) {
        reply_bulk_string(&reply, INVALIDATE_CHANNEL);
    }
    add_keys(&reply, session, keys, count);
    send_reply(server, session, receiver, &reply);
}
