/* tracking_server_test.c - client-side caches of several threads never keep what is out of date. */
#include "support/test_run.h"
#include "support/test_server.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READERS    6
#define BROADCASTS 3
#define KEYS       4
#define CHANGES    300 /* of each key */
#define VALUE_SIZE (sizeof("$5\r\n00000\r\n") - 1)
#define END_SIZE   (sizeof("modules\r\n*0\r\n") - 1) /* of HELLO's reply */

static struct test_server *server;

struct reader {
    pthread_t thread;
    int client;
    unsigned key;
};

static unsigned long read_value(const struct reader *reader, struct buffer *received)
{
    char words[16];
    (void)snprintf(words, sizeof(words), "GET k%u\r\n", reader->key);
    received->size = 0;
    test_send(reader->client, slice_of_string(words));
    ck_assert(test_receive(reader->client, VALUE_SIZE, received));
    ck_assert_int_eq(received->data[0], '$');
    return strtoul(received->data + 4, NULL, 10);
}

static void expect_invalidation(const struct reader *reader)
{
    char message[64];
    (void)snprintf(message, sizeof(message), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\nk%u\r\n",
                   reader->key);
    test_expect_reply(reader->client, message);
}

/* Reads a key, then waits until it is told that the value is out of date, until it is the last: an
 * invalidation that is lost would be waited for in vain, and one too many be taken for a value. */
static void *read_until_the_last(void *context)
{
    const struct reader *reader = context;
    struct buffer received = {0};
    unsigned long seen = 0;
    for (;;) {
        unsigned long value = read_value(reader, &received);
        ck_assert_uint_ge(value, seen);
        seen = value;
        if (value == CHANGES) {
            break;
        }
        expect_invalidation(reader);
    }
    buffer_deinit(&received);
    return NULL;
}

static void *change(void *context)
{
    const struct reader *writer = context;
    for (unsigned i = 1; i <= CHANGES; i++) {
        char words[32];
        (void)snprintf(words, sizeof(words), "SET k%u %05u", writer->key, i);
        test_expect(writer->client, words, "+OK\r\n");
    }
    return NULL;
}

static void start_thread(struct reader *reader, unsigned key, void *(*run)(void *context))
{
    reader->key = key;
    ck_assert_int_eq(pthread_create(&reader->thread, NULL, run, reader), 0);
}

static int connect_tracking(const char *tracking)
{
    static const char end_of_hello[] = "modules\r\n*0\r\n";
    struct buffer received = {0};
    int client = test_server_connect(server);
    test_send(client, SLICE_LITERAL("HELLO 3\r\n"));
    /* The reply holds an id of whatever length; its end is known. */
    do {
        ck_assert(test_receive(client, 1, &received));
    } while (received.size < END_SIZE ||
             memcmp(received.data + received.size - END_SIZE, end_of_hello, END_SIZE) != 0);
    test_expect(client, tracking, "+OK\r\n");
    buffer_deinit(&received);
    return client;
}

START_TEST(no_invalidation_is_lost)
{
    static struct reader readers[READERS * KEYS];
    static struct reader writers[KEYS];
    server = test_server_start("threads 3");
    int first = test_server_connect(server);
    for (unsigned i = 0; i < KEYS; i++) {
        char words[32];
        (void)snprintf(words, sizeof(words), "SET k%u 00000", i);
        test_expect(first, words, "+OK\r\n");
        writers[i].client = test_server_connect(server);
    }
    for (unsigned i = 0; i < READERS * KEYS; i++) {
        readers[i].client = connect_tracking("CLIENT TRACKING ON");
        start_thread(&readers[i], i % KEYS, read_until_the_last);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        start_thread(&writers[i], i, change);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
        (void)close(writers[i].client);
    }
    for (unsigned i = 0; i < READERS * KEYS; i++) {
        ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
        (void)close(readers[i].client);
    }
    (void)close(first);
    test_server_stop(server);
}
END_TEST

START_TEST(clients_in_broadcast_mode_hear_of_every_change)
{
    server = test_server_start("threads 3");
    struct reader writer = {.client = test_server_connect(server), .key = 1};
    int clients[BROADCASTS];
    for (unsigned i = 0; i < BROADCASTS; i++) {
        clients[i] = connect_tracking("CLIENT TRACKING ON BCAST PREFIX k");
    }
    (void)change(&writer); /* one at a time: so each change is told by itself */
    for (unsigned i = 0; i < BROADCASTS; i++) {
        const struct reader reader = {.client = clients[i], .key = 1};
        for (unsigned k = 0; k < CHANGES; k++) {
            expect_invalidation(&reader);
        }
        test_expect(clients[i], "PING", "+PONG\r\n");
        (void)close(clients[i]);
    }
    (void)close(writer.client);
    test_server_stop(server);
}
END_TEST

START_TEST(clients_that_track_come_and_go)
{
    server = test_server_start("threads 3\ntracking-table-max-keys 2");
    int writer = test_server_connect(server);
    for (size_t i = 0; i < 60; i++) {
        int reader = connect_tracking(i % 2 == 0 ? "CLIENT TRACKING ON"
                                                 : "CLIENT TRACKING ON BCAST PREFIX a PREFIX b");
        test_send(reader, SLICE_LITERAL("MGET a b c d\r\nGET e\r\n"));
        test_send(writer, SLICE_LITERAL("MSET a 1 b 2 c 3 d 4 e 5\r\n"));
        test_expect_reply(writer, "+OK\r\n");
        (void)close(reader);
    }
    test_expect(writer, "FLUSHALL", "+OK\r\n");
    (void)close(writer);
    test_server_stop(server);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("tracking");
    tcase_set_timeout(test, 120);
    tcase_add_test(test, no_invalidation_is_lost);
    tcase_add_test(test, clients_in_broadcast_mode_hear_of_every_change);
    tcase_add_test(test, clients_that_track_come_and_go);
    return test_run("tracking in the server", test);
}
