/* pubsub_server_test.c - messages between clients of several workers: order, limits, ends. */
#include "support/test_run.h"
#include "support/test_server.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct test_server *server;

/* --- many to many ---------------------------------------------------------------------------- */

#define PUBLISHERS   6
#define SUBSCRIBERS  8
#define MESSAGES     400 /* of each publisher */
#define PIPELINE     20
#define MESSAGE_SIZE (sizeof("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$7\r\n0-00000\r\n") - 1)

struct subscriber_thread {
    pthread_t thread;
    int client;
    struct buffer received;
};

static void *receive_all(void *context)
{
    struct subscriber_thread *subscriber = context;
    ck_assert(test_receive(subscriber->client, PUBLISHERS * MESSAGES * MESSAGE_SIZE,
                           &subscriber->received));
    return NULL;
}

struct publisher_thread {
    pthread_t thread;
    unsigned number;
};

static void *publish_all(void *context)
{
    const struct publisher_thread *publisher = context;
    int client = test_server_connect(server);
    struct buffer requests = {0};
    char reply[16];
    (void)snprintf(reply, sizeof(reply), ":%d\r\n", SUBSCRIBERS);
    for (unsigned i = 0; i < MESSAGES; i += PIPELINE) {
        requests.size = 0;
        for (unsigned k = i; k < i + PIPELINE; k++) {
            char words[64];
            (void)snprintf(words, sizeof(words), "PUBLISH news %u-%05u", publisher->number, k);
            test_request(&requests, words);
        }
        test_send(client, buffer_slice(&requests));
        for (unsigned k = 0; k < PIPELINE; k++) {
            test_expect_reply(client, reply);
        }
    }
    buffer_deinit(&requests);
    (void)close(client);
    return NULL;
}

/* Clients that subscribe to the same channel and go, with messages on the way to them. */
static void *come_and_go(void *context)
{
    (void)context;
    for (size_t i = 0; i < 100; i++) {
        int client = test_server_connect(server);
        test_expect(client, "PSUBSCRIBE nothing* other",
                    "*3\r\n$10\r\npsubscribe\r\n$8\r\nnothing*"
                    "\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$5\r\n"
                    "other\r\n:2\r\n");
        test_send(client, SLICE_LITERAL("PUNSUBSCRIBE\r\nSUBSCRIBE a\r\nPSUBSCRIBE b*\r\n"));
        (void)close(client);
    }
    return NULL;
}

static void check_order(const struct subscriber_thread *subscriber)
{
    unsigned next[PUBLISHERS] = {0};
    for (size_t i = 0; i < PUBLISHERS * (size_t)MESSAGES; i++) {
        const char *message = subscriber->received.data + (i + 1) * MESSAGE_SIZE - 9;
        unsigned publisher = (unsigned)(message[0] - '0');
        ck_assert_uint_lt(publisher, PUBLISHERS);
        ck_assert_uint_eq(strtoul(message + 2, NULL, 10), next[publisher]);
        next[publisher]++;
    }
}

START_TEST(all_subscribers_see_all_messages_in_the_same_order)
{
    static struct subscriber_thread subscribers[SUBSCRIBERS];
    static struct publisher_thread publishers[PUBLISHERS];
    server = test_server_start("threads 3");
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        subscribers[i].client = test_server_connect(server);
        test_expect(subscribers[i].client, "SUBSCRIBE news",
                    "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
        ck_assert_int_eq(pthread_create(&subscribers[i].thread, NULL, receive_all, &subscribers[i]),
                         0);
    }
    pthread_t guests;
    ck_assert_int_eq(pthread_create(&guests, NULL, come_and_go, NULL), 0);
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        publishers[i].number = i;
        ck_assert_int_eq(pthread_create(&publishers[i].thread, NULL, publish_all, &publishers[i]),
                         0);
    }
    for (size_t i = 0; i < PUBLISHERS; i++) {
        ck_assert_int_eq(pthread_join(publishers[i].thread, NULL), 0);
    }
    ck_assert_int_eq(pthread_join(guests, NULL), 0);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        ck_assert_int_eq(pthread_join(subscribers[i].thread, NULL), 0);
        ck_assert_mem_eq(subscribers[i].received.data, subscribers[0].received.data,
                         PUBLISHERS * MESSAGES * MESSAGE_SIZE);
    }
    check_order(&subscribers[0]);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        buffer_deinit(&subscribers[i].received);
        (void)close(subscribers[i].client);
    }
    test_server_stop(server);
}
END_TEST

/* --- order against replies ------------------------------------------------------------------- */

START_TEST(nothing_comes_behind_the_end_of_a_subscription)
{
    server = test_server_start("threads 3");
    int publisher = test_server_connect(server);
    int subscribers[6]; /* two on each worker */
    for (size_t i = 0; i < 6; i++) {
        subscribers[i] = test_server_connect(server);
    }
    for (size_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < 6; i++) {
            test_expect(subscribers[i], "SUBSCRIBE a",
                        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
        }
        test_expect(publisher, "PUBLISH a x", ":6\r\n");
        for (size_t i = 0; i < 6; i++) {
            test_expect(subscribers[i], "UNSUBSCRIBE a",
                        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"
                        "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
        }
        test_expect(publisher, "PUBLISH a x", ":0\r\n");
    }
    for (size_t i = 0; i < 6; i++) {
        (void)close(subscribers[i]);
    }
    (void)close(publisher);
    test_server_stop(server);
}
END_TEST

/* --- limits ---------------------------------------------------------------------------------- */

/* Publishes to "a" until nobody is left to hear it, at most for some time; returns that time. */
static int64_t publish_until_nobody_listens(int publisher)
{
    struct timespec begin;
    struct timespec now;
    struct buffer requests = {0};
    struct buffer reply = {0};
    char *value = calloc(1, 100000);
    ck_assert_ptr_nonnull(value);
    struct slice words[] = {SLICE_LITERAL("PUBLISH"), SLICE_LITERAL("a"),
                            slice_make(value, 100000)};
    test_request_slices(&requests, words, 3);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        reply.size = 0;
        test_send(publisher, buffer_slice(&requests));
        ck_assert(test_receive(publisher, 4, &reply));
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        ck_assert_int_lt(now.tv_sec - begin.tv_sec, 30);
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    } while (reply.data[1] != '0');
    free(value);
    buffer_deinit(&requests);
    buffer_deinit(&reply);
    return (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
}

START_TEST(a_subscriber_that_does_not_read_is_closed_at_the_hard_limit)
{
    server = test_server_start("client-output-buffer-limit pubsub 2mb 0 0\nthreads 2");
    int publisher = test_server_connect(server);
    int slow = test_server_connect(server);
    test_expect(slow, "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    (void)publish_until_nobody_listens(publisher);
    (void)close(slow);
    (void)close(publisher);
    test_server_stop(server);
}
END_TEST

START_TEST(a_subscriber_may_be_over_the_soft_limit_for_some_seconds)
{
    server = test_server_start("client-output-buffer-limit pubsub 0 1mb 2\nthreads 2");
    int publisher = test_server_connect(server);
    int slow = test_server_connect(server);
    test_expect(slow, "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    ck_assert_int_ge(publish_until_nobody_listens(publisher), 1900);
    (void)close(slow);
    (void)close(publisher);
    test_server_stop(server);
}
END_TEST

/* --- more than can be sent ------------------------------------------------------------------- */

#define FLOOD_MESSAGES 300
#define FLOOD_PAYLOAD  20000

static void add_header(struct buffer *out, const char *what, char channel)
{
    char header[64];
    int size = snprintf(header, sizeof(header), "*3\r\n$7\r\n%s\r\n$1\r\n%c\r\n$%d\r\n", what,
                        channel, FLOOD_PAYLOAD);
    ck_assert_int_eq(buffer_append(out, header, (size_t)size), STATUS_OK);
}

/* What PUBLISH sends to the server, or to its subscribers: numbered messages. */
static struct buffer make_flood(const char *what, char channel)
{
    struct buffer flood = {0};
    for (unsigned i = 0; i < FLOOD_MESSAGES; i++) {
        char payload[FLOOD_PAYLOAD];
        memset(payload, 'x', sizeof(payload));
        (void)snprintf(payload, 16, "%010u", i);
        add_header(&flood, what, channel);
        ck_assert_int_eq(buffer_append(&flood, payload, FLOOD_PAYLOAD), STATUS_OK);
        ck_assert_int_eq(buffer_append(&flood, "\r\n", 2), STATUS_OK);
    }
    return flood;
}

struct flood_thread {
    pthread_t thread;
    int client;
    char channel;
};

static void *send_flood(void *context)
{
    const struct flood_thread *flood = context;
    struct buffer requests = make_flood("PUBLISH", flood->channel);
    test_send(flood->client, buffer_slice(&requests));
    buffer_deinit(&requests);
    return NULL;
}

/* The same, as far as the server takes it. */
static void *try_to_send_flood(void *context)
{
    const struct flood_thread *flood = context;
    struct buffer requests = make_flood("PUBLISH", flood->channel);
    size_t sent = 0;
    ssize_t size = 1;
    while (size > 0 && sent < requests.size) {
        size = send(flood->client, requests.data + sent, requests.size - sent, MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
    }
    buffer_deinit(&requests);
    return NULL;
}

static void *receive_flood(void *context)
{
    const struct flood_thread *flood = context;
    struct buffer received = {0};
    struct buffer expected = make_flood("message", flood->channel);
    ck_assert(test_receive(flood->client, expected.size, &received));
    ck_assert_mem_eq(received.data, expected.data, expected.size);
    buffer_deinit(&expected);
    buffer_deinit(&received);
    return NULL;
}

static void begin_flood(struct flood_thread *flood, void *(*run)(void *context), int client,
                        char channel)
{
    flood->client = client;
    flood->channel = channel;
    ck_assert_int_eq(pthread_create(&flood->thread, NULL, run, flood), 0);
}

static void end_flood(struct flood_thread *flood)
{
    ck_assert_int_eq(pthread_join(flood->thread, NULL), 0);
}

static void expect_counts(int publisher, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        test_expect_reply(publisher, ":1\r\n");
    }
}

/* Clients of two workers, the even ones of one; 0 subscribes to a, 1 to b. */
static void start_with_clients(int clients[4])
{
    server = test_server_start("threads 2");
    for (size_t i = 0; i < 4; i++) {
        clients[i] = test_server_connect(server);
        test_expect(clients[i], "PING", "+PONG\r\n");
    }
    test_expect(clients[0], "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    test_expect(clients[1], "SUBSCRIBE b", "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:1\r\n");
}

static void stop_with_clients(const int clients[4])
{
    test_server_stop(server);
    for (size_t i = 0; i < 4; i++) {
        (void)close(clients[i]);
    }
}

START_TEST(publishers_may_wait_for_each_others_workers)
{
    int clients[4];
    struct flood_thread floods[4];
    start_with_clients(clients);
    begin_flood(&floods[0], receive_flood, clients[0], 'a');
    begin_flood(&floods[1], receive_flood, clients[1], 'b');
    begin_flood(&floods[2], send_flood, clients[2], 'b');
    begin_flood(&floods[3], send_flood, clients[3], 'a');
    for (size_t i = 0; i < 4; i++) {
        end_flood(&floods[i]);
    }
    expect_counts(clients[2], FLOOD_MESSAGES);
    expect_counts(clients[3], FLOOD_MESSAGES);
    stop_with_clients(clients);
}
END_TEST

START_TEST(what_a_publisher_had_sent_is_told_when_it_ends)
{
    int clients[4];
    struct flood_thread receiver;
    struct flood_thread sender;
    start_with_clients(clients);
    begin_flood(&receiver, receive_flood, clients[1], 'b');
    begin_flood(&sender, send_flood, clients[2], 'b');
    end_flood(&sender);
    ck_assert_int_eq(shutdown(clients[2], SHUT_WR), 0);
    end_flood(&receiver);
    expect_counts(clients[2], FLOOD_MESSAGES);
    test_expect_end(clients[2]);
    stop_with_clients(clients);
}
END_TEST

/* Nobody reads: some of the messages lie in the socket, the others wait for it. */
START_TEST(a_publisher_can_be_killed_and_the_server_stopped_while_it_waits)
{
    int clients[4];
    struct flood_thread sender;
    start_with_clients(clients);
    begin_flood(&sender, try_to_send_flood, clients[2], 'b');
    test_expect(clients[3], "CLIENT KILL TYPE normal SKIPME yes", ":1\r\n");
    end_flood(&sender);
    test_expect(clients[3], "PING", "+PONG\r\n");
    begin_flood(&sender, try_to_send_flood, clients[3], 'a');
    test_server_stop(server);
    end_flood(&sender);
    for (size_t i = 0; i < 4; i++) {
        (void)close(clients[i]);
    }
}
END_TEST

START_TEST(a_subscriber_is_never_idle)
{
    server = test_server_start("timeout 1\nthreads 2");
    int idle = test_server_connect(server);
    int subscriber = test_server_connect(server);
    test_expect(subscriber, "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    test_expect_end(idle);
    (void)nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    test_expect(subscriber, "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    (void)close(idle);
    (void)close(subscriber);
    test_server_stop(server);
}
END_TEST

START_TEST(the_server_stops_with_messages_on_the_way)
{
    server = test_server_start("threads 3");
    int clients[6];
    for (size_t i = 0; i < 6; i++) {
        clients[i] = test_server_connect(server);
        test_expect(clients[i], "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    }
    int publisher = test_server_connect(server);
    for (size_t i = 0; i < 100; i++) {
        test_send(publisher, SLICE_LITERAL("PUBLISH a x\r\n"));
    }
    test_server_stop(server);
    for (size_t i = 0; i < 6; i++) {
        (void)close(clients[i]);
    }
    (void)close(publisher);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("pubsub");
    tcase_set_timeout(test, 120);
    tcase_add_test(test, all_subscribers_see_all_messages_in_the_same_order);
    tcase_add_test(test, nothing_comes_behind_the_end_of_a_subscription);
    tcase_add_test(test, a_subscriber_that_does_not_read_is_closed_at_the_hard_limit);
    tcase_add_test(test, a_subscriber_may_be_over_the_soft_limit_for_some_seconds);
    tcase_add_test(test, publishers_may_wait_for_each_others_workers);
    tcase_add_test(test, what_a_publisher_had_sent_is_told_when_it_ends);
    tcase_add_test(test, a_publisher_can_be_killed_and_the_server_stopped_while_it_waits);
    tcase_add_test(test, a_subscriber_is_never_idle);
    tcase_add_test(test, the_server_stops_with_messages_on_the_way);
    return test_run("pubsub in the server", test);
}
