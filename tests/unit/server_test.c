/* server_test.c - workers and connections: the whole server, against clients that misbehave. */
#include "server/config.h"
#include "support/test_random.h"
#include "support/test_run.h"
#include "support/test_server.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct test_server *server;
static int client;

static void start(const char *configuration)
{
    server = test_server_start(configuration);
    client = test_server_connect(server);
}

static void stop(void)
{
    (void)close(client);
    test_server_stop(server);
}

static void sleep_ms(long milliseconds)
{
    struct timespec wait = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};
    (void)nanosleep(&wait, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A number that a command answers (":12\r\n"). */
static uint64_t ask_number(int from, const char *words)
{
    struct buffer request = {0};
    struct buffer reply = {0};
    test_request(&request, words);
    test_send(from, buffer_slice(&request));
    ck_assert(test_receive(from, 1, &reply));
    while (reply.data[reply.size - 1] != '\n') {
        ck_assert(test_receive(from, 1, &reply));
    }
    ck_assert_int_eq(reply.data[0], ':');
    uint64_t number = strtoull(reply.data + 1, NULL, 10);
    buffer_deinit(&request);
    buffer_deinit(&reply);
    return number;
}

/* --- pieces ---------------------------------------------------------------------------------- */

#define MODEL_KEYS 20

struct model {
    size_t sizes[MODEL_KEYS];
    char fill[MODEL_KEYS];
};

static void add_value(struct buffer *replies, const struct model *model, size_t key)
{
    char header[32];
    size_t size = model->sizes[key];
    if (size == 0) {
        ck_assert_int_eq(buffer_append(replies, "$-1\r\n", 5), STATUS_OK);
        return;
    }
    int length = snprintf(header, sizeof(header), "$%zu\r\n", size);
    ck_assert_int_eq(buffer_append(replies, header, (size_t)length), STATUS_OK);
    ck_assert_int_eq(buffer_reserve(replies, size), STATUS_OK);
    memset(replies->data + replies->size, model->fill[key], size);
    replies->size += size;
    ck_assert_int_eq(buffer_append(replies, "\r\n", 2), STATUS_OK);
}

/* A random command, and what the model says it is answered with. */
static void add_command(struct test_random *random, struct model *model, struct buffer *requests,
                        struct buffer *replies)
{
    size_t key = test_random_below(random, MODEL_KEYS);
    char name[16];
    (void)snprintf(name, sizeof(name), "key%zu", key);
    struct slice arguments[3] = {SLICE_LITERAL("GET"), slice_of_string(name)};
    if (test_random_one_in(random, 2)) {
        test_request_slices(requests, arguments, 2);
        add_value(replies, model, key);
        return;
    }
    if (test_random_one_in(random, 10)) {
        ck_assert_int_eq(buffer_append(requests, "PING\r\n", 6), STATUS_OK);
        ck_assert_int_eq(buffer_append(replies, "+PONG\r\n", 7), STATUS_OK);
        return;
    }
    model->sizes[key] = 1 + test_random_below(random, test_random_one_in(random, 20) ? 300000 : 99);
    model->fill[key] = (char)('a' + test_random_below(random, 26));
    char *value = malloc(model->sizes[key]);
    ck_assert_ptr_nonnull(value);
    memset(value, model->fill[key], model->sizes[key]);
    arguments[0] = SLICE_LITERAL("SET");
    arguments[2] = slice_make(value, model->sizes[key]);
    test_request_slices(requests, arguments, 3);
    ck_assert_int_eq(buffer_append(replies, "+OK\r\n", 5), STATUS_OK);
    free(value);
}

struct piecewise {
    struct slice bytes;
    struct test_random random;
};

static void *send_in_pieces(void *context)
{
    struct piecewise *piecewise = context;
    struct slice rest = piecewise->bytes;
    static const uint64_t sizes[] = {3, 100, 70000, 1000000};
    while (rest.size > 0) {
        uint64_t bound = sizes[test_random_below(&piecewise->random, 4)];
        size_t size = 1 + test_random_below(&piecewise->random, bound);
        size = size < rest.size ? size : rest.size;
        test_send(client, slice_part(rest, 0, size));
        rest = slice_part(rest, size, rest.size - size);
    }
    return NULL;
}

static void exchange(struct test_random *random, struct model *model, size_t commands)
{
    struct buffer requests = {0};
    struct buffer expected = {0};
    struct buffer got = {0};
    for (size_t i = 0; i < commands; i++) {
        add_command(random, model, &requests, &expected);
    }
    struct piecewise piecewise = {.bytes = buffer_slice(&requests), .random = *random};
    pthread_t sender;
    ck_assert_int_eq(pthread_create(&sender, NULL, send_in_pieces, &piecewise), 0);
    ck_assert(test_receive(client, expected.size, &got));
    ck_assert_int_eq(pthread_join(sender, NULL), 0);
    ck_assert(slice_equal(buffer_slice(&got), buffer_slice(&expected)));
    (void)test_random_next(random);
    buffer_deinit(&requests);
    buffer_deinit(&expected);
    buffer_deinit(&got);
}

static void exchange_often(const char *configuration)
{
    struct test_random random;
    struct model model = {0};
    test_random_init(&random, test_seed("server_test"));
    start(configuration);
    size_t exchanges = test_scale() < 1 ? 20 : 60;
    for (size_t i = 0; i < exchanges; i++) {
        exchange(&random, &model, 1 + test_random_below(&random, 300));
    }
    stop();
}

START_TEST(replies_do_not_depend_on_the_pieces)
{
    exchange_often("threads 2");
}
END_TEST

START_TEST(replies_come_in_order_when_they_wait_for_fdatasync)
{
    exchange_often("appendfsync always");
}
END_TEST

START_TEST(replies_are_right_when_output_stalls)
{
    exchange_often("client-output-buffer-pause 64kb");
}
END_TEST

START_TEST(before_authentication_requests_are_taken_one_by_one)
{
    start("requirepass secret");
    test_expect(client, "GET a", "-NOAUTH Authentication required.\r\n");
    struct buffer requests = {0};
    test_request(&requests, "AUTH secret");
    char value[20000];
    memset(value, 'v', sizeof(value));
    struct slice set[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("a"),
                          slice_make(value, sizeof(value))};
    test_request_slices(&requests, set, 3);
    test_request(&requests, "STRLEN a");
    test_send(client, buffer_slice(&requests));
    test_expect_reply(client, "+OK\r\n+OK\r\n:20000\r\n");
    int stranger = test_server_connect(server);
    requests.size = 0;
    test_request_slices(&requests, set, 3);
    test_send(stranger, buffer_slice(&requests));
    test_expect_reply(stranger, "-ERR Protocol error: unauthenticated bulk length\r\n");
    test_expect_end(stranger);
    (void)close(stranger);
    buffer_deinit(&requests);
    stop();
}
END_TEST

/* --- ends ------------------------------------------------------------------------------------ */

START_TEST(a_client_that_ends_its_side_is_answered)
{
    start("requirepass x\nappendfsync always");
    struct buffer requests = {0};
    test_request(&requests, "AUTH x");
    test_request(&requests, "SET a 1");
    test_request(&requests, "GET a");
    test_send(client, buffer_slice(&requests));
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    test_expect_reply(client, "+OK\r\n+OK\r\n$1\r\n1\r\n");
    test_expect_end(client);
    buffer_deinit(&requests);
    stop();
}
END_TEST

START_TEST(nothing_is_executed_behind_quit_or_a_protocol_error)
{
    start("");
    struct buffer requests = {0};
    test_request(&requests, "QUIT");
    test_request(&requests, "SET a 1");
    test_send(client, buffer_slice(&requests));
    test_expect_reply(client, "+OK\r\n");
    test_expect_end(client);
    (void)close(client);
    client = test_server_connect(server);
    test_send(client, SLICE_LITERAL("SET b 1\r\n*1\r\n$x\r\n\r\nSET a 1\r\n"));
    test_expect_reply(client, "+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
    test_expect_end(client);
    (void)close(client);
    client = test_server_connect(server);
    test_expect(client, "EXISTS a b", ":1\r\n");
    buffer_deinit(&requests);
    stop();
}
END_TEST

START_TEST(clients_come_and_go_with_half_a_request)
{
    start("threads 3");
    for (size_t i = 0; i < 300; i++) {
        int other = test_server_connect(server);
        test_send(other, SLICE_LITERAL("SET a 1\r\n*3\r\n$3\r\nSET\r\n$100000\r\nabc"));
        if (i % 2 == 0) {
            test_expect_reply(other, "+OK\r\n");
        }
        (void)close(other);
    }
    test_expect(client, "PING", "+PONG\r\n");
    stop();
}
END_TEST

START_TEST(clients_are_killed_by_others_and_by_themselves)
{
    start("threads 3");
    char words[64];
    for (size_t i = 0; i < 30; i++) {
        int victim = test_server_connect(server);
        uint64_t id = ask_number(victim, "CLIENT ID");
        (void)snprintf(words, sizeof(words), "CLIENT KILL SKIPME no ID %llu",
                       (unsigned long long)id);
        if (i % 3 == 0) {
            test_expect(victim, words, ":1\r\n");
        } else {
            test_expect(client, words, ":1\r\n");
        }
        test_expect_end(victim);
        (void)close(victim);
    }
    stop();
}
END_TEST

START_TEST(an_idle_client_is_closed)
{
    start("timeout 1");
    int64_t began_ms = now_ms();
    test_expect_end(client);
    ck_assert_int_ge(now_ms() - began_ms, 900);
    stop();
}
END_TEST

START_TEST(one_client_too_many_is_told_so)
{
    start("maxclients 2");
    int second = test_server_connect(server);
    test_expect(second, "PING", "+PONG\r\n");
    int third = test_server_connect(server);
    test_expect_reply(third, "-ERR max number of clients reached\r\n");
    test_expect_end(third);
    (void)close(third);
    (void)close(second);
    int64_t give_up_ms = now_ms() + 60000;
    int fourth = -1;
    char first_byte = '-';
    while (first_byte == '-' && now_ms() < give_up_ms) {
        fourth = test_server_connect(server);
        (void)send(fourth, "PING\r\n", 6, MSG_NOSIGNAL);
        ck_assert(recv(fourth, &first_byte, 1, 0) == 1 || first_byte == '-');
        (void)close(fourth);
    }
    ck_assert_int_eq(first_byte, '+');
    stop();
}
END_TEST

START_TEST(the_server_stops_with_clients_in_every_state)
{
    start("appendfsync always\nclient-output-buffer-pause 64kb\nthreads 3");
    test_expect(client, "CLIENT PAUSE 100000 WRITE", "+OK\r\n");
    test_send(client, SLICE_LITERAL("SET a 1\r\nGET a\r\n"));
    int half = test_server_connect(server);
    test_send(half, SLICE_LITERAL("*3\r\n$3\r\nSET\r\n$100000\r\nabc"));
    int waiting = test_server_connect(server);
    test_send(waiting, SLICE_LITERAL("COMPACT\r\n"));
    int deaf = test_server_connect(server);
    for (size_t i = 0; i < 100; i++) {
        test_send(deaf, SLICE_LITERAL("COMMAND DOCS\r\n"));
    }
    sleep_ms(50);
    stop();
    (void)close(half);
    (void)close(waiting);
    (void)close(deaf);
}
END_TEST

/* --- limits ---------------------------------------------------------------------------------- */

/* What the server keeps of replies for the client that is named "deaf". */
static uint64_t deaf_output(void)
{
    struct buffer request = {0};
    struct buffer reply = {0};
    test_request(&request, "CLIENT LIST");
    test_send(client, buffer_slice(&request));
    ck_assert(test_receive(client, 1, &reply));
    while (reply.data[reply.size - 1] != '\n') {
        ck_assert(test_receive(client, 1, &reply));
    }
    size_t size = (size_t)strtoull(reply.data + 1, NULL, 10);
    reply.size = 0;
    ck_assert(test_receive(client, size + 2, &reply));
    reply.data[reply.size - 1] = '\0';
    const char *line = strstr(reply.data, "name=deaf");
    ck_assert_ptr_nonnull(line);
    uint64_t output = strtoull(strstr(line, " omem=") + 6, NULL, 10);
    buffer_deinit(&request);
    buffer_deinit(&reply);
    return output;
}

START_TEST(a_client_that_does_not_read_stalls_and_goes_on)
{
    start("client-output-buffer-pause 256kb\nthreads 1");
    int deaf = test_server_connect(server);
    test_expect(deaf, "CLIENT SETNAME deaf", "+OK\r\n");
    struct buffer requests = {0};
    struct buffer replies = {0};
    char value[1000];
    memset(value, 'v', sizeof(value));
    struct slice set[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("k"),
                          slice_make(value, sizeof(value))};
    test_request_slices(&requests, set, 3);
    test_send(client, buffer_slice(&requests));
    test_expect_reply(client, "+OK\r\n");
    requests.size = 0;
    /* 8,000 replies of 1,009 bytes; the requests are 176 KB, so they are taken all the same. */
    for (size_t i = 0; i < 8000; i++) {
        test_request(&requests, "GET k");
    }
    test_send(deaf, buffer_slice(&requests));
    int64_t give_up_ms = now_ms() + 60000;
    while (deaf_output() < 128 * 1024 && now_ms() < give_up_ms) {
        sleep_ms(10);
    }
    sleep_ms(100);
    ck_assert_uint_ge(deaf_output(), 128 * 1024);
    ck_assert_uint_le(deaf_output(), (256 + 64) * 1024);
    test_expect(client, "PING", "+PONG\r\n");
    ck_assert(test_receive(deaf, (size_t)8000 * 1009, &replies));
    ck_assert_mem_eq(replies.data + replies.size - 6, "vvvv\r\n", 6);
    test_expect(deaf, "PING", "+PONG\r\n");
    (void)close(deaf);
    buffer_deinit(&requests);
    buffer_deinit(&replies);
    stop();
}
END_TEST

START_TEST(a_client_beyond_its_output_limit_is_closed)
{
    start("client-output-buffer-limit normal 300kb 0 0");
    struct buffer requests = {0};
    struct buffer replies = {0};
    for (size_t i = 0; i < 100; i++) {
        test_request(&requests, "COMMAND DOCS");
    }
    test_send(client, buffer_slice(&requests));
    ck_assert(!test_receive(client, (size_t)64 << 20, &replies));
    buffer_deinit(&requests);
    buffer_deinit(&replies);
    stop();
}
END_TEST

START_TEST(a_large_value_goes_in_and_out)
{
    start("");
    struct buffer requests = {0};
    struct buffer reply = {0};
    size_t size = (size_t)40 << 20;
    char *value = malloc(size);
    ck_assert_ptr_nonnull(value);
    memset(value, 'L', size);
    struct slice set[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("large"), slice_make(value, size)};
    test_request_slices(&requests, set, 3);
    test_request(&requests, "STRLEN large");
    test_send(client, buffer_slice(&requests));
    test_expect_reply(client, "+OK\r\n:41943040\r\n");
    requests.size = 0;
    test_request(&requests, "GET large");
    test_request(&requests, "GET large");
    test_request(&requests, "PING");
    test_send(client, buffer_slice(&requests));
    for (size_t i = 0; i < 2; i++) {
        test_expect_reply(client, "$41943040\r\n");
        reply.size = 0;
        ck_assert(test_receive(client, size + 2, &reply));
        ck_assert(memcmp(reply.data, value, size) == 0);
    }
    test_expect_reply(client, "+PONG\r\n");
    free(value);
    buffer_deinit(&requests);
    buffer_deinit(&reply);
    stop();
}
END_TEST

/* --- waiting --------------------------------------------------------------------------------- */

START_TEST(writes_wait_for_the_end_of_a_pause)
{
    start("threads 2");
    int other = test_server_connect(server);
    int64_t began_ms = now_ms();
    test_expect(client, "CLIENT PAUSE 300 WRITE", "+OK\r\n");
    test_send(other, SLICE_LITERAL("SET a 1\r\nGET a\r\n"));
    test_expect_reply(other, "+OK\r\n$1\r\n1\r\n");
    ck_assert_int_ge(now_ms() - began_ms, 290);
    test_expect(client, "CLIENT PAUSE 1000000 WRITE", "+OK\r\n");
    test_send(other, SLICE_LITERAL("GET a\r\nSET a 2\r\n"));
    test_expect_reply(other, "$1\r\n1\r\n"); /* a read does not wait */
    sleep_ms(20);
    test_expect(client, "CLIENT UNPAUSE", "+OK\r\n");
    test_expect_reply(other, "+OK\r\n");
    (void)close(other);
    stop();
}
END_TEST

START_TEST(what_comes_behind_a_command_that_waits_is_executed_after_it)
{
    start("");
    for (size_t i = 0; i < 20; i++) {
        struct buffer requests = {0};
        struct buffer reply = {0};
        test_request(&requests, "SET a 1");
        test_request(&requests, "COMPACT");
        test_request(&requests, "PING");
        test_send(client, buffer_slice(&requests));
        test_expect_reply(client, "+OK\r\n:");
        do {
            ck_assert(test_receive(client, 1, &reply));
        } while (reply.data[reply.size - 1] != '\n');
        test_expect_reply(client, "+PONG\r\n");
        buffer_deinit(&requests);
        buffer_deinit(&reply);
    }
    stop();
}
END_TEST

/* --- a disk that fails ----------------------------------------------------------------------- */

START_TEST(what_could_not_be_written_is_never_acknowledged)
{
    start("");
    int reader = test_server_connect(server);
    test_expect(client, "SET a 1", "+OK\r\n");
    sim_disk_fail(test_server_disk(server), SIM_WRITE, 1, 1000000, STATUS_DISK_FULL);
    test_send(client, SLICE_LITERAL("SET a 2\r\n"));
    test_expect_end(client);
    test_expect(reader, "PING", "+PONG\r\n");
    sim_disk_fail(test_server_disk(server), SIM_WRITE, 0, 0, STATUS_IO);
    (void)close(client);
    client = test_server_connect(server);
    test_expect(client, "SET b 1", "+OK\r\n");
    (void)close(reader);
    stop();
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("server");
    tcase_set_timeout(test, 120);
    tcase_add_test(test, replies_do_not_depend_on_the_pieces);
    tcase_add_test(test, replies_come_in_order_when_they_wait_for_fdatasync);
    tcase_add_test(test, replies_are_right_when_output_stalls);
    tcase_add_test(test, before_authentication_requests_are_taken_one_by_one);
    tcase_add_test(test, a_client_that_ends_its_side_is_answered);
    tcase_add_test(test, nothing_is_executed_behind_quit_or_a_protocol_error);
    tcase_add_test(test, clients_come_and_go_with_half_a_request);
    tcase_add_test(test, clients_are_killed_by_others_and_by_themselves);
    tcase_add_test(test, an_idle_client_is_closed);
    tcase_add_test(test, one_client_too_many_is_told_so);
    tcase_add_test(test, the_server_stops_with_clients_in_every_state);
    tcase_add_test(test, a_client_that_does_not_read_stalls_and_goes_on);
    tcase_add_test(test, a_client_beyond_its_output_limit_is_closed);
    tcase_add_test(test, a_large_value_goes_in_and_out);
    tcase_add_test(test, writes_wait_for_the_end_of_a_pause);
    tcase_add_test(test, what_comes_behind_a_command_that_waits_is_executed_after_it);
    tcase_add_test(test, what_could_not_be_written_is_never_acknowledged);
    return test_run("server", test);
}
