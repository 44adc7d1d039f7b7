/* get_later.c - see get_later.h. */
#include "commands/get_later.h"

#include "commands/dispatch.h"
#include "commands/errors.h"
#include "commands/lookup.h"
#include "engine/staged.h"
#include "engine/verify_ahead.h"
#include "keyspace/keyspace.h"
#include "server/deferred.h"
#include "server/session.h"
#include "server/tracking.h"

#include <stdlib.h>
#include <string.h>

struct later {
    struct server *server;
    const struct command *command;
    unsigned database;
    bool is_tracked; /* the client keeps what it reads, and wants to hear of changes */
    struct verify_ahead ahead;
    size_t key_size;
    char key[];
};

static void verify(void *context)
{
    struct later *later = context;
    verify_ahead_run(&later->ahead);
}

/* Whatever the key holds by now: of a change meanwhile, after which the key was no longer tracked,
 * the client may have heard before it has this. */
static void reply(struct call *call, const struct later *later)
{
    struct engine *engine = server_engine(call->server);
    const struct slice key = slice_make(later->key, later->key_size);
    struct value value;
    enum status status = keyspace_find(call->keyspace, later->database, key, &value);
    if (later->is_tracked && call->session->tracker.is_on) {
        tracking_remember(call->server, call->session, key);
    }
    if (status == STATUS_NOT_FOUND) {
        reply_null(call->reply);
    } else if (status != STATUS_OK) {
        errors_reply_status(call, status);
    } else {
        verify_ahead_offer_locked(engine, &later->ahead);
        (void)lookup_reply_value(call, &value);
        verify_ahead_offer_locked(engine, NULL);
        engine_part_purge_locked(engine);
    }
}

static void finish(void *context, struct session *session)
{
    struct later *later = context;
    if (session != NULL) {
        struct reply_mark mark = reply_mark(&session->reply);
        struct call call = {.server = later->server,
                            .session = session,
                            .keyspace = server_keyspace(later->server),
                            .reply = &session->reply,
                            .command = later->command};
        reply(&call, later);
        dispatch_end_late_reply(session, later->command, mark);
    }
    free(later);
}

bool get_later(struct call *call, const struct value *value)
{
    struct session *session = call->session;
    /* In a transaction, and where CLIENT REPLY has something to say, the answer is wanted now. */
    if (value->size < STAGED_SIZE_MIN || session->transaction.open ||
        session->reply_mode != REPLY_ON) {
        return false;
    }
    struct slice key = call->arguments[1];
    struct later *later = malloc(sizeof(*later) + key.size);
    if (later == NULL) {
        return false;
    }
    *later = (struct later){.server = call->server,
                            .command = call->command,
                            .database = session->database,
                            .is_tracked = tracking_wants_keys(session),
                            .key_size = key.size};
    if (key.size > 0) {
        memcpy(later->key, key.data, key.size);
    }
    if (!verify_ahead_begin_locked(server_engine(call->server), &value->entry, &later->ahead)) {
        free(later);
        return false;
    }
    struct deferred_work work = {.run = verify, .finish = finish, .context = later};
    if (!deferred_try_begin_locked(session, &work)) {
        engine_unpin(later->ahead.segment);
        free(later);
        return false;
    }
    return true;
}
