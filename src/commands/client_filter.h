/*
 * client_filter.h - which connections a CLIENT KILL means. Pure, any thread.
 */
#ifndef SCDB_COMMANDS_CLIENT_FILTER_H
#define SCDB_COMMANDS_CLIENT_FILTER_H

#include "base/slice.h"
#include "server/acl_users.h"
#include "server/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kinds of clients that TYPE filters know. */
enum client_kind {
    CLIENT_KIND_NORMAL,
    CLIENT_KIND_REPLICA,
    CLIENT_KIND_MASTER,
    CLIENT_KIND_PUBSUB
};

/* The kind of that name, in any case. False: there is none. */
bool client_filter_parse_kind(struct slice name, enum client_kind *out);
enum client_kind client_filter_kind_of(const struct session *session);

/* All that is given must hold. Slices borrow from the arguments. */
struct client_filter {
    uint64_t id; /* 0 = any */
    bool has_kind;
    enum client_kind kind;
    bool has_address;
    bool has_local_address;
    struct slice address;
    struct slice local_address;
    bool has_user;
    struct slice user;
    bool skip_me;
};

/* What was wrong with the filters; the words are CLIENT KILL's. */
enum client_filter_error {
    FILTER_OK,
    FILTER_SYNTAX,
    FILTER_ID,
    FILTER_KIND, /* *culprit is the name that is no kind */
    FILTER_USER  /* *culprit is the name of no user */
};

/* Reads pairs of filter and value; a user must be among `users`. On failure *culprit may be set,
 * and *out is of no use. */
enum client_filter_error client_filter_parse(const struct slice *arguments, size_t count,
                                             const struct acl_users *users,
                                             struct client_filter *out, struct slice *culprit);

/* Does the filter mean this session? `me` is the one that asks. */
bool client_filter_matches(const struct client_filter *filter, const struct session *session,
                           const struct session *me);

#endif
