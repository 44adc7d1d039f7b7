/* deferred.c - see deferred.h. */
#include "server/deferred.h"

#include "base/check.h"
#include "server/errands.h"
#include "server/server_state.h"
#include "server/worker.h"

#include <stdlib.h>

struct deferred {
    struct errand errand;
    struct server *server;
    struct session_handle session;
    struct deferred_work work;
};

/* On the session's worker, or with NULL when it has gone. */
static void finish(void *context, struct session *session)
{
    struct deferred *deferred = context;
    if (session != NULL) {
        session->blocked = BLOCK_NONE;
        worker_list_add(session->connection->worker, LIST_RESUME, session->connection);
    }
    deferred->work.finish(deferred->work.context, session);
    free(deferred);
}

static void run(void *context, bool is_ending)
{
    struct deferred *deferred = context;
    (void)is_ending;
    deferred->work.run(deferred->work.context);
    server_post(deferred->server, deferred->session, finish, deferred);
}

bool deferred_try_begin_locked(struct session *session, const struct deferred_work *work)
{
    struct deferred *deferred = malloc(sizeof(*deferred));
    if (deferred == NULL) {
        return false;
    }
    *deferred = (struct deferred){.errand = {.run = run, .context = deferred},
                                  .server = session->server,
                                  .session = {.id = session->id, .worker = session->worker},
                                  .work = *work};
    CHECK(session->blocked == BLOCK_NONE);
    if (errands_add(&session->server->deferred, &deferred->errand) != STATUS_OK) {
        free(deferred);
        return false;
    }
    session->blocked = BLOCK_STAGING;
    return true;
}
