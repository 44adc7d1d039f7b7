/* pubsub_test.c - who has subscribed to what, against a model that is a table of truths. */
#include "server/pubsub.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SUBSCRIBERS 12
#define NAMES       40

static struct pubsub pubsub;
static struct subscriber subscribers[SUBSCRIBERS];
static bool model[SUBSCRIBERS][PUBSUB_KIND_COUNT][NAMES];

static void set_up(void)
{
    ck_assert_int_eq(pubsub_init(&pubsub, 7), STATUS_OK);
    memset(subscribers, 0, sizeof(subscribers));
    memset(model, 0, sizeof(model));
}

static void tear_down(void)
{
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        pubsub_unsubscribe_all(&pubsub, &subscribers[i]);
    }
    pubsub_deinit(&pubsub);
}

static struct slice name_of(size_t number)
{
    static char text[16];
    return number == 0 ? slice_make(NULL, 0)
                       : slice_make(text, (size_t)snprintf(text, sizeof(text), "n%zu", number));
}

START_TEST(a_topic_lives_while_it_has_subscribers)
{
    struct subscriber *one = &subscribers[0];
    struct subscriber *two = &subscribers[1];
    struct slice name = SLICE_LITERAL("news");
    ck_assert(!atomic_load(&one->is_active));
    ck_assert_int_eq(pubsub_subscribe(&pubsub, one, PUBSUB_CHANNEL, name), STATUS_OK);
    ck_assert_int_eq(pubsub_subscribe(&pubsub, one, PUBSUB_CHANNEL, name), STATUS_OK);
    ck_assert_int_eq(pubsub_subscribe(&pubsub, two, PUBSUB_CHANNEL, name), STATUS_OK);
    ck_assert_int_eq(pubsub_subscribe(&pubsub, two, PUBSUB_SHARD, name), STATUS_OK);
    ck_assert_uint_eq(pubsub_find(&pubsub, PUBSUB_CHANNEL, name)->count, 2);
    ck_assert_ptr_eq(pubsub_find(&pubsub, PUBSUB_CHANNEL, name)->first->subscriber, one);
    ck_assert_ptr_null(pubsub_find(&pubsub, PUBSUB_PATTERN, name));
    ck_assert(atomic_load(&one->is_active));
    pubsub_unsubscribe(&pubsub, one, PUBSUB_CHANNEL, name);
    pubsub_unsubscribe(&pubsub, one, PUBSUB_CHANNEL, name);
    ck_assert(!atomic_load(&one->is_active));
    pubsub_unsubscribe(&pubsub, two, PUBSUB_CHANNEL, name);
    ck_assert_ptr_null(pubsub_find(&pubsub, PUBSUB_CHANNEL, name));
    ck_assert_uint_eq(pubsub_topic_count(&pubsub, PUBSUB_CHANNEL), 0);
    ck_assert_uint_eq(pubsub_topic_count(&pubsub, PUBSUB_SHARD), 1);
    ck_assert(atomic_load(&two->is_active));
}
END_TEST

START_TEST(counts_what_replies_count)
{
    struct subscriber *one = &subscribers[0];
    ck_assert_int_eq(pubsub_subscribe(&pubsub, one, PUBSUB_CHANNEL, name_of(1)), STATUS_OK);
    ck_assert_int_eq(pubsub_subscribe(&pubsub, one, PUBSUB_PATTERN, name_of(1)), STATUS_OK);
    ck_assert_int_eq(pubsub_subscribe(&pubsub, one, PUBSUB_SHARD, name_of(1)), STATUS_OK);
    ck_assert_uint_eq(pubsub_subscription_count(one, PUBSUB_CHANNEL), 2);
    ck_assert_uint_eq(pubsub_subscription_count(one, PUBSUB_PATTERN), 2);
    ck_assert_uint_eq(pubsub_subscription_count(one, PUBSUB_SHARD), 1);
}
END_TEST

static size_t count_in_model(size_t kind, size_t name)
{
    size_t count = 0;
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        count += model[i][kind][name];
    }
    return count;
}

static void compare_with_model(void)
{
    for (unsigned kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        size_t topics = 0;
        for (size_t name = 0; name < NAMES; name++) {
            const struct topic *topic = pubsub_find(&pubsub, (enum pubsub_kind)kind, name_of(name));
            size_t count = count_in_model(kind, name);
            ck_assert_uint_eq(topic == NULL ? 0 : topic->count, count);
            topics += count > 0 ? 1 : 0;
            size_t listed = 0;
            for (const struct subscription *each = topic == NULL ? NULL : topic->first;
                 each != NULL; each = each->next_of_topic) {
                ck_assert(model[each->subscriber - subscribers][kind][name]);
                listed++;
            }
            ck_assert_uint_eq(listed, count);
        }
        size_t walked = 0;
        for (const struct topic *topic = pubsub_first(&pubsub, (enum pubsub_kind)kind);
             topic != NULL; topic = pubsub_next(topic)) {
            walked++;
        }
        ck_assert_uint_eq(walked, topics);
        ck_assert_uint_eq(pubsub_topic_count(&pubsub, (enum pubsub_kind)kind), topics);
    }
}

static void take_step(struct test_random *random)
{
    size_t who = test_random_below(random, SUBSCRIBERS);
    unsigned kind = (unsigned)test_random_below(random, PUBSUB_KIND_COUNT);
    size_t name = test_random_below(random, NAMES);
    if (test_random_one_in(random, 100)) {
        pubsub_unsubscribe_all(&pubsub, &subscribers[who]);
        memset(model[who], 0, sizeof(model[who]));
    } else if (test_random_one_in(random, 2)) {
        ck_assert_int_eq(
            pubsub_subscribe(&pubsub, &subscribers[who], (enum pubsub_kind)kind, name_of(name)),
            STATUS_OK);
        model[who][kind][name] = true;
    } else {
        pubsub_unsubscribe(&pubsub, &subscribers[who], (enum pubsub_kind)kind, name_of(name));
        model[who][kind][name] = false;
    }
}

START_TEST(random_steps_match_the_model)
{
    struct test_random random;
    test_random_init(&random, test_seed("pubsub_test"));
    for (size_t i = 0; i < 20000; i++) {
        take_step(&random);
        if (i % 100 == 0) {
            compare_with_model();
        }
    }
    compare_with_model();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pubsub");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_topic_lives_while_it_has_subscribers);
    tcase_add_test(tests, counts_what_replies_count);
    tcase_add_test(tests, random_steps_match_the_model);
    return test_run("pubsub", tests);
}
