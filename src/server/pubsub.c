/* pubsub.c - see pubsub.h. */
#include "server/pubsub.h"

#include <stdlib.h>

/* --- life --- */

enum status pubsub_init(struct pubsub *pubsub, uint64_t seed)
{
    *pubsub = (struct pubsub){0};
    for (size_t kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        enum status status = name_map_init(&pubsub->topics[kind], seed + kind);
        if (status != STATUS_OK) {
            while (kind-- > 0) {
                name_map_deinit(&pubsub->topics[kind]);
            }
            return status;
        }
    }
    return STATUS_OK;
}

void pubsub_deinit(struct pubsub *pubsub)
{
    for (size_t kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        name_map_deinit(&pubsub->topics[kind]);
    }
}

/* --- finding --- */

static struct topic *topic_of(struct name_item *item)
{
    return (struct topic *)(void *)item;
}

struct topic *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind, struct slice name)
{
    return topic_of(name_map_find(&pubsub->topics[kind], name));
}

struct topic *pubsub_first(const struct pubsub *pubsub, enum pubsub_kind kind)
{
    return topic_of(pubsub->topics[kind].first);
}

struct topic *pubsub_next(const struct topic *topic)
{
    return topic_of(topic->item.next);
}

size_t pubsub_topic_count(const struct pubsub *pubsub, enum pubsub_kind kind)
{
    return pubsub->topics[kind].count;
}

struct subscription *pubsub_first_of(const struct subscriber *subscriber, enum pubsub_kind kind)
{
    return subscriber->of_kind == NULL ? NULL : subscriber->of_kind[kind].first;
}

size_t pubsub_count_of(const struct subscriber *subscriber, enum pubsub_kind kind)
{
    return subscriber->of_kind == NULL ? 0 : subscriber->of_kind[kind].count;
}

size_t pubsub_subscription_count(const struct subscriber *subscriber, enum pubsub_kind kind)
{
    if (kind == PUBSUB_SHARD) {
        return pubsub_count_of(subscriber, PUBSUB_SHARD);
    }
    return pubsub_count_of(subscriber, PUBSUB_CHANNEL) +
           pubsub_count_of(subscriber, PUBSUB_PATTERN);
}

size_t pubsub_memory(const struct subscriber *subscriber)
{
    if (subscriber->of_kind == NULL) {
        return 0;
    }
    size_t count = 0;
    for (size_t kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        count += subscriber->of_kind[kind].count;
    }
    return PUBSUB_KIND_COUNT * sizeof(*subscriber->of_kind) +
           count * (sizeof(struct subscription) + sizeof(struct topic));
}

/* Goes through both lists at the same pace: as long as the shorter of them. */
static struct subscription *find_subscription(const struct topic *topic,
                                              const struct subscriber *subscriber,
                                              enum pubsub_kind kind)
{
    struct subscription *of_topic = topic->first;
    struct subscription *of_subscriber = pubsub_first_of(subscriber, kind);
    while (of_topic != NULL && of_subscriber != NULL) {
        if (of_topic->subscriber == subscriber) {
            return of_topic;
        }
        if (of_subscriber->topic == topic) {
            return of_subscriber;
        }
        of_topic = of_topic->next_of_topic;
        of_subscriber = of_subscriber->next_of_subscriber;
    }
    return NULL;
}

/* --- changing --- */

static struct topic *create_topic(struct slice name)
{
    struct topic *topic = calloc(1, sizeof(*topic) + name.size);
    if (topic == NULL) {
        return NULL;
    }
    topic->item.name = slice_make(topic->name, name.size);
    if (name.size > 0) {
        memcpy(topic->name, name.data, name.size);
    }
    return topic;
}

static void link_subscription(struct subscription *subscription, enum pubsub_kind kind)
{
    struct topic *topic = subscription->topic;
    struct subscriptions *own = &subscription->subscriber->of_kind[kind];
    struct subscription *last = topic->last;
    subscription->previous_of_topic = last;
    *(last == NULL ? &topic->first : &last->next_of_topic) = subscription;
    topic->last = subscription;
    topic->count++;
    last = own->last;
    subscription->previous_of_subscriber = last;
    *(last == NULL ? &own->first : &last->next_of_subscriber) = subscription;
    own->last = subscription;
    own->count++;
}

static void unlink_subscription(struct subscription *subscription, enum pubsub_kind kind)
{
    struct topic *topic = subscription->topic;
    struct subscriptions *own = &subscription->subscriber->of_kind[kind];
    struct subscription *next = subscription->next_of_topic;
    struct subscription *previous = subscription->previous_of_topic;
    *(previous == NULL ? &topic->first : &previous->next_of_topic) = next;
    *(next == NULL ? &topic->last : &next->previous_of_topic) = previous;
    topic->count--;
    next = subscription->next_of_subscriber;
    previous = subscription->previous_of_subscriber;
    *(previous == NULL ? &own->first : &previous->next_of_subscriber) = next;
    *(next == NULL ? &own->last : &next->previous_of_subscriber) = previous;
    own->count--;
}

/* It has lists for all kinds while it has a subscription of any. */
static bool open_lists(struct subscriber *subscriber)
{
    if (subscriber->of_kind == NULL) {
        subscriber->of_kind = calloc(PUBSUB_KIND_COUNT, sizeof(*subscriber->of_kind));
    }
    return subscriber->of_kind != NULL;
}

static void close_lists_if_empty(struct subscriber *subscriber)
{
    bool is_active = pubsub_subscription_count(subscriber, PUBSUB_CHANNEL) > 0 ||
                     pubsub_subscription_count(subscriber, PUBSUB_SHARD) > 0;
    atomic_store_explicit(&subscriber->is_active, is_active, memory_order_relaxed);
    if (!is_active) {
        free(subscriber->of_kind);
        subscriber->of_kind = NULL;
    }
}

enum status pubsub_subscribe(struct pubsub *pubsub, struct subscriber *subscriber,
                             enum pubsub_kind kind, struct slice name)
{
    struct topic *topic = pubsub_find(pubsub, kind, name);
    if (topic != NULL && find_subscription(topic, subscriber, kind) != NULL) {
        return STATUS_OK;
    }
    bool has_topic = topic != NULL;
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    topic = has_topic ? topic : create_topic(name);
    if (subscription == NULL || topic == NULL || !open_lists(subscriber)) {
        free(subscription);
        free(has_topic ? NULL : topic);
        return STATUS_NO_MEMORY;
    }
    if (!has_topic) {
        name_map_add(&pubsub->topics[kind], &topic->item);
    }
    subscription->topic = topic;
    subscription->subscriber = subscriber;
    link_subscription(subscription, kind);
    atomic_store_explicit(&subscriber->is_active, true, memory_order_relaxed);
    return STATUS_OK;
}

static void end_subscription(struct pubsub *pubsub, struct subscriber *subscriber,
                             enum pubsub_kind kind, struct subscription *subscription)
{
    struct topic *topic = subscription->topic;
    unlink_subscription(subscription, kind);
    free(subscription);
    if (topic->count == 0) {
        name_map_remove(&pubsub->topics[kind], &topic->item);
        free(topic);
    }
    close_lists_if_empty(subscriber);
}

void pubsub_unsubscribe(struct pubsub *pubsub, struct subscriber *subscriber, enum pubsub_kind kind,
                        struct slice name)
{
    const struct topic *topic = pubsub_find(pubsub, kind, name);
    struct subscription *subscription =
        topic == NULL ? NULL : find_subscription(topic, subscriber, kind);
    if (subscription != NULL) {
        end_subscription(pubsub, subscriber, kind, subscription);
    }
}

void pubsub_unsubscribe_all(struct pubsub *pubsub, struct subscriber *subscriber)
{
    for (unsigned kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        struct subscription *subscription;
        while ((subscription = pubsub_first_of(subscriber, (enum pubsub_kind)kind)) != NULL) {
            end_subscription(pubsub, subscriber, (enum pubsub_kind)kind, subscription);
        }
    }
}
