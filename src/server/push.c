/* push.c - see push.h. */
#include "server/push.h"

#include "base/log.h"
#include "server/session.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

/* --- pushes --- */

struct push *push_create(struct slice encoded, bool rests)
{
    struct push *push = malloc(sizeof(*push) + encoded.size);
    if (push == NULL) {
        return NULL;
    }
    *push = (struct push){.references = 1, .rests = rests, .size = encoded.size};
    memcpy(push->bytes, encoded.data, encoded.size);
    return push;
}

void push_release(struct push *push)
{
    push->references--;
    if (push->references == 0) {
        free(push);
    }
}

void push_write(const struct push *push, struct reply *reply)
{
    if (reply->protocol == 3) {
        reply_raw(reply, slice_make(push->bytes, push->size));
        return;
    }
    reply_raw(reply, SLICE_LITERAL("*"));
    reply_raw(reply, slice_make(push->bytes + 1, push->size - 1));
}

/* --- sending --- */

void push_send_later_locked(struct server *server, struct session *session, struct push *push)
{
    const struct session *executing = server->executing;
    struct worker *worker = server->workers[session->worker];
    bool was_empty = push_inbox_is_empty(&worker->inbox);
    if (!push_inbox_put_locked(&worker->inbox, session->id, push)) {
        LOG_WARNING("Closing client %s: no memory for a message to it.", session->address);
        server_kill_locked(server, session);
        return;
    }
    /* The worker that executes now looks into its inbox by itself. */
    bool is_awake = executing != NULL && executing->worker == session->worker;
    if (was_empty && !is_awake) {
        mailbox_wake(&worker->mailbox);
    }
    if (!is_awake && push_inbox_is_full_locked(&worker->inbox)) {
        server->has_told_too_much = true;
    }
}

/* Where replies are dropped there is none that it would have to precede, and what was written is
 * not ours: handlers look back at it. */
void push_send_locked(struct server *server, struct session *session, struct push *push)
{
    if (session == server->executing && !session_drops_replies(session)) {
        push_write(push, &session->reply);
    } else {
        push_send_later_locked(server, session, push);
    }
}

/* --- a session's own --- */

void push_own_end_locked(struct session *session, struct reply_mark begin)
{
    struct reply *reply = &session->reply;
    if (!session_drops_replies(session) || reply->failed) {
        return;
    }
    struct slice all = buffer_slice(&reply->bytes);
    struct push *push = push_create(slice_part(all, begin.bytes, all.size - begin.bytes), false);
    reply_rewind(reply, begin);
    if (push == NULL) {
        LOG_WARNING("Closing client %s: no memory for a message to it.", session->address);
        server_kill_locked(session->server, session);
        return;
    }
    push_send_later_locked(session->server, session, push);
    push_release(push);
}
