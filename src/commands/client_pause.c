/*
 * client_pause.c - CLIENT PAUSE, UNPAUSE and UNBLOCK: making clients wait, and ending it.
 */
#include "commands/client.h"

#include "base/clock.h"
#include "base/number.h"
#include "commands/errors.h"
#include "server/server.h"

#include <stdlib.h>

/* One argument too many; the subcommand is named as it was sent. */
static void reply_too_many(const struct call *call)
{
    struct slice name = call->arguments[1];
    reply_error_format(call->reply,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try CLIENT "
                       "HELP.",
                       (int)(name.size > 128 ? 128 : name.size), name.data);
}

/* False: the arguments are wrong, and the error is written. */
static bool parse_pause(const struct call *call, enum pause_mode *mode, int64_t *timeout_ms)
{
    if (call->argument_count > 4) {
        reply_too_many(call);
        return false;
    }
    *mode = PAUSE_ALL;
    if (call->argument_count == 4) {
        if (slice_is_word(call->arguments[3], "write")) {
            *mode = PAUSE_WRITE;
        } else if (!slice_is_word(call->arguments[3], "all")) {
            reply_error(call->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return false;
        }
    }
    if (!number_parse(call->arguments[2], timeout_ms)) {
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (*timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return false;
    }
    /* Redis's sum overflows then, and so is a time that has passed. */
    if (*timeout_ms > INT64_MAX - clock_unix_ms()) {
        *timeout_ms = 0;
    }
    return true;
}

void client_pause(struct call *call)
{
    enum pause_mode mode;
    int64_t timeout_ms;
    if (!parse_pause(call, &mode, &timeout_ms)) {
        return;
    }
    server_pause_locked(call->server, mode, clock_monotonic_ms() + timeout_ms);
    reply_ok(call->reply);
}

void client_unpause(struct call *call)
{
    server_pause_locked(call->server, PAUSE_OFF, 0);
    reply_ok(call->reply);
}

/* Takes an end of waiting to the worker of the client that waits. */
struct unblock_request {
    void *block_context; /* of the wait that is meant: the client may be in another one by then */
    bool with_error;
};

static void end_waiting(void *context, struct session *session)
{
    struct unblock_request *request = context;
    if (session != NULL && session->blocked == BLOCK_WAITING && session->on_unblock != NULL &&
        session->block_context == request->block_context) {
        session->on_unblock(session, request->with_error);
    }
    free(request);
}

static bool may_be_unblocked(const struct session *session)
{
    return session != NULL && session->blocked == BLOCK_WAITING &&
           session->unblock_with_error_allowed && session->on_unblock != NULL;
}

/* NO_MEMORY: nothing has happened. */
static enum status request_unblock(struct session *session, bool with_error)
{
    struct unblock_request *request = malloc(sizeof(*request));
    if (request == NULL) {
        return STATUS_NO_MEMORY;
    }
    *request =
        (struct unblock_request){.block_context = session->block_context, .with_error = with_error};
    session->unblock_with_error_allowed = false; /* a wait is ended once */
    struct session_handle handle = {.id = session->id, .worker = session->worker};
    server_post(session->server, handle, end_waiting, request);
    return STATUS_OK;
}

static void unblock(const struct call *call, int64_t id, bool with_error)
{
    struct session *session =
        id <= 0 ? NULL : server_find_session_locked(call->server, (uint64_t)id);
    if (!may_be_unblocked(session)) {
        reply_integer(call->reply, 0);
        return;
    }
    enum status status = request_unblock(session, with_error);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_integer(call->reply, 1);
}

void client_unblock(struct call *call)
{
    bool with_error = false;
    if (call->argument_count > 4) {
        reply_too_many(call);
        return;
    }
    if (call->argument_count == 4) {
        if (slice_is_word(call->arguments[3], "error")) {
            with_error = true;
        } else if (!slice_is_word(call->arguments[3], "timeout")) {
            reply_error(call->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    }
    int64_t id;
    if (!number_parse(call->arguments[2], &id)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    unblock(call, id, with_error);
}
