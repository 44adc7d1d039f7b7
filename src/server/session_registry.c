/* session_registry.c - see session_registry.h. */
#include "server/session_registry.h"

#include "base/check.h"

#include <stdlib.h>

#define BUCKETS_MIN 256

enum status session_registry_init(struct session_registry *registry)
{
    struct session **buckets = calloc(BUCKETS_MIN, sizeof(struct session *));
    if (buckets == NULL) {
        return STATUS_NO_MEMORY;
    }
    *registry = (struct session_registry){.buckets = buckets, .bucket_count = BUCKETS_MIN};
    return STATUS_OK;
}

void session_registry_deinit(struct session_registry *registry)
{
    CHECK(registry->count == 0);
    free(registry->buckets);
}

static struct session **bucket_of(const struct session_registry *registry, uint64_t id)
{
    return &registry->buckets[id & (registry->bucket_count - 1)];
}

static void put_into_bucket(struct session_registry *registry, struct session *session)
{
    struct session **bucket = bucket_of(registry, session->id);
    session->next_in_bucket = *bucket;
    *bucket = session;
}

/* Chains grow longer when there is no memory for more of them. */
static void grow(struct session_registry *registry)
{
    size_t count = registry->bucket_count * 2;
    struct session **buckets = calloc(count, sizeof(struct session *));
    if (buckets == NULL) {
        return;
    }
    free(registry->buckets);
    registry->buckets = buckets;
    registry->bucket_count = count;
    for (struct session *each = registry->first; each != NULL; each = each->next) {
        put_into_bucket(registry, each);
    }
}

void session_registry_add(struct session_registry *registry, struct session *session)
{
    if (registry->count >= registry->bucket_count) {
        grow(registry);
    }
    /* Ids rise with the time of accepting; workers register a little out of order. */
    struct session *before = registry->last;
    while (before != NULL && before->id > session->id) {
        before = before->previous;
    }
    session->previous = before;
    session->next = before == NULL ? registry->first : before->next;
    *(before == NULL ? &registry->first : &before->next) = session;
    *(session->next == NULL ? &registry->last : &session->next->previous) = session;
    put_into_bucket(registry, session);
    registry->count++;
}

void session_registry_remove(struct session_registry *registry, struct session *session)
{
    struct session **link = bucket_of(registry, session->id);
    while (*link != session) {
        CHECK(*link != NULL);
        link = &(*link)->next_in_bucket;
    }
    *link = session->next_in_bucket;
    *(session->previous == NULL ? &registry->first : &session->previous->next) = session->next;
    *(session->next == NULL ? &registry->last : &session->next->previous) = session->previous;
    registry->count--;
}

struct session *session_registry_find(const struct session_registry *registry, uint64_t id)
{
    struct session *session = *bucket_of(registry, id);
    while (session != NULL && session->id != id) {
        session = session->next_in_bucket;
    }
    return session;
}
