/*
 * pubsub.c - SUBSCRIBE PUBLISH PUBSUB and their kin: messages between clients.
 *
 * Without a cluster, shard channels are channels of a namespace of their own.
 */
#include "server/pubsub.h"

#include "base/glob.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/tables.h"
#include "engine/engine.h"
#include "server/publish.h"
#include "server/push.h"
#include "server/server.h"

/* --- subscribing --- */

struct subscription_words {
    const char *subscribe;
    const char *unsubscribe;
};

static const struct subscription_words words_of[PUBSUB_KIND_COUNT] = {
    [PUBSUB_CHANNEL] = {"subscribe", "unsubscribe"},
    [PUBSUB_PATTERN] = {"psubscribe", "punsubscribe"},
    [PUBSUB_SHARD] = {"ssubscribe", "sunsubscribe"},
};

/* What has become of one subscription, and how many there are now. */
static void confirm(struct call *call, const char *word, enum pubsub_kind kind,
                    const struct slice *name)
{
    struct reply_mark begin = reply_mark(call->reply);
    reply_push(call->reply, 3);
    reply_bulk_string(call->reply, word);
    if (name == NULL) {
        reply_null(call->reply);
    } else {
        reply_bulk(call->reply, *name);
    }
    reply_integer(call->reply,
                  (int64_t)pubsub_subscription_count(&call->session->subscriber, kind));
    push_own_end_locked(call->session, begin);
}

static void subscribe(struct call *call, enum pubsub_kind kind)
{
    for (size_t i = 1; i < call->argument_count; i++) {
        enum status status = pubsub_subscribe(server_pubsub(call->server),
                                              &call->session->subscriber, kind, call->arguments[i]);
        if (status != STATUS_OK) {
            errors_reply_status(call, status);
            break;
        }
        confirm(call, words_of[kind].subscribe, kind, &call->arguments[i]);
    }
    session_bound_reply(call->session);
}

static void unsubscribe_from_all(struct call *call, enum pubsub_kind kind)
{
    struct subscriber *subscriber = &call->session->subscriber;
    const struct subscription *first = pubsub_first_of(subscriber, kind);
    if (first == NULL) {
        confirm(call, words_of[kind].unsubscribe, kind, NULL);
        return;
    }
    for (; first != NULL; first = pubsub_first_of(subscriber, kind)) {
        /* The reply counts what is left, and the name goes with the last subscription to it. */
        struct slice name = first->topic->item.name;
        struct reply_mark begin = reply_mark(call->reply);
        reply_push(call->reply, 3);
        reply_bulk_string(call->reply, words_of[kind].unsubscribe);
        reply_bulk(call->reply, name);
        pubsub_unsubscribe(server_pubsub(call->server), subscriber, kind, name);
        reply_integer(call->reply, (int64_t)pubsub_subscription_count(subscriber, kind));
        push_own_end_locked(call->session, begin);
    }
}

static void unsubscribe(struct call *call, enum pubsub_kind kind)
{
    if (call->argument_count == 1) {
        unsubscribe_from_all(call, kind);
    }
    for (size_t i = 1; i < call->argument_count; i++) {
        pubsub_unsubscribe(server_pubsub(call->server), &call->session->subscriber, kind,
                           call->arguments[i]);
        confirm(call, words_of[kind].unsubscribe, kind, &call->arguments[i]);
    }
    session_bound_reply(call->session);
}

static void run_subscribe(struct call *call)
{
    subscribe(call, PUBSUB_CHANNEL);
}

static void run_unsubscribe(struct call *call)
{
    unsubscribe(call, PUBSUB_CHANNEL);
}

static void run_psubscribe(struct call *call)
{
    subscribe(call, PUBSUB_PATTERN);
}

static void run_punsubscribe(struct call *call)
{
    unsubscribe(call, PUBSUB_PATTERN);
}

static void run_ssubscribe(struct call *call)
{
    /* Of the three only this one is refused within a transaction, as in Redis. */
    if (call->session->transaction.open) {
        errors_reply_about(call->reply, ERROR_SUBSCRIBE_IN_TRANSACTION,
                           SLICE_LITERAL("SSUBSCRIBE"));
        return;
    }
    subscribe(call, PUBSUB_SHARD);
}

static void run_sunsubscribe(struct call *call)
{
    unsubscribe(call, PUBSUB_SHARD);
}

/* --- publishing --- */

/* A message may tell of what its sender has written: its receivers must not see less. */
static bool rests_on_writes(const struct call *call)
{
    bool failed;
    return call->session->transaction.open ||
           (call->session->write_position > 0 &&
            !engine_is_durable(server_engine(call->server), call->session->write_position,
                               &failed));
}

static void publish(struct call *call, enum pubsub_kind kind)
{
    size_t receivers =
        publish_locked(call->server, &(struct publication){.kind = kind,
                                                           .channel = call->arguments[1],
                                                           .message = call->arguments[2],
                                                           .rests = rests_on_writes(call)});
    reply_integer(call->reply, (int64_t)receivers);
}

static void run_publish(struct call *call)
{
    publish(call, PUBSUB_CHANNEL);
}

static void run_spublish(struct call *call)
{
    publish(call, PUBSUB_SHARD);
}

/* --- PUBSUB --- */

static void list_topics(struct call *call, enum pubsub_kind kind)
{
    if (call->argument_count > 3) {
        errors_reply_about(call->reply, ERROR_PUBSUB_ARGUMENTS, call->arguments[1]);
        return;
    }
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(call->reply);
    for (const struct topic *topic = pubsub_first(server_pubsub(call->server), kind); topic != NULL;
         topic = pubsub_next(topic)) {
        if (call->argument_count == 2 || glob_match(call->arguments[2], topic->item.name, false)) {
            reply_bulk(call->reply, topic->item.name);
            count++;
        }
    }
    reply_deferred_array(call->reply, mark, count);
}

static void count_subscribers(struct call *call, enum pubsub_kind kind)
{
    reply_array(call->reply, (call->argument_count - 2) * 2);
    for (size_t i = 2; i < call->argument_count; i++) {
        const struct topic *topic =
            pubsub_find(server_pubsub(call->server), kind, call->arguments[i]);
        reply_bulk(call->reply, call->arguments[i]);
        reply_integer(call->reply, topic == NULL ? 0 : (int64_t)topic->count);
    }
}

static void pubsub_channels(struct call *call)
{
    list_topics(call, PUBSUB_CHANNEL);
}

static void pubsub_shardchannels(struct call *call)
{
    list_topics(call, PUBSUB_SHARD);
}

static void pubsub_numsub(struct call *call)
{
    count_subscribers(call, PUBSUB_CHANNEL);
}

static void pubsub_shardnumsub(struct call *call)
{
    count_subscribers(call, PUBSUB_SHARD);
}

static void pubsub_numpat(struct call *call)
{
    reply_integer(call->reply,
                  (int64_t)pubsub_topic_count(server_pubsub(call->server), PUBSUB_PATTERN));
}

static void pubsub_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    List the channels that have subscribers, or those of them that match the pattern.",
        "NUMPAT",
        "    Count the patterns that have subscribers.",
        "NUMSUB [<channel> ...]",
        "    Count the subscribers of these channels, those of patterns not included.",
        "SHARDCHANNELS [<pattern>]",
        "    List the shard channels that have subscribers, or those that match the pattern.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Count the subscribers of these shard channels.",
        NULL,
    };
    help_reply(call, lines);
}

#define ROW_PUBSUB .group = "pubsub", .parent = &pubsub_commands[0]
#define ASKS       (COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE)
#define SUBSCRIBES (ASKS | COMMAND_NOSCRIPT | COMMAND_WHILE_SUBSCRIBED)
#define PUBLISHES  (ASKS | COMMAND_FAST | COMMAND_MAY_REPLICATE)

static const struct command pubsub_subcommands[] = {
    {.name = "channels",
     .handler = pubsub_channels,
     .arity = -2,
     .flags = ASKS,
     .since = "2.8.0",
     .summary = "Lists the channels that have subscribers",
     .complexity = "O(N) with N the number of channels",
     .syntax = "[pattern:pattern]",
     ROW_PUBSUB},
    {.name = "numpat",
     .handler = pubsub_numpat,
     .arity = 2,
     .flags = ASKS,
     .since = "2.8.0",
     .summary = "Counts the patterns that have subscribers",
     .complexity = "O(1)",
     ROW_PUBSUB},
    {.name = "numsub",
     .handler = pubsub_numsub,
     .arity = -2,
     .flags = ASKS,
     .since = "2.8.0",
     .summary = "Counts the subscribers of channels",
     .complexity = "O(N) with N the number of channels named",
     .syntax = "[channel...]",
     ROW_PUBSUB},
    {.name = "shardchannels",
     .handler = pubsub_shardchannels,
     .arity = -2,
     .flags = ASKS,
     .since = "7.0.0",
     .summary = "Lists the shard channels that have subscribers",
     .complexity = "O(N) with N the number of shard channels",
     .syntax = "[pattern:pattern]",
     ROW_PUBSUB},
    {.name = "shardnumsub",
     .handler = pubsub_shardnumsub,
     .arity = -2,
     .flags = ASKS,
     .since = "7.0.0",
     .summary = "Counts the subscribers of shard channels",
     .complexity = "O(N) with N the number of shard channels named",
     .syntax = "[shardchannel...]",
     ROW_PUBSUB},
    {.name = "help",
     .handler = pubsub_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "6.2.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_PUBSUB},
    {0},
};

const struct command pubsub_commands[] = {
    {.name = "pubsub",
     .arity = -2,
     .group = "pubsub",
     .since = "2.8.0",
     .summary = "A container for the commands about subscriptions",
     .complexity = "Depends on subcommand.",
     .subcommands = pubsub_subcommands},
    {.name = "subscribe",
     .handler = run_subscribe,
     .arity = -2,
     .flags = SUBSCRIBES,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Subscribes the connection to channels",
     .complexity = "O(N) with N the number of channels named",
     .syntax = "channel...",
     .channels = {.begin = 1}},
    {.name = "unsubscribe",
     .handler = run_unsubscribe,
     .arity = -1,
     .flags = SUBSCRIBES,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Ends subscriptions of the connection to channels, all if none is named",
     .complexity = "O(N) with N the number of the connection's channels or, if there are fewer, of "
                   "the channel's subscribers",
     .syntax = "[channel...]"},
    {.name = "psubscribe",
     .handler = run_psubscribe,
     .arity = -2,
     .flags = SUBSCRIBES,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Subscribes the connection to all channels that match patterns",
     .complexity = "O(N) with N the number of patterns named",
     .syntax = "pattern(pattern:pattern)...",
     .channels = {.begin = 1, .is_pattern = true}},
    {.name = "punsubscribe",
     .handler = run_punsubscribe,
     .arity = -1,
     .flags = SUBSCRIBES,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Ends subscriptions of the connection to patterns, all if none is named",
     .complexity = "O(N) with N the number of the connection's patterns or, if there are fewer, of "
                   "the pattern's subscribers",
     .syntax = "[pattern:pattern...]"},
    {.name = "publish",
     .handler = run_publish,
     .arity = 3,
     .flags = PUBLISHES,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Sends a message to the subscribers of a channel",
     .complexity = "O(N+M) with N the number of subscribers of the channel and M the number of "
                   "patterns that have subscribers",
     .syntax = "channel message",
     .channels = {.begin = 1, .count = 1}},
    {.name = "ssubscribe",
     .handler = run_ssubscribe,
     .arity = -2,
     .flags = SUBSCRIBES,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Subscribes the connection to shard channels",
     .complexity = "O(N) with N the number of shard channels named",
     .syntax = "shardchannel...",
     .keys = {{1, -1, 1, KEY_NOT_KEY, NULL}},
     .channels = {.begin = 1}},
    {.name = "sunsubscribe",
     .handler = run_sunsubscribe,
     .arity = -1,
     .flags = SUBSCRIBES,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Ends subscriptions of the connection to shard channels, all if none is named",
     .complexity = "O(N) with N the number of the connection's shard channels or, if there are "
                   "fewer, of the channel's subscribers",
     .syntax = "[shardchannel...]",
     .keys = {{1, -1, 1, KEY_NOT_KEY, NULL}}},
    {.name = "spublish",
     .handler = run_spublish,
     .arity = 3,
     .flags = PUBLISHES,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Sends a message to the subscribers of a shard channel",
     .complexity = "O(N) with N the number of subscribers of the shard channel",
     .syntax = "shardchannel message",
     .keys = {{1, 0, 1, KEY_NOT_KEY, NULL}},
     .channels = {.begin = 1, .count = 1}},
    {0},
};
