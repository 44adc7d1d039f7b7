/*
 * hiredis_test.c - the C client against the real server: commands, pipelines, binary data, large
 * values, transactions, both kinds of socket and both protocols.
 *
 * Started by support/with_server, which says where the server is.
 */
#include <check.h>
#include <hiredis/hiredis.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE_SIZE     (24U * 1024 * 1024)
#define PIPELINE_DEPTH 20000

static redisContext *context;

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set: run this through with_server", name);
    return value;
}

static redisContext *connect_tcp(void)
{
    redisContext *connected =
        redisConnect(environment("SCDB_HOST"), atoi(environment("SCDB_PORT")));
    ck_assert_ptr_nonnull(connected);
    ck_assert_msg(connected->err == 0, "%s", connected->errstr);
    return connected;
}

static void set_up(void)
{
    context = connect_tcp();
    freeReplyObject(redisCommand(context, "FLUSHALL"));
}

static void tear_down(void)
{
    redisFree(context);
}

/* The reply of a command, which must be there; the caller frees it. */
static redisReply *checked(void *reply)
{
    ck_assert_msg(reply != NULL, "%s", context->errstr);
    return reply;
}

static void expect_status(void *raw, const char *text)
{
    redisReply *reply = checked(raw);
    ck_assert_int_eq(reply->type, REDIS_REPLY_STATUS);
    ck_assert_str_eq(reply->str, text);
    freeReplyObject(reply);
}

static void expect_integer(void *raw, long long value)
{
    redisReply *reply = checked(raw);
    ck_assert_int_eq(reply->type, REDIS_REPLY_INTEGER);
    ck_assert_int_eq(reply->integer, value);
    freeReplyObject(reply);
}

static void expect_bytes(void *raw, const void *bytes, size_t size)
{
    redisReply *reply = checked(raw);
    ck_assert_int_eq(reply->type, REDIS_REPLY_STRING);
    ck_assert_uint_eq((size_t)reply->len, size);
    ck_assert_msg(memcmp(reply->str, bytes, size) == 0, "other bytes than were set");
    freeReplyObject(reply);
}

static void expect_nil(void *raw)
{
    redisReply *reply = checked(raw);
    ck_assert_int_eq(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

static void expect_error(void *raw, const char *text)
{
    redisReply *reply = checked(raw);
    ck_assert_int_eq(reply->type, REDIS_REPLY_ERROR);
    ck_assert_str_eq(reply->str, text);
    freeReplyObject(reply);
}

START_TEST(says_pong_and_echoes)
{
    expect_status(redisCommand(context, "PING"), "PONG");
    expect_bytes(redisCommand(context, "PING %s", "hello"), "hello", 5);
    expect_bytes(redisCommand(context, "ECHO %b", "a\0b", (size_t)3), "a\0b", 3);
}
END_TEST

START_TEST(sets_gets_and_deletes)
{
    expect_nil(redisCommand(context, "GET nothing"));
    expect_status(redisCommand(context, "SET key value"), "OK");
    expect_bytes(redisCommand(context, "GET key"), "value", 5);
    expect_status(redisCommand(context, "SET key %b", "", (size_t)0), "OK");
    expect_bytes(redisCommand(context, "GET key"), "", 0);
    expect_integer(redisCommand(context, "DEL key nothing"), 1);
    expect_nil(redisCommand(context, "GET key"));
}
END_TEST

START_TEST(counts)
{
    expect_integer(redisCommand(context, "INCR n"), 1);
    expect_integer(redisCommand(context, "INCRBY n 41"), 42);
    expect_integer(redisCommand(context, "DECRBY n 100"), -58);
    expect_status(redisCommand(context, "SET n %s", "9223372036854775807"), "OK");
    expect_error(redisCommand(context, "INCR n"), "ERR increment or decrement would overflow");
    expect_bytes(redisCommand(context, "GET n"), "9223372036854775807", 19);
}
END_TEST

START_TEST(errors_are_those_of_redis)
{
    expect_error(redisCommand(context, "SET key"),
                 "ERR wrong number of arguments for 'set' command");
    expect_error(redisCommand(context, "nonsense 1"),
                 "ERR unknown command 'nonsense', with args beginning with: '1' ");
    expect_error(redisCommand(context, "SET key value EX 0"),
                 "ERR invalid expire time in 'set' command");
    expect_error(redisCommand(context, "SELECT 99"), "ERR DB index is out of range");
    expect_status(redisCommand(context, "PING"), "PONG");
}
END_TEST

START_TEST(keys_and_values_hold_any_byte)
{
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)i;
    }
    expect_status(redisCommand(context, "SET %b %b", bytes, sizeof(bytes), bytes, sizeof(bytes)),
                  "OK");
    expect_bytes(redisCommand(context, "GET %b", bytes, sizeof(bytes)), bytes, sizeof(bytes));
    expect_nil(redisCommand(context, "GET %b", bytes, sizeof(bytes) - 1));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        expect_status(redisCommand(context, "SET %b %b", bytes + i, (size_t)1, bytes, i), "OK");
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        expect_bytes(redisCommand(context, "GET %b", bytes + i, (size_t)1), bytes, i);
    }
    expect_integer(redisCommand(context, "DBSIZE"), 257);
}
END_TEST

START_TEST(large_values_go_in_and_out)
{
    char *value = malloc(LARGE_SIZE);
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        value[i] = (char)(i * 2654435761U >> 13);
    }
    static const size_t sizes[] = {16383, 16384, 16385, 65535, 65536, 65537, 1048577, LARGE_SIZE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        expect_status(redisCommand(context, "SET large %b", value, sizes[i]), "OK");
        expect_integer(redisCommand(context, "STRLEN large"), (long long)sizes[i]);
        expect_bytes(redisCommand(context, "GET large"), value, sizes[i]);
    }
    expect_bytes(redisCommand(context, "GETRANGE large 1000000 1000099"), value + 1000000, 100);
    expect_integer(redisCommand(context, "APPEND large %b", value, (size_t)1000000),
                   LARGE_SIZE + 1000000);
    expect_bytes(redisCommand(context, "GETRANGE large %d -1", (int)LARGE_SIZE), value, 1000000);
    free(value);
}
END_TEST

START_TEST(large_keys_are_keys)
{
    char *key = malloc(1048576);
    ck_assert_ptr_nonnull(key);
    memset(key, 'k', 1048576);
    expect_status(redisCommand(context, "SET %b one", key, (size_t)1048576), "OK");
    expect_status(redisCommand(context, "SET %b two", key, (size_t)1048575), "OK");
    expect_bytes(redisCommand(context, "GET %b", key, (size_t)1048576), "one", 3);
    expect_bytes(redisCommand(context, "GET %b", key, (size_t)1048575), "two", 3);
    free(key);
}
END_TEST

START_TEST(a_pipeline_is_answered_in_order)
{
    for (int i = 0; i < PIPELINE_DEPTH; i++) {
        ck_assert_int_eq(redisAppendCommand(context, "SET key:%d value:%d", i, i), REDIS_OK);
        ck_assert_int_eq(redisAppendCommand(context, "GET key:%d", i), REDIS_OK);
        ck_assert_int_eq(redisAppendCommand(context, "INCR counter"), REDIS_OK);
    }
    for (int i = 0; i < PIPELINE_DEPTH; i++) {
        char wanted[32];
        void *reply = NULL;
        int size = snprintf(wanted, sizeof(wanted), "value:%d", i);
        ck_assert_int_eq(redisGetReply(context, &reply), REDIS_OK);
        expect_status(reply, "OK");
        ck_assert_int_eq(redisGetReply(context, &reply), REDIS_OK);
        expect_bytes(reply, wanted, (size_t)size);
        ck_assert_int_eq(redisGetReply(context, &reply), REDIS_OK);
        expect_integer(reply, i + 1);
    }
    expect_integer(redisCommand(context, "DBSIZE"), PIPELINE_DEPTH + 1);
}
END_TEST

START_TEST(many_arguments_in_one_command)
{
    enum { PAIRS = 5000 };
    static char texts[2 * PAIRS][32];
    static const char *arguments[1 + 2 * PAIRS];
    arguments[0] = "MSET";
    for (int i = 0; i < 2 * PAIRS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%s:%d", i % 2 ? "value" : "key", i / 2);
        arguments[1 + i] = texts[i];
    }
    expect_status(redisCommandArgv(context, 1 + 2 * PAIRS, arguments, NULL), "OK");

    static const char *names[1 + PAIRS];
    names[0] = "MGET";
    for (int i = 0; i < PAIRS; i++) {
        names[1 + i] = texts[2 * (PAIRS - 1 - i)];
    }
    redisReply *reply = checked(redisCommandArgv(context, 1 + PAIRS, names, NULL));
    ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
    ck_assert_uint_eq(reply->elements, PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_str_eq(reply->element[i]->str, texts[2 * (PAIRS - 1 - i) + 1]);
    }
    freeReplyObject(reply);
}
END_TEST

START_TEST(a_transaction_is_one_step)
{
    expect_status(redisCommand(context, "MULTI"), "OK");
    expect_status(redisCommand(context, "SET a 1"), "QUEUED");
    expect_status(redisCommand(context, "INCR a"), "QUEUED");
    expect_status(redisCommand(context, "GET a"), "QUEUED");
    redisReply *reply = checked(redisCommand(context, "EXEC"));
    ck_assert_int_eq(reply->type, REDIS_REPLY_ARRAY);
    ck_assert_uint_eq(reply->elements, 3);
    ck_assert_str_eq(reply->element[0]->str, "OK");
    ck_assert_int_eq(reply->element[1]->integer, 2);
    ck_assert_str_eq(reply->element[2]->str, "2");
    freeReplyObject(reply);
}
END_TEST

START_TEST(watch_sees_the_writes_of_others)
{
    redisContext *other = connect_tcp();
    expect_status(redisCommand(context, "WATCH a"), "OK");
    expect_status(redisCommand(other, "SET a changed"), "OK");
    expect_status(redisCommand(context, "MULTI"), "OK");
    expect_status(redisCommand(context, "SET a mine"), "QUEUED");
    expect_nil(redisCommand(context, "EXEC"));
    expect_bytes(redisCommand(context, "GET a"), "changed", 7);
    redisFree(other);
}
END_TEST

START_TEST(databases_are_apart)
{
    for (int i = 0; i < 16; i++) {
        expect_status(redisCommand(context, "SELECT %d", i), "OK");
        expect_nil(redisCommand(context, "GET key"));
        expect_status(redisCommand(context, "SET key %d", i), "OK");
    }
    redisContext *other = connect_tcp();
    expect_bytes(redisCommand(other, "GET key"), "0", 1);
    expect_status(redisCommand(other, "SELECT 15"), "OK");
    expect_bytes(redisCommand(other, "GET key"), "15", 2);
    redisFree(other);
}
END_TEST

START_TEST(keys_expire)
{
    expect_status(redisCommand(context, "SET short lived PX 30"), "OK");
    expect_status(redisCommand(context, "SET long lived EXAT 4102444800"), "OK");
    expect_integer(redisCommand(context, "EXPIRETIME long"), 4102444800);
    usleep(40000);
    expect_nil(redisCommand(context, "GET short"));
    expect_bytes(redisCommand(context, "GET long"), "lived", 5);
    expect_integer(redisCommand(context, "TTL short"), -2);
}
END_TEST

START_TEST(the_unix_socket_is_the_same_server)
{
    redisContext *local = redisConnectUnix(environment("SCDB_SOCKET"));
    ck_assert_ptr_nonnull(local);
    ck_assert_msg(local->err == 0, "%s", local->errstr);
    expect_status(redisCommand(local, "SET through socket"), "OK");
    expect_bytes(redisCommand(context, "GET through"), "socket", 6);
    redisFree(local);
}
END_TEST

/* Reads from the bare socket until `size` bytes are there: this hiredis may know no RESP3. */
static void expect_on_the_wire(int descriptor, const char *sent, const char *wanted)
{
    char got[512];
    size_t size = strlen(wanted);
    ck_assert_uint_lt(size, sizeof(got));
    ck_assert_int_eq(send(descriptor, sent, strlen(sent), 0), (ssize_t)strlen(sent));
    size_t have = 0;
    while (have < size) {
        ssize_t more = recv(descriptor, got + have, size - have, 0);
        ck_assert_msg(more > 0, "the server has closed the connection");
        have += (size_t)more;
    }
    got[have] = '\0';
    ck_assert_str_eq(got, wanted);
}

START_TEST(resp3_has_its_own_nulls_and_maps)
{
    int descriptor = context->fd;
    char start[8];
    ck_assert_int_eq(send(descriptor, "HELLO 3\r\n", 9, 0), 9);
    ck_assert_int_eq(recv(descriptor, start, 4, MSG_WAITALL), 4);
    ck_assert_mem_eq(start, "%7\r\n", 4);

    /* What follows is read up to the last of the seven fields. */
    char rest[1024];
    size_t have = 0;
    do {
        ssize_t more = recv(descriptor, rest + have, sizeof(rest) - 1 - have, 0);
        ck_assert_int_gt(more, 0);
        have += (size_t)more;
        rest[have] = '\0';
    } while (strstr(rest, "$7\r\nmodules\r\n*0\r\n") == NULL);
    ck_assert_ptr_nonnull(strstr(rest, "$5\r\nproto\r\n:3\r\n"));

    expect_on_the_wire(descriptor, "GET nothing\r\n", "_\r\n");
    expect_on_the_wire(descriptor, "SET key 1\r\n", "+OK\r\n");
    expect_on_the_wire(descriptor, "MGET key nothing\r\n", "*2\r\n$1\r\n1\r\n_\r\n");
    expect_on_the_wire(descriptor, "CONFIG GET maxclients\r\n",
                       "%1\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n");
}
END_TEST

static Suite *hiredis_suite(void)
{
    Suite *suite = suite_create("hiredis");
    TCase *client = tcase_create("client");
    tcase_add_checked_fixture(client, set_up, tear_down);
    tcase_set_timeout(client, 120);
    tcase_add_test(client, says_pong_and_echoes);
    tcase_add_test(client, sets_gets_and_deletes);
    tcase_add_test(client, counts);
    tcase_add_test(client, errors_are_those_of_redis);
    tcase_add_test(client, keys_and_values_hold_any_byte);
    tcase_add_test(client, large_values_go_in_and_out);
    tcase_add_test(client, large_keys_are_keys);
    tcase_add_test(client, a_pipeline_is_answered_in_order);
    tcase_add_test(client, many_arguments_in_one_command);
    tcase_add_test(client, a_transaction_is_one_step);
    tcase_add_test(client, watch_sees_the_writes_of_others);
    tcase_add_test(client, databases_are_apart);
    tcase_add_test(client, keys_expire);
    tcase_add_test(client, the_unix_socket_is_the_same_server);
    tcase_add_test(client, resp3_has_its_own_nulls_and_maps);
    suite_add_tcase(suite, client);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(hiredis_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
