/*
 * server_users.h - users and the sessions that are theirs: logging in, users of the configuration,
 * the file of users.
 *
 * Functions that end in _locked want the execution lock.
 */
#ifndef SCDB_SERVER_SERVER_USERS_H
#define SCDB_SERVER_SERVER_USERS_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "server/acl.h"
#include "server/server.h"
#include "server/session.h"

#include <stdbool.h>

/* Makes server->acl follow the configuration: requirepass, acl-pubsub-default, CONFIG REWRITE.
 * Before the server's threads run. */
enum status server_users_init(struct server *server) MUST_CHECK;

/* Makes the users of the configuration's lines or of its aclfile, relative to the store's
 * directory. Before the server's threads run. INVALID: `error` names the line and what is wrong. */
enum status server_users_load(struct server *server, struct error *error) MUST_CHECK;

/* The session as it is before anybody logs in: the default user's, logged in if that needs no
 * password. */
void server_users_begin_locked(struct server *server, struct session *session);

/* False: wrong, and the session stays what it was. */
bool server_users_login_locked(struct server *server, struct session *session, struct slice user,
                               struct slice password);

/* The user goes: closes the connections that are its. */
void server_users_drop_locked(struct server *server, const struct acl_user *user);

/* The user's rights have changed: closes those of its connections that have subscribed to a channel
 * which it may not use any more. */
void server_users_drop_subscribers_locked(struct server *server, const struct acl_user *user);

/* Reads aclfile again; all its users' connections, and those of users that are gone, are closed.
 * INVALID: `why` has what ACL LOAD answers after "ERR ", and nothing has changed. */
enum status server_users_reload_locked(struct server *server, struct buffer *why) MUST_CHECK;

/* Writes aclfile. IO: the log says why. */
enum status server_users_save_locked(struct server *server) MUST_CHECK;

#endif
