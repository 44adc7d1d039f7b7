/* waiting.c - see waiting.h. */
#include "commands/waiting.h"

#include "commands/background.h"
#include "commands/dispatch.h"
#include "commands/errors.h"
#include "commands/peer.h"

#include <stdlib.h>

struct waiting *waiting_begin(struct call *call,
                              void (*finish)(const struct waiting *waiting, struct reply *reply))
{
    struct waiting *waiting = malloc(sizeof(*waiting));
    if (waiting == NULL) {
        errors_reply_status(call, STATUS_NO_MEMORY);
        return NULL;
    }
    *waiting = (struct waiting){
        .server = call->server, .command = call->command, .status = STATUS_OK, .finish = finish};
    waiting->handle = server_block_locked(call->server, call->session);
    call->session->block_context = waiting;
    return waiting;
}

static void stop(struct session *session)
{
    session->block_context = NULL;
    server_unblock_locked(session->server, session);
}

static void destroy(struct waiting *waiting)
{
    free(waiting->context);
    free(waiting);
}

void waiting_cancel(struct waiting *waiting, struct call *call, enum status status)
{
    stop(call->session);
    errors_reply_status(call, status);
    destroy(waiting);
}

/* On the worker of the client, under the lock; session NULL = it is gone. */
static void reply_to_client(void *context, struct session *session)
{
    struct waiting *waiting = context;
    /* A client whose wait has been ended may be waiting for something else by now. */
    if (session != NULL && session->block_context == waiting) {
        struct reply_mark mark = reply_mark(&session->reply);
        waiting->finish(waiting, &session->reply);
        dispatch_end_late_reply(session, waiting->command, mark);
        stop(session);
    }
    destroy(waiting);
}

void waiting_end(struct waiting *waiting)
{
    server_post(waiting->server, waiting->handle, reply_to_client, waiting);
}

void waiting_reply_status(const struct waiting *waiting, struct reply *reply, enum status status)
{
    struct call call = {.server = waiting->server, .reply = reply, .command = waiting->command};
    errors_reply_status(&call, status);
}

void waiting_stop(void)
{
    peer_stop();
    background_stop();
}
