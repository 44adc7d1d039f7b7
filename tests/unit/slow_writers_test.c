/* slow_writers_test.c - clients that outrun compaction, beside those that don't. */
#include "base/clock.h"
#include "support/test_run.h"
#include "support/test_server.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VALUE_SIZE ((size_t)300000)

static struct test_server *server;
static int writer;
static int reader;
static atomic_bool compaction_may_go_on;

/* Only compactions read files while the server runs: values come through the mappings. */
static void hold_up(void *context, enum sim_call call, const char *name)
{
    (void)context;
    (void)name;
    while (call == SIM_READ && !atomic_load(&compaction_may_go_on)) {
        clock_sleep_us(1000);
    }
}

static void set_up(void)
{
    atomic_store(&compaction_may_go_on, false);
    server = test_server_start("threads 1");
    sim_disk_set_hook(test_server_disk(server), hold_up, NULL);
    writer = test_server_connect(server);
    reader = test_server_connect(server);
    test_expect(reader, "CONFIG SET compaction-garbage-percentage 20", "+OK\r\n");
    test_expect(reader, "SET live 1", "+OK\r\n");
}

static void tear_down(void)
{
    atomic_store(&compaction_may_go_on, true);
    (void)close(writer);
    (void)close(reader);
    test_server_stop(server);
}

/* A number in INFO scdb. */
static uint64_t ask_info(const char *name)
{
    struct buffer request = {0};
    struct buffer text = {0};
    test_request(&request, "INFO scdb");
    test_send(reader, buffer_slice(&request));
    while (text.size < 2 || text.data[text.size - 1] != '\n') {
        ck_assert(test_receive(reader, 1, &text));
    }
    ck_assert_int_eq(text.data[0], '$');
    size_t size = strtoull(text.data + 1, NULL, 10);
    text.size = 0;
    ck_assert(test_receive(reader, size + 2, &text));
    ck_assert_int_eq(buffer_append(&text, "", 1), STATUS_OK);
    const char *found = strstr(text.data, name);
    ck_assert_msg(found != NULL && found[strlen(name)] == ':', "INFO has no %s", name);
    uint64_t number = strtoull(found + strlen(name) + 1, NULL, 10);
    buffer_deinit(&request);
    buffer_deinit(&text);
    return number;
}

static void send_values(int count, size_t size)
{
    static char bytes[VALUE_SIZE];
    const struct slice words[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("overwritten"),
                                  slice_make(bytes, size)};
    struct buffer request = {0};
    for (int i = 0; i < count; i++) {
        test_request_slices(&request, words, 3);
    }
    test_send(writer, buffer_slice(&request));
    buffer_deinit(&request);
}

static void send_value(void)
{
    send_values(1, VALUE_SIZE);
}

static void overwrite(int count)
{
    for (int i = 0; i < count; i++) {
        send_value();
        test_expect_reply(writer, "+OK\r\n");
    }
}

START_TEST(who_writes_is_slowed)
{
    overwrite(40);
    uint64_t slowed = ask_info("slowed_writes");
    ck_assert_uint_gt(slowed, 0);
    ck_assert_uint_gt(ask_info("slowed_writes_ms"), 0);
    /* Who reads or deletes is not. */
    test_expect(reader, "GET live", "$1\r\n1\r\n");
    test_expect(reader, "DEL live overwritten", ":2\r\n");
    test_expect(reader, "FLUSHALL", "+OK\r\n");
    ck_assert_uint_eq(ask_info("slowed_writes"), slowed);
}
END_TEST

/* What comes while a connection waits is kept, and executed in its order. */
START_TEST(what_is_sent_meanwhile_comes_later)
{
    overwrite(40);
    uint64_t slowed = ask_info("slowed_writes");
    for (int i = 0; i < 5; i++) {
        send_value();
    }
    for (int i = 0; i < 5; i++) {
        test_expect_reply(writer, "+OK\r\n");
    }
    test_expect(writer, "STRLEN overwritten", ":300000\r\n");
    ck_assert_uint_gt(ask_info("slowed_writes"), slowed);
    send_value();
    ck_assert_int_eq(shutdown(writer, SHUT_WR), 0); /* and one that leaves has its answer */
    test_expect_reply(writer, "+OK\r\n");
    test_expect_end(writer);
}
END_TEST

static uint64_t waits_of_a_pipeline(void)
{
    uint64_t slowed = ask_info("slowed_writes");
    send_values(48, 20000);
    for (int i = 0; i < 48; i++) {
        test_expect_reply(writer, "+OK\r\n");
    }
    return ask_info("slowed_writes") - slowed;
}

/* Who sends much in one waits for each share of it, so that others have theirs between. Where a
 * busy machine has made a wait too long, the shares behind it have none; so it may try again. */
START_TEST(a_pipeline_is_slowed_share_by_share)
{
    overwrite(40);
    uint64_t waits = 0;
    for (int tries = 0; waits < 2 && tries < 30; tries++) {
        waits = waits_of_a_pipeline();
    }
    ck_assert_uint_ge(waits, 2);
}
END_TEST

START_TEST(nobody_is_once_compaction_has_caught_up)
{
    overwrite(40);
    ck_assert_uint_gt(ask_info("slowed_writes"), 0);
    atomic_store(&compaction_may_go_on, true);
    int64_t until_ms = clock_monotonic_ms() + 100000;
    while (ask_info("dead_bytes") > 3000000 && clock_monotonic_ms() < until_ms) {
        clock_sleep_us(10000);
    }
    ck_assert_uint_gt(ask_info("compactions"), 0);
    uint64_t slowed;
    do { /* what is told of the disk may be a moment old */
        slowed = ask_info("slowed_writes");
        overwrite(1);
    } while (ask_info("slowed_writes") != slowed && clock_monotonic_ms() < until_ms);
    ck_assert_uint_eq(ask_info("slowed_writes"), slowed);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("slow writers");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, who_writes_is_slowed);
    tcase_add_test(tests, what_is_sent_meanwhile_comes_later);
    tcase_add_test(tests, a_pipeline_is_slowed_share_by_share);
    tcase_add_test(tests, nobody_is_once_compaction_has_caught_up);
    return test_run("slow writers", tests);
}
