/*
 * hiredis_async_test.c - hiredis's callbacks on an event loop of libevent, through the adapter that
 * hiredis brings, against the real server: pipelines, transactions, pub/sub, closing from both
 * ends.
 *
 * Started by support/with_server, which says where the server is.
 */
#include <check.h>
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT       20000
#define LARGE_SIZE  ((size_t)8 * 1024 * 1024)
#define SECONDS_MAX 300

static struct event_base *base;
static redisAsyncContext *client;
static int connects, disconnects;
static int last_disconnect_status;

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set: run this through with_server", name);
    return value;
}

static void on_connect(const redisAsyncContext *context, int status)
{
    ck_assert_msg(status == REDIS_OK, "%s", context->errstr);
    connects++;
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    (void)context;
    disconnects++;
    last_disconnect_status = status;
}

static redisAsyncContext *attached(redisAsyncContext *context)
{
    ck_assert_ptr_nonnull(context);
    ck_assert_msg(context->err == 0, "%s", context->errstr);
    ck_assert_int_eq(redisLibeventAttach(context, base), REDIS_OK);
    ck_assert_int_eq(redisAsyncSetConnectCallback(context, on_connect), REDIS_OK);
    ck_assert_int_eq(redisAsyncSetDisconnectCallback(context, on_disconnect), REDIS_OK);
    return context;
}

static redisAsyncContext *connect_tcp(void)
{
    return attached(redisAsyncConnect(environment("SCDB_HOST"), atoi(environment("SCDB_PORT"))));
}

/* Runs the loop until `*value` has become `wanted`. */
static void run_until(const int *value, int wanted)
{
    struct timeval limit = {.tv_sec = SECONDS_MAX};
    ck_assert_int_eq(event_base_loopexit(base, &limit), 0);
    while (*value != wanted && !event_base_got_exit(base)) {
        ck_assert_int_ne(event_base_loop(base, EVLOOP_ONCE), -1);
    }
    ck_assert_int_eq(*value, wanted);
}

/* One reply that is waited for, as the type and the words or the number that it must have. */
struct expectation {
    int type;
    const char *text;
    long long integer;
    int arrived;
};

static void on_expected(redisAsyncContext *context, void *raw, void *data)
{
    struct expectation *expected = data;
    const redisReply *reply = raw;
    ck_assert_msg(reply != NULL, "%s", context->errstr);
    ck_assert_int_eq(reply->type, expected->type);
    if (expected->text != NULL) {
        ck_assert_str_eq(reply->str, expected->text);
    } else {
        ck_assert_int_eq(reply->integer, expected->integer);
    }
    expected->arrived = 1;
}

static void ask(redisAsyncContext *context, const char *command, struct expectation expected)
{
    ck_assert_int_eq(redisAsyncCommand(context, on_expected, &expected, command), REDIS_OK);
    run_until(&expected.arrived, 1);
}

static void ask_status(redisAsyncContext *context, const char *command, const char *text)
{
    ask(context, command, (struct expectation){.type = REDIS_REPLY_STATUS, .text = text});
}

static void ask_string(redisAsyncContext *context, const char *command, const char *text)
{
    ask(context, command, (struct expectation){.type = REDIS_REPLY_STRING, .text = text});
}

static void ask_integer(redisAsyncContext *context, const char *command, long long value)
{
    ask(context, command, (struct expectation){.type = REDIS_REPLY_INTEGER, .integer = value});
}

static void ask_error(redisAsyncContext *context, const char *command, const char *text)
{
    ask(context, command, (struct expectation){.type = REDIS_REPLY_ERROR, .text = text});
}

static void set_up(void)
{
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    connects = disconnects = 0;
    client = connect_tcp();
    ask_status(client, "FLUSHALL", "OK");
    ck_assert_int_eq(connects, 1);
}

static void tear_down(void)
{
    if (client != NULL) {
        int wanted = disconnects + 1;
        redisAsyncDisconnect(client);
        run_until(&disconnects, wanted);
        ck_assert_int_eq(last_disconnect_status, REDIS_OK);
    }
    event_base_free(base);
}

START_TEST(commands_and_errors)
{
    ask_status(client, "SET key value", "OK");
    ask_string(client, "GET key", "value");
    ask(client, "GET nothing", (struct expectation){.type = REDIS_REPLY_NIL});
    ask_integer(client, "DEL key nothing", 1);
    ask_error(client, "SET key", "ERR wrong number of arguments for 'set' command");
    ask_status(client, "SELECT 5", "OK");
    ask_error(client, "SELECT 99", "ERR DB index is out of range");
}
END_TEST

static int replies;

static void on_count(redisAsyncContext *context, void *raw, void *data)
{
    (void)data;
    const redisReply *reply = raw;
    ck_assert_msg(reply != NULL, "%s", context->errstr);
    ck_assert_int_eq(reply->type, REDIS_REPLY_INTEGER);
    ck_assert_int_eq(reply->integer, ++replies);
}

START_TEST(replies_come_in_the_order_of_their_commands)
{
    replies = 0;
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(redisAsyncCommand(client, on_count, NULL, "INCR n"), REDIS_OK);
    }
    run_until(&replies, COUNT);
}
END_TEST

static char *large;

static void on_large(redisAsyncContext *context, void *raw, void *data)
{
    const redisReply *reply = raw;
    ck_assert_msg(reply != NULL, "%s", context->errstr);
    ck_assert_int_eq(reply->type, REDIS_REPLY_STRING);
    ck_assert_uint_eq((size_t)reply->len, LARGE_SIZE);
    ck_assert_msg(memcmp(reply->str, large, LARGE_SIZE) == 0, "other bytes than were set");
    ++*(int *)data;
}

START_TEST(large_values_of_any_bytes)
{
    int arrived = 0;
    large = malloc(LARGE_SIZE);
    ck_assert_ptr_nonnull(large);
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        large[i] = (char)(i * 2654435761U >> 13);
    }
    for (int i = 0; i < 4; i++) {
        redisAsyncCommand(client, NULL, NULL, "SET large:%d %b", i, large, LARGE_SIZE);
        redisAsyncCommand(client, on_large, &arrived, "GET large:%d", i);
    }
    run_until(&arrived, 4);
    free(large);
}
END_TEST

static void on_exec(redisAsyncContext *context, void *raw, void *data)
{
    const redisReply *reply = raw;
    ck_assert_msg(reply != NULL, "%s", context->errstr);
    ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
    ck_assert_uint_eq(reply->elements, 2);
    ck_assert_str_eq(reply->element[0]->str, "OK");
    ck_assert_int_eq(reply->element[1]->integer, 2);
    *(int *)data = 1;
}

START_TEST(transactions_and_watch)
{
    int arrived = 0;
    redisAsyncCommand(client, NULL, NULL, "MULTI");
    redisAsyncCommand(client, NULL, NULL, "SET n 1");
    redisAsyncCommand(client, NULL, NULL, "INCR n");
    redisAsyncCommand(client, on_exec, &arrived, "EXEC");
    run_until(&arrived, 1);

    redisAsyncContext *other = connect_tcp();
    ask_status(client, "WATCH n", "OK");
    ask_status(other, "SET n changed", "OK");
    ask_status(client, "MULTI", "OK");
    ask_status(client, "SET n mine", "QUEUED");
    ask(client, "EXEC", (struct expectation){.type = REDIS_REPLY_NIL});
    ask_string(client, "GET n", "changed");
    redisAsyncDisconnect(other);
    run_until(&disconnects, 1);
}
END_TEST

/* What a subscriber has been told, each as "kind part part...", joined by commas. */
static char told[1024];
static int told_count;

static void on_told(redisAsyncContext *context, void *raw, void *data)
{
    (void)context;
    (void)data;
    const redisReply *reply = raw;
    if (reply == NULL) {
        return; /* the connection has been closed */
    }
    ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *part = reply->element[i];
        size_t have = strlen(told);
        const char *gap = i == 0 ? (have > 0 ? "," : "") : " ";
        if (part->type == REDIS_REPLY_STRING) {
            (void)snprintf(told + have, sizeof(told) - have, "%s%s", gap, part->str);
        } else {
            (void)snprintf(told + have, sizeof(told) - have, "%s%lld", gap, part->integer);
        }
    }
    told_count++;
}

START_TEST(subscribers_are_told)
{
    redisAsyncContext *subscriber = connect_tcp();
    told[0] = '\0';
    told_count = 0;
    redisAsyncCommand(subscriber, on_told, NULL, "SUBSCRIBE news");
    redisAsyncCommand(subscriber, on_told, NULL, "PSUBSCRIBE w*");
    run_until(&told_count, 2);
    ask_integer(client, "PUBLISH news one", 1);
    ask_integer(client, "PUBLISH weather sun", 1);
    ask_integer(client, "PUBLISH nobody hears", 0);
    run_until(&told_count, 4);
    redisAsyncCommand(subscriber, NULL, NULL, "UNSUBSCRIBE news");
    redisAsyncCommand(subscriber, NULL, NULL, "PUNSUBSCRIBE w*");
    run_until(&told_count, 6);
    ck_assert_str_eq(told, "subscribe news 1,psubscribe w* 2,message news one,"
                           "pmessage w* weather sun,unsubscribe news 1,punsubscribe w* 0");
    ask_status(subscriber, "SET key value", "OK");
    redisAsyncDisconnect(subscriber);
    run_until(&disconnects, 1);
}
END_TEST

START_TEST(quit_is_answered_before_the_end)
{
    ask_status(client, "QUIT", "OK");
    run_until(&disconnects, 1);
    client = NULL;
}
END_TEST

static void on_lost(redisAsyncContext *context, void *raw, void *data)
{
    (void)context;
    ck_assert_ptr_null(raw);
    *(int *)data = 1;
}

START_TEST(a_restart_is_told_to_who_waits_and_loses_nothing)
{
    int lost = 0;
    ask_status(client, "SET key kept", "OK");
    ask_status(client, "CLIENT PAUSE 1000000 WRITE", "OK");
    redisAsyncCommand(client, on_lost, &lost, "SET key never");
    ck_assert_int_ne(event_base_loop(base, EVLOOP_NONBLOCK), -1);

    char command[4096];
    (void)snprintf(command, sizeof(command), "%s kill", environment("SCDB_RESTART"));
    ck_assert_int_eq(system(command), 0);
    run_until(&lost, 1);
    run_until(&disconnects, 1);
    ck_assert_int_eq(last_disconnect_status, REDIS_ERR);

    client = connect_tcp();
    ask_string(client, "GET key", "kept");
}
END_TEST

START_TEST(the_unix_socket)
{
    redisAsyncContext *local = attached(redisAsyncConnectUnix(environment("SCDB_SOCKET")));
    ask_status(local, "SET through socket", "OK");
    ask_string(client, "GET through", "socket");
    redisAsyncDisconnect(local);
    run_until(&disconnects, 1);
}
END_TEST

START_TEST(a_password)
{
    ask_status(client, "CONFIG SET requirepass secret", "OK");
    redisAsyncContext *other = connect_tcp();
    ask_error(other, "GET key", "NOAUTH Authentication required.");
    ask_error(other, "AUTH wrong", "WRONGPASS invalid username-password pair or user is disabled.");
    ask_status(other, "AUTH default secret", "OK");
    ck_assert_int_eq(redisAsyncCommand(other, NULL, NULL, "CONFIG SET requirepass %s", ""),
                     REDIS_OK);
    redisAsyncDisconnect(other); /* which waits for the replies that are still to come */
    run_until(&disconnects, 1);
    ask_status(client, "PING", "PONG");
}
END_TEST

static Suite *hiredis_async_suite(void)
{
    Suite *suite = suite_create("hiredis_async");
    TCase *callbacks = tcase_create("callbacks");
    tcase_add_checked_fixture(callbacks, set_up, tear_down);
    tcase_set_timeout(callbacks, 120);
    tcase_add_test(callbacks, commands_and_errors);
    tcase_add_test(callbacks, replies_come_in_the_order_of_their_commands);
    tcase_add_test(callbacks, large_values_of_any_bytes);
    tcase_add_test(callbacks, transactions_and_watch);
    tcase_add_test(callbacks, subscribers_are_told);
    tcase_add_test(callbacks, quit_is_answered_before_the_end);
    tcase_add_test(callbacks, a_restart_is_told_to_who_waits_and_loses_nothing);
    tcase_add_test(callbacks, the_unix_socket);
    tcase_add_test(callbacks, a_password);
    suite_add_tcase(suite, callbacks);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(hiredis_async_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
