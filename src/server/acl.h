/*
 * acl.h - who may do what: the users of a server, and the log of what was refused.
 *
 * Everything wants the execution lock, but acl_asks_for_login and acl_has_password, which any
 * thread may call. Users stay where they are until they are removed: sessions point to them.
 */
#ifndef SCDB_SERVER_ACL_H
#define SCDB_SERVER_ACL_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "server/acl_commands.h"
#include "server/acl_log.h"
#include "server/acl_user.h"
#include "server/acl_users.h"

#include <stdbool.h>
#include <stddef.h>

struct acl;

/* The default user alone, without a password. Borrows the commands. NO_MEMORY: nothing to
 * destroy. */
enum status acl_create(const struct acl_commands *commands, struct acl **out) MUST_CHECK;
void acl_destroy(struct acl *acl); /* may be NULL */

const struct acl_terms *acl_terms(const struct acl *acl);
const struct acl_users *acl_users(const struct acl *acl);
struct acl_log *acl_log(struct acl *acl);

/* NULL: there is none of that name. */
struct acl_user *acl_find(const struct acl *acl, struct slice name);
struct acl_user *acl_default_user(const struct acl *acl);

/* Must a connection that has not logged in do so first? (Any thread.) */
bool acl_asks_for_login(const struct acl *acl);

/* Has the default user a password, or would it take any? (Any thread.) */
bool acl_has_password(const struct acl *acl);

/* --- changes --- */

/* acl-pubsub-default: for selectors and users that are made from here on. */
void acl_set_default_channels(struct acl *acl, bool all);

/* requirepass: the default user's one password, "" for none needed. */
enum status acl_set_default_password(struct acl *acl, struct slice password) MUST_CHECK;

/* Words of a client: rules for one user. */
struct acl_rules {
    struct slice user;
    const struct slice *words;
    size_t count;
};

/*
 * Makes *out a user as it would be with these rules: a copy of the one there is, or a new one.
 * INVALID: `why` has what ACL SETUSER answers after "ERR ". Nothing is in force before
 * acl_commit().
 */
enum status acl_stage(const struct acl *acl, const struct acl_rules *rules, struct acl_user **out,
                      struct buffer *why) MUST_CHECK;

/* Puts a staged user, which it takes over, in force. NO_MEMORY: it is destroyed. */
enum status acl_commit(struct acl *acl, struct acl_user *staged) MUST_CHECK;

/* Takes a user, not the default one, out: the caller's to destroy once no session points to it. */
void acl_remove(struct acl *acl, const struct acl_user *user);

/*
 * Puts the users of *users in force and gives back the former ones, except the default user: that
 * stays and gets the new rights (those of a fresh one when `users` has none).
 */
enum status acl_exchange(struct acl *acl, struct acl_users *users) MUST_CHECK;

/* Has a user changed since acl_mark_unchanged()? */
bool acl_is_changed(const struct acl *acl);
void acl_mark_unchanged(struct acl *acl);

#endif
