/*
 * client_pause.c - CLIENT PAUSE, UNPAUSE and UNBLOCK: making clients wait, and ending it.
 */
#include "commands/client.h"

#include "base/clock.h"
#include "base/number.h"
#include "commands/errors.h"
#include "server/server.h"

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
    return true;
}

void client_pause(struct call *call)
{
    enum pause_mode mode;
    int64_t timeout_ms;
    if (!parse_pause(call, &mode, &timeout_ms)) {
        return;
    }
    int64_t now_ms = clock_monotonic_ms();
    int64_t until_ms = timeout_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + timeout_ms;
    server_pause_locked(call->server, mode, until_ms);
    reply_ok(call->reply);
}

void client_unpause(struct call *call)
{
    server_pause_locked(call->server, PAUSE_OFF, 0);
    reply_ok(call->reply);
}

/* Does the session wait in a command that may be ended? Then ends it. */
static bool end_waiting(struct session *session, bool with_error)
{
    if (session == NULL || session->blocked != BLOCK_WAITING ||
        !session->unblock_with_error_allowed || session->on_unblock == NULL) {
        return false;
    }
    session->on_unblock(session, with_error);
    return true;
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
    struct session *session =
        id <= 0 ? NULL : server_find_session_locked(call->server, (uint64_t)id);
    reply_integer(call->reply, end_waiting(session, with_error) ? 1 : 0);
}
