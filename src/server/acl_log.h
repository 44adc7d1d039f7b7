/*
 * acl_log.h - what was refused: the log that ACL LOG shows, the newest entry first.
 *
 * Wants the execution lock. An event like one of the last few within a minute adds to that one's
 * count.
 */
#ifndef SCDB_SERVER_ACL_LOG_H
#define SCDB_SERVER_ACL_LOG_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum acl_reason { ACL_REASON_COMMAND, ACL_REASON_KEY, ACL_REASON_CHANNEL, ACL_REASON_LOGIN };

enum acl_context { ACL_CONTEXT_TOP, ACL_CONTEXT_TRANSACTION, ACL_CONTEXT_SCRIPT };

/* What happened; slices are borrowed. */
struct acl_event {
    enum acl_reason reason;
    enum acl_context context;
    struct slice object; /* the command, key or channel; for a login, the command that tried */
    struct slice user;
    struct slice client; /* a line as CLIENT INFO has it */
    int64_t time_ms;     /* Unix */
};

struct acl_log_entry {
    struct acl_event event; /* of the last time; its slices are owned */
    uint64_t count;
    struct acl_log_entry *next; /* older */
};

struct acl_log {
    struct acl_log_entry *newest; /* owned */
    size_t count;
};

/* Keeps at most `maximum` entries. Without memory the event is not kept. */
void acl_log_add(struct acl_log *log, const struct acl_event *event, size_t maximum);
void acl_log_clear(struct acl_log *log);

#endif
