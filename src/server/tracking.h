/*
 * tracking.h - client-side caching: who may have copies of which keys, and telling them when those
 * are out of date.
 *
 * A client that has switched tracking on keeps what it reads, and gets an invalidation when a key
 * that it has read changes: once, until it reads the key again. One in broadcast mode gets those of
 * all keys with its prefixes instead, and the server remembers nothing for it. Keys are known by
 * their names alone, in whatever database, as in Redis. All functions want the execution lock.
 */
#ifndef SCDB_SERVER_TRACKING_H
#define SCDB_SERVER_TRACKING_H

#include "base/slice.h"
#include "base/status.h"
#include "server/name_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct session;
struct tracked_prefix;

/* How a client wants it: what CLIENT TRACKING says. */
struct tracking_mode {
    uint64_t redirect; /* id of the client that gets the invalidations; 0 = the client itself */
    bool broadcast;
    bool opt_in;  /* only what CLIENT CACHING YES stands in front of */
    bool opt_out; /* all but what CLIENT CACHING NO stands in front of */
    bool no_loop; /* nothing about what it changes itself */
};

/* Lives in each session; all zero = tracking is off. */
struct tracker {
    bool is_on;
    bool caching;            /* CLIENT CACHING holds for the command that comes */
    bool is_redirect_broken; /* the client that it redirects to has gone */
    struct tracking_mode mode;
    struct tracked_prefix **prefixes; /* owned array, in the order of their names */
    size_t prefix_count;
};

struct tracking {
    struct name_map keys;     /* that some client may have a copy of */
    struct name_map prefixes; /* that some client has asked for */
    size_t item_count;        /* of (key, client) */
    size_t client_count;
    bool has_changes; /* that the clients in broadcast mode have not been told yet */
};

/* NO_MEMORY: nothing to deinit. */
enum status tracking_init(struct tracking *tracking, uint64_t seed) MUST_CHECK;

/* No client tracks any more (CHECKed). */
void tracking_deinit(struct tracking *tracking);

/* Switches tracking on, or to another mode; prefixes are added to those that there are (none at all
 * means "", all keys). NO_MEMORY: it is off. */
enum status tracking_enable(struct server *server, struct session *session,
                            const struct tracking_mode *mode, const struct slice *prefixes,
                            size_t prefix_count) MUST_CHECK;

/* Nothing happens when it is off. Also at the end of a session. */
void tracking_disable(struct server *server, struct session *session);

struct slice tracking_prefix_name(const struct tracked_prefix *prefix);

/* Bytes that its prefixes take, without the names, as if each were its own. */
size_t tracking_memory(const struct tracker *tracker);

/* Does the session want the keys that it reads with this command to be remembered? */
bool tracking_wants_keys(const struct session *session);

/* The session has read the key. Without memory the key is not remembered, and the client told at
 * once that its copy is out of date. */
void tracking_remember(struct server *server, struct session *session, struct slice name);

/* A key has changed, or was found to have expired, which is nobody's doing; or all keys of a
 * database have gone. */
void tracking_key_changed(struct server *server, struct slice name);
void tracking_key_expired(struct server *server, struct slice name);
void tracking_flushed(struct server *server);

/* Between commands: tells what was gathered for clients in broadcast mode, and forgets (with an
 * invalidation) keys beyond `tracking-table-max-keys`, some of them each time. */
void tracking_settle(struct server *server);

#endif
