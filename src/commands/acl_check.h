/*
 * acl_check.h - may this user do that? What dispatch, EXEC and ACL DRYRUN ask.
 *
 * What a command does with keys and channels is known from its row. Wants the execution lock.
 */
#ifndef SCDB_COMMANDS_ACL_CHECK_H
#define SCDB_COMMANDS_ACL_CHECK_H

#include "base/slice.h"
#include "commands/errors.h"
#include "server/acl.h"
#include "server/command.h"
#include "server/session.h"

#include <stdbool.h>
#include <stddef.h>

enum acl_verdict { ACL_ALLOWED, ACL_DENIED_COMMAND, ACL_DENIED_KEY, ACL_DENIED_CHANNEL };

/* The number of arguments fits the command. *culprit: the one that was denied, of a key or a
 * channel. Of several selectors, the denial that came closest to allowing the command counts, as in
 * Redis. Pure. */
enum acl_verdict acl_check(const struct acl_user *user, const struct request_words *request,
                           size_t *culprit);

/* Nothing needs to be checked: one look for the user that may do everything. */
static inline bool acl_check_is_spared(const struct session *session)
{
    return session->authenticated && session->user->is_unrestricted;
}

/* Why the session's user may not; ERROR_NONE: it may. A denial is noted in the log. */
enum client_error acl_check_session(const struct session *session,
                                    const struct request_words *request);

/* The same for a command that was allowed when it was queued. False: an error was replied. */
bool acl_check_queued(const struct call *call);

/* Notes a failed login in the log. */
void acl_check_note_login(const struct call *call, struct slice user);

#endif
