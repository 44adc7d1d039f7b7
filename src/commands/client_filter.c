/* client_filter.c - see client_filter.h. */
#include "commands/client_filter.h"

#include "base/number.h"
bool client_filter_parse_kind(struct slice name, enum client_kind *out)
{
    static const struct {
        const char *name;
        enum client_kind kind;
    } kinds[] = {
        {"normal", CLIENT_KIND_NORMAL},   {"slave", CLIENT_KIND_REPLICA},
        {"replica", CLIENT_KIND_REPLICA}, {"pubsub", CLIENT_KIND_PUBSUB},
        {"master", CLIENT_KIND_MASTER},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (slice_is_word(name, kinds[i].name)) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* There are no replicas yet. */
enum client_kind client_filter_kind_of(const struct session *session)
{
    return atomic_load(&session->subscriber.is_active) ? CLIENT_KIND_PUBSUB : CLIENT_KIND_NORMAL;
}

static enum client_filter_error parse_pair(struct slice name, struct slice value,
                                           const struct acl_users *users, struct client_filter *out)
{
    if (slice_is_word(name, "id")) {
        int64_t id;
        if (!number_parse(value, &id) || id < 1) {
            return FILTER_ID;
        }
        out->id = (uint64_t)id;
    } else if (slice_is_word(name, "type")) {
        if (!client_filter_parse_kind(value, &out->kind)) {
            return FILTER_KIND;
        }
        out->has_kind = true;
    } else if (slice_is_word(name, "addr")) {
        out->has_address = true;
        out->address = value;
    } else if (slice_is_word(name, "laddr")) {
        out->has_local_address = true;
        out->local_address = value;
    } else if (slice_is_word(name, "user")) {
        if (acl_users_find(users, value) == NULL) {
            return FILTER_USER;
        }
        out->has_user = true;
        out->user = value;
    } else if (slice_is_word(name, "skipme") && slice_is_word(value, "yes")) {
        out->skip_me = true;
    } else if (slice_is_word(name, "skipme") && slice_is_word(value, "no")) {
        out->skip_me = false;
    } else {
        return FILTER_SYNTAX;
    }
    return FILTER_OK;
}

enum client_filter_error client_filter_parse(const struct slice *arguments, size_t count,
                                             const struct acl_users *users,
                                             struct client_filter *out, struct slice *culprit)
{
    *out = (struct client_filter){.skip_me = true};
    for (size_t i = 0; i < count; i += 2) {
        if (i + 1 == count) {
            return FILTER_SYNTAX;
        }
        enum client_filter_error error = parse_pair(arguments[i], arguments[i + 1], users, out);
        if (error != FILTER_OK) {
            *culprit = arguments[i + 1];
            return error;
        }
    }
    return FILTER_OK;
}

bool client_filter_matches(const struct client_filter *filter, const struct session *session,
                           const struct session *me)
{
    if (filter->skip_me && session == me) {
        return false;
    }
    if (filter->id != 0 && session->id != filter->id) {
        return false;
    }
    if (filter->has_kind && client_filter_kind_of(session) != filter->kind) {
        return false;
    }
    if (filter->has_address && !slice_equal(filter->address, slice_of_string(session->address))) {
        return false;
    }
    if (filter->has_user && !slice_equal(filter->user, session->user->name)) {
        return false;
    }
    char local_address[SESSION_ADDRESS_SIZE];
    return !filter->has_local_address ||
           slice_equal(filter->local_address,
                       slice_of_string(session_local_address(session, local_address)));
}
