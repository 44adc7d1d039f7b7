/*
 * events.h - what a command tells of the keys that it has changed (notify-keyspace-events).
 *
 * Called where Redis does it: behind the change and, but for commands that reply with an old value,
 * in front of the reply, which a client that listens to itself can see. Execution lock held.
 */
#ifndef SCDB_COMMANDS_EVENTS_H
#define SCDB_COMMANDS_EVENTS_H

#include "server/command.h"
#include "server/notify.h"
#include "server/session.h"

/* In the session's database. */
static inline void events_tell(const struct call *call, enum event_class class, const char *event,
                               struct slice key)
{
    notify_locked(call->server, class, event, call->session->database, key);
}

/* A key has got another expiry: none (EXPIRY_NONE), or one that has passed, which deletes it. */
void events_tell_expiry(const struct call *call, struct slice key, int64_t expiry_ms);

#endif
