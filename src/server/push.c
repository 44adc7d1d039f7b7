/* push.c - see push.h. */
#include "server/push.h"

#include "base/log.h"
#include "server/session.h"
#include "server/worker.h"

#include <stdlib.h>

#define SESSIONS_MIN 4

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

/* --- inboxes --- */

void delivery_free(struct delivery *delivery)
{
    push_release(delivery->push);
    free(delivery->sessions);
    free(delivery);
}

struct delivery *push_inbox_take(struct push_inbox *inbox)
{
    struct delivery *delivery = inbox->first;
    if (delivery != NULL) {
        inbox->first = delivery->next;
        inbox->last = inbox->first == NULL ? NULL : inbox->last;
    }
    return delivery;
}

void push_inbox_clear(struct push_inbox *inbox)
{
    struct delivery *delivery = push_inbox_take(inbox);
    while (delivery != NULL) {
        delivery_free(delivery);
        delivery = push_inbox_take(inbox);
    }
}

static struct delivery *add_delivery(struct push_inbox *inbox, struct push *push)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (delivery == NULL) {
        return NULL;
    }
    delivery->push = push;
    push->references++;
    *(inbox->last == NULL ? &inbox->first : &inbox->last->next) = delivery;
    inbox->last = delivery;
    return delivery;
}

static bool add_session(struct delivery *delivery, uint64_t id)
{
    if (delivery->count == delivery->capacity) {
        size_t capacity = delivery->capacity == 0 ? SESSIONS_MIN : delivery->capacity * 2;
        uint64_t *sessions = realloc(delivery->sessions, capacity * sizeof(*sessions));
        if (sessions == NULL) {
            return false;
        }
        delivery->sessions = sessions;
        delivery->capacity = capacity;
    }
    delivery->sessions[delivery->count++] = id;
    return true;
}

/* False: no memory. */
static bool put_into_inbox(struct push_inbox *inbox, const struct session *session,
                           struct push *push)
{
    struct delivery *delivery = inbox->last;
    if (delivery == NULL || delivery->push != push) {
        delivery = add_delivery(inbox, push);
    }
    return delivery != NULL && add_session(delivery, session->id);
}

void push_send_later_locked(struct server *server, struct session *session, struct push *push)
{
    const struct session *executing = server->executing;
    struct worker *worker = server->workers[session->worker];
    bool was_empty = worker->inbox.first == NULL;
    if (!put_into_inbox(&worker->inbox, session, push)) {
        LOG_WARNING("Closing client %s: no memory for a message to it.", session->address);
        server_kill_locked(server, session);
        return;
    }
    /* The worker that executes now looks into its inbox by itself. */
    bool is_awake = executing != NULL && executing->worker == session->worker;
    if (was_empty && !is_awake &&
        worker_post(worker, &(struct message){.kind = MESSAGE_DELIVER}) != STATUS_OK) {
        mailbox_wake(&worker->mailbox);
    }
}

void push_send_locked(struct server *server, struct session *session, struct push *push)
{
    if (session != server->executing) {
        push_send_later_locked(server, session, push);
        return;
    }
    push_own_begin_locked(session);
    push_write(push, &session->reply);
    push_own_end_locked(session);
}

/* --- a session's own --- */

void push_own_begin_locked(struct session *session)
{
    if (session_drops_replies(session)) {
        reply_rewind(&session->reply, session->reply_start);
    }
}

void push_own_end_locked(struct session *session)
{
    if (session_drops_replies(session)) {
        session->reply_start = reply_mark(&session->reply);
    }
}
