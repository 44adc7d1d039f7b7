/*
 * acl_users.h - a set of users in the order of their names, and its form as text: a line "user NAME
 * rules" for each, which is how aclfile and the configuration file have them.
 *
 * A set owns its users. Pure; the caller keeps others off a set that it changes.
 */
#ifndef SCDB_SERVER_ACL_USERS_H
#define SCDB_SERVER_ACL_USERS_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "server/acl_user.h"

#include <stddef.h>

/* Without a password, for everything: what there is before anybody says otherwise. */
#define ACL_DEFAULT_USER SLICE_LITERAL("default")

struct acl_users {
    struct acl_user **items; /* owned */
    size_t count;
    size_t capacity;
};

/* Destroys all users; the set is empty and usable again. */
void acl_users_clear(struct acl_users *users);

/* NULL: there is none of that name. Borrowed. */
struct acl_user *acl_users_find(const struct acl_users *users, struct slice name);

/* Takes the user over; its name must be new to the set. NO_MEMORY: it is still the caller's. */
enum status acl_users_add(struct acl_users *users, struct acl_user *user) MUST_CHECK;

/* Takes the user, which must be there, out: it is the caller's. */
void acl_users_remove(struct acl_users *users, const struct acl_user *user);

/* The default user as it is at first. */
enum status acl_users_create_default(const struct acl_terms *terms,
                                     struct acl_user **out) MUST_CHECK;

/* Appends a user's line, without its end: "user NAME on nopass ...". A line that a client sees may
 * have line ends in it (a first argument, say "+get|a\nb"). */
enum status acl_users_describe_one(const struct acl_user *user, const struct acl_commands *commands,
                                   struct buffer *out) MUST_CHECK;

/* Appends the lines of all users. */
enum status acl_users_describe(const struct acl_users *users, const struct acl_commands *commands,
                               struct buffer *out) MUST_CHECK;

/*
 * Reads the text of an aclfile; `users` must be empty. INVALID: `why` names all that is wrong, in
 * Redis's words; `origin` is the file's name for them. What has been read must be cleared all the
 * same.
 */
struct acl_text {
    const char *origin;
    struct slice text;
};
enum status acl_users_parse(const struct acl_text *file, const struct acl_terms *terms,
                            struct acl_users *users, struct buffer *why) MUST_CHECK;

#endif
