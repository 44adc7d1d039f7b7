/*
 * client_tracking.c - CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR: client-side caching.
 */
#include "commands/client.h"

#include "base/number.h"
#include "commands/errors.h"
#include "server/server.h"
#include "server/tracking.h"

#include <stdlib.h>

/* --- TRACKING --- */

struct tracking_options {
    struct tracking_mode mode;
    struct slice *prefixes; /* owned; room for all arguments */
    size_t prefix_count;
};

/* Reads REDIRECT's client. False: there is none, and the error is written. */
static bool parse_redirection(const struct call *call, struct slice value, uint64_t *redirect)
{
    int64_t id;
    if (*redirect != 0) {
        reply_error(call->reply, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!number_parse(value, &id)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return false;
    }
    if (id <= 0 || server_find_session_locked(call->server, (uint64_t)id) == NULL) {
        reply_error(call->reply, "ERR The client ID you want redirect to does not exist");
        return false;
    }
    *redirect = (uint64_t)id;
    return true;
}

static bool parse_word(struct slice option, struct tracking_mode *mode)
{
    if (slice_is_word(option, "bcast")) {
        mode->broadcast = true;
    } else if (slice_is_word(option, "optin")) {
        mode->opt_in = true;
    } else if (slice_is_word(option, "optout")) {
        mode->opt_out = true;
    } else if (slice_is_word(option, "noloop")) {
        mode->no_loop = true;
    } else {
        return false;
    }
    return true;
}

/* False: an option is wrong, and the error is written. */
static bool parse_options(const struct call *call, struct tracking_options *options)
{
    for (size_t i = 3; i < call->argument_count; i++) {
        struct slice option = call->arguments[i];
        bool has_value = i + 1 < call->argument_count;
        if (slice_is_word(option, "redirect") && has_value) {
            i++;
            if (!parse_redirection(call, call->arguments[i], &options->mode.redirect)) {
                return false;
            }
        } else if (slice_is_word(option, "prefix") && has_value) {
            i++;
            options->prefixes[options->prefix_count++] = call->arguments[i];
        } else if (!parse_word(option, &options->mode)) {
            errors_reply(call, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* Why the options don't go together, or with the mode that the connection is in; NULL: they do. */
static const char *find_conflict(const struct tracking_options *options,
                                 const struct tracker *tracker)
{
    const struct tracking_mode *mode = &options->mode;
    const struct tracking_mode *old = &tracker->mode;
    if (!mode->broadcast && options->prefix_count > 0) {
        return "ERR PREFIX option requires BCAST mode to be enabled";
    }
    if (tracker->is_on && old->broadcast != mode->broadcast) {
        return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, "
               "and then re-enabling it with a different mode.";
    }
    if (mode->broadcast && (mode->opt_in || mode->opt_out)) {
        return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    }
    if (mode->opt_in && mode->opt_out) {
        return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    }
    if ((mode->opt_in && old->opt_out) || (mode->opt_out && old->opt_in)) {
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, "
               "and then re-enabling it with a different mode.";
    }
    return NULL;
}

static bool overlap(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    return slice_equal(slice_part(a, 0, size), slice_part(b, 0, size));
}

static void reply_overlap(const struct call *call, struct slice prefix, const char *which,
                          struct slice other)
{
    reply_error_format(call->reply,
                       "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single "
                       "client must not overlap.",
                       slice_print_size(prefix), prefix.data, which, slice_print_size(other),
                       other.data);
}

/* A key is told to a client once: so no two of its prefixes may fit one key. False: two do, and the
 * error is written. */
static bool are_prefixes_apart(const struct call *call, const struct tracking_options *options)
{
    const struct tracker *tracker = &call->session->tracker;
    for (size_t i = 0; i < options->prefix_count; i++) {
        struct slice prefix = options->prefixes[i];
        for (size_t k = 0; k < tracker->prefix_count; k++) {
            struct slice other = tracking_prefix_name(tracker->prefixes[k]);
            if (overlap(prefix, other)) {
                reply_overlap(call, prefix, "an existing", other);
                return false;
            }
        }
        for (size_t k = i + 1; k < options->prefix_count; k++) {
            if (overlap(prefix, options->prefixes[k])) {
                reply_overlap(call, prefix, "another provided", options->prefixes[k]);
                return false;
            }
        }
    }
    return true;
}

static void switch_on(struct call *call, const struct tracking_options *options)
{
    const char *conflict = find_conflict(options, &call->session->tracker);
    if (conflict != NULL) {
        reply_error(call->reply, conflict);
        return;
    }
    if (!are_prefixes_apart(call, options)) {
        return;
    }
    enum status status = tracking_enable(call->server, call->session, &options->mode,
                                         options->prefixes, options->prefix_count);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_ok(call->reply);
}

static void follow(struct call *call, struct tracking_options *options)
{
    if (!parse_options(call, options)) {
        return;
    }
    if (slice_is_word(call->arguments[2], "on")) {
        switch_on(call, options);
    } else if (slice_is_word(call->arguments[2], "off")) {
        tracking_disable(call->server, call->session);
        reply_ok(call->reply);
    } else {
        errors_reply(call, ERROR_SYNTAX);
    }
}

void client_tracking(struct call *call)
{
    struct tracking_options options = {.prefixes =
                                           calloc(call->argument_count, sizeof(struct slice))};
    if (options.prefixes == NULL) {
        errors_reply_status(call, STATUS_NO_MEMORY);
        return;
    }
    follow(call, &options);
    free(options.prefixes);
}

/* --- CACHING --- */

void client_caching(struct call *call)
{
    struct tracker *tracker = &call->session->tracker;
    bool is_yes = slice_is_word(call->arguments[2], "yes");
    if (!tracker->is_on) {
        reply_error(call->reply, "ERR CLIENT CACHING can be called only when the client is in "
                                 "tracking mode with OPTIN or OPTOUT mode enabled");
    } else if (!is_yes && !slice_is_word(call->arguments[2], "no")) {
        errors_reply(call, ERROR_SYNTAX);
    } else if (is_yes && !tracker->mode.opt_in) {
        reply_error(call->reply, "ERR CLIENT CACHING YES is only valid when tracking is enabled in "
                                 "OPTIN mode.");
    } else if (!is_yes && !tracker->mode.opt_out) {
        reply_error(call->reply, "ERR CLIENT CACHING NO is only valid when tracking is enabled in "
                                 "OPTOUT mode.");
    } else {
        tracker->caching = true;
        reply_ok(call->reply);
    }
}

/* --- what there is --- */

static size_t add_flag(struct reply *reply, const char *name, bool is_set)
{
    if (is_set) {
        reply_bulk_string(reply, name);
    }
    return is_set ? 1 : 0;
}

static int64_t redirection_of(const struct tracker *tracker)
{
    return tracker->is_on ? (int64_t)tracker->mode.redirect : -1;
}

void client_tracking_info(struct call *call)
{
    struct reply *reply = call->reply;
    const struct tracker *tracker = &call->session->tracker;
    const struct tracking_mode *mode = &tracker->mode;
    reply_map(reply, 3);
    reply_bulk_string(reply, "flags");
    struct reply_mark mark = reply_deferred_begin(reply);
    size_t count = 1;
    reply_bulk_string(reply, tracker->is_on ? "on" : "off");
    count += add_flag(reply, "bcast", mode->broadcast);
    count += add_flag(reply, "optin", mode->opt_in);
    count += add_flag(reply, "caching-yes", mode->opt_in && tracker->caching);
    count += add_flag(reply, "optout", mode->opt_out);
    count += add_flag(reply, "caching-no", mode->opt_out && tracker->caching);
    count += add_flag(reply, "noloop", mode->no_loop);
    count += add_flag(reply, "broken_redirect", tracker->is_redirect_broken);
    reply_deferred_set(reply, mark, count);
    reply_bulk_string(reply, "redirect");
    reply_integer(reply, redirection_of(tracker));
    reply_bulk_string(reply, "prefixes");
    reply_array(reply, tracker->prefix_count);
    for (size_t i = 0; i < tracker->prefix_count; i++) {
        reply_bulk(reply, tracking_prefix_name(tracker->prefixes[i]));
    }
}

void client_redirection(struct call *call)
{
    reply_integer(call->reply, redirection_of(&call->session->tracker));
}
