/*
 * pubsub.h - which client has subscribed to what: a registry for all workers, under the execution
 * lock.
 *
 * A topic is a channel, a pattern of channels, or a shard channel; it is there while somebody is
 * subscribed to it. The registry knows no sockets: publish.h walks through it and hands messages to
 * push.h. All functions want the execution lock.
 */
#ifndef SCDB_SERVER_PUBSUB_H
#define SCDB_SERVER_PUBSUB_H

#include "base/slice.h"
#include "base/status.h"
#include "server/name_map.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct subscriber;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KIND_COUNT };

struct topic {
    struct name_item item; /* its name; in the registry's map of its kind */
    struct subscription *first;
    struct subscription *last;
    size_t count;
    char name[]; /* the bytes that item.name points to */
};

/* One subscriber's subscription to one topic, in the lists of both. */
struct subscription {
    struct topic *topic;
    struct subscriber *subscriber;
    struct subscription *next_of_topic;
    struct subscription *previous_of_topic;
    struct subscription *next_of_subscriber;
    struct subscription *previous_of_subscriber;
};

/* One subscriber's subscriptions of one kind, in the order of subscribing. */
struct subscriptions {
    struct subscription *first;
    struct subscription *last;
    size_t count;
};

/* Lives in each session; all zero but `session` = subscribed to nothing. */
struct subscriber {
    struct session *session;       /* whose it is */
    struct subscriptions *of_kind; /* owned, an array of PUBSUB_KIND_COUNT; NULL: it has none */
    _Atomic bool is_active;        /* subscribed to anything; any thread reads */
};

struct pubsub {
    struct name_map topics[PUBSUB_KIND_COUNT];
};

/* NO_MEMORY: nothing to deinit. */
enum status pubsub_init(struct pubsub *pubsub, uint64_t seed) MUST_CHECK;

/* Nobody is subscribed any more (CHECKed). */
void pubsub_deinit(struct pubsub *pubsub);

/* Subscribing again changes nothing. NO_MEMORY: nothing has changed. */
enum status pubsub_subscribe(struct pubsub *pubsub, struct subscriber *subscriber,
                             enum pubsub_kind kind, struct slice name) MUST_CHECK;

/* Nothing happens when there is no such subscription. */
void pubsub_unsubscribe(struct pubsub *pubsub, struct subscriber *subscriber, enum pubsub_kind kind,
                        struct slice name);
void pubsub_unsubscribe_all(struct pubsub *pubsub, struct subscriber *subscriber);

/* NULL: it has no subscribers. */
struct topic *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind, struct slice name);

/* All topics of a kind, from the oldest on: first, then next; NULL = no more. */
struct topic *pubsub_first(const struct pubsub *pubsub, enum pubsub_kind kind);
struct topic *pubsub_next(const struct topic *topic);

size_t pubsub_topic_count(const struct pubsub *pubsub, enum pubsub_kind kind);

/* A subscriber's subscriptions of a kind, from the oldest on: first, then next_of_subscriber. */
struct subscription *pubsub_first_of(const struct subscriber *subscriber, enum pubsub_kind kind);
size_t pubsub_count_of(const struct subscriber *subscriber, enum pubsub_kind kind);

/* What a reply to (P)SUBSCRIBE counts: channels and patterns; to SSUBSCRIBE: shard channels. */
size_t pubsub_subscription_count(const struct subscriber *subscriber, enum pubsub_kind kind);

/* Bytes that its subscriptions take, without the names, as if each topic were its own. */
size_t pubsub_memory(const struct subscriber *subscriber);

#endif
