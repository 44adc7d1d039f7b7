/*
 * session_registry.h - all sessions: in the order of their ids, and by id.
 *
 * Wants the execution lock. Sessions are linked in, not owned: whoever adds one removes it before
 * it goes.
 */
#ifndef SCDB_SERVER_SESSION_REGISTRY_H
#define SCDB_SERVER_SESSION_REGISTRY_H

#include "base/status.h"
#include "server/session.h"

struct session_registry {
    struct session *first;
    struct session *last;
    struct session **buckets; /* owned, by id; chained through session->next_in_bucket */
    size_t bucket_count;      /* a power of two */
    size_t count;
};

/* NO_MEMORY: nothing to deinit. */
enum status session_registry_init(struct session_registry *registry) MUST_CHECK;
void session_registry_deinit(struct session_registry *registry);

void session_registry_add(struct session_registry *registry, struct session *session);
void session_registry_remove(struct session_registry *registry, struct session *session);

/* NULL: no such session. */
struct session *session_registry_find(const struct session_registry *registry, uint64_t id);

#endif
