/*
 * client_tracking.c - CLIENT TRACKING and its kin, as far as they are true: client-side caching
 * does not exist here yet, so it is always off. Arguments are checked as Redis checks them.
 */
#include "commands/client.h"

#include "base/number.h"
#include "commands/errors.h"
#include "server/server.h"

/* Reads REDIRECT's client. False: there is none, and the error is written. */
static bool check_redirection(const struct call *call, struct slice value)
{
    int64_t id;
    if (!number_parse(value, &id)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return false;
    }
    if (id <= 0 || server_find_session_locked(call->server, (uint64_t)id) == NULL) {
        reply_error(call->reply, "ERR The client ID you want redirect to does not exist");
        return false;
    }
    return true;
}

/* False: an option is wrong, and the error is written. */
static bool check_options(const struct call *call)
{
    for (size_t i = 3; i < call->argument_count; i++) {
        struct slice option = call->arguments[i];
        bool has_value = i + 1 < call->argument_count;
        if (slice_is_word(option, "redirect") && has_value) {
            i++;
            if (!check_redirection(call, call->arguments[i])) {
                return false;
            }
        } else if (slice_is_word(option, "prefix") && has_value) {
            i++;
        } else if (!slice_is_word(option, "bcast") && !slice_is_word(option, "optin") &&
                   !slice_is_word(option, "optout") && !slice_is_word(option, "noloop")) {
            errors_reply(call, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

void client_tracking(struct call *call)
{
    if (!check_options(call)) {
        return;
    }
    if (slice_is_word(call->arguments[2], "off")) {
        reply_ok(call->reply);
    } else if (slice_is_word(call->arguments[2], "on")) {
        reply_error(call->reply, "ERR client-side caching (CLIENT TRACKING ON) is not supported "
                                 "yet");
    } else {
        errors_reply(call, ERROR_SYNTAX);
    }
}

void client_caching(struct call *call)
{
    reply_error(call->reply, "ERR CLIENT CACHING can be called only when the client is in tracking "
                             "mode with OPTIN or OPTOUT mode enabled");
}

void client_tracking_info(struct call *call)
{
    struct reply *reply = call->reply;
    reply_map(reply, 3);
    reply_bulk_string(reply, "flags");
    reply_set(reply, 1);
    reply_bulk_string(reply, "off");
    reply_bulk_string(reply, "redirect");
    reply_integer(reply, -1);
    reply_bulk_string(reply, "prefixes");
    reply_empty_array(reply);
}

void client_redirection(struct call *call)
{
    reply_integer(call->reply, -1);
}
