/* output_test.c - replies leave in order, whole, and not before they may. */
#include "server/output.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* In the place of the store: replies may leave up to this position. */
static uint64_t durable_position;
static bool sync_has_failed;

static bool may_leave(void *context, const struct output_mark *mark, bool *failed)
{
    (void)context;
    *failed = sync_has_failed;
    return !sync_has_failed && (!mark->has_written || mark->position <= durable_position);
}

static int sockets[2];
static struct reply reply;
static struct output output;
static size_t released;

static void set_up(void)
{
    int size = 4096;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    ck_assert_int_eq(setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    reply_init(&reply);
    output = (struct output){0};
    durable_position = 0;
    sync_has_failed = false;
    released = 0;
}

static void tear_down(void)
{
    output_deinit(&output, &reply);
    (void)close(sockets[0]);
    (void)close(sockets[1]);
}

static void release(void *owner)
{
    ck_assert_ptr_eq(owner, &released);
    released++;
}

static void mark(uint64_t position)
{
    ck_assert_int_eq(output_add_mark(&output, &reply, position, true), STATUS_OK);
}

static void mark_read(uint64_t position)
{
    ck_assert_int_eq(output_add_mark(&output, &reply, position, false), STATUS_OK);
}

static bool release_marks(void)
{
    bool failed = false;
    bool all = output_release_marks(&output, may_leave, NULL, &failed);
    ck_assert_int_eq(failed, sync_has_failed && !all);
    return all;
}

/* Reads what has come; returns how much. */
static size_t receive(struct buffer *into)
{
    char chunk[65536];
    size_t sum = 0;
    ssize_t size;
    while ((size = recv(sockets[1], chunk, sizeof(chunk), 0)) > 0) {
        ck_assert_int_eq(buffer_append(into, chunk, (size_t)size), STATUS_OK);
        sum += (size_t)size;
    }
    return sum;
}

static void expect_sent(const char *expected)
{
    struct buffer got = {0};
    uint64_t sent = 0;
    ck_assert_int_eq(output_send(&output, &reply, sockets[0], &sent), OUTPUT_SENT);
    (void)receive(&got);
    ck_assert_uint_eq(got.size, sent);
    ck_assert_msg(slice_equal(buffer_slice(&got), slice_of_string(expected)), "'%.*s'",
                  (int)got.size, got.data);
    buffer_deinit(&got);
}

START_TEST(what_rests_on_nothing_leaves_at_once)
{
    reply_ok(&reply);
    mark(0);
    ck_assert(release_marks());
    expect_sent("+OK\r\n");
    ck_assert(output_is_empty(&output, &reply));
    expect_sent("");
}
END_TEST

START_TEST(replies_wait_for_their_position_and_for_those_before)
{
    reply_integer(&reply, 1);
    mark(10);
    reply_integer(&reply, 2);
    mark(0); /* rests on nothing, but stands behind 1 */
    reply_integer(&reply, 3);
    mark(20);
    reply_integer(&reply, 4);
    mark(15);
    ck_assert(!release_marks());
    expect_sent("");
    durable_position = 10;
    ck_assert(!release_marks());
    expect_sent(":1\r\n:2\r\n");
    durable_position = 19;
    ck_assert(!release_marks());
    expect_sent("");
    durable_position = 20;
    ck_assert(release_marks());
    expect_sent(":3\r\n:4\r\n");
    ck_assert(output_is_empty(&output, &reply));
}
END_TEST

/* The store may let go what has only been read, but not before what stands in front of it. */
START_TEST(what_was_read_waits_only_for_what_was_written_before)
{
    reply_integer(&reply, 1);
    mark_read(30);
    ck_assert(release_marks());
    expect_sent(":1\r\n");
    reply_integer(&reply, 2);
    mark(40);
    reply_integer(&reply, 3);
    mark_read(50);
    reply_integer(&reply, 4);
    mark(50);
    ck_assert(!release_marks());
    expect_sent("");
    durable_position = 40;
    ck_assert(!release_marks());
    expect_sent(":2\r\n");
    durable_position = 50;
    ck_assert(release_marks());
    expect_sent(":3\r\n:4\r\n");
}
END_TEST

/* As with CLIENT REPLY OFF: a mark behind nothing, which is left when all before it has been sent,
 * holds what follows and no more. */
START_TEST(a_mark_without_bytes_holds_what_follows)
{
    reply_simple(&reply, "sent before the next");
    mark(0);
    mark(10);
    mark(20);
    ck_assert(!release_marks());
    expect_sent("+sent before the next\r\n");
    ck_assert(output_is_empty(&output, &reply));
    reply_integer(&reply, 1);
    mark(0);
    reply_integer(&reply, 2);
    mark(30);
    durable_position = 10;
    ck_assert(!release_marks());
    expect_sent("");
    durable_position = 20;
    ck_assert(!release_marks());
    expect_sent(":1\r\n");
    durable_position = 30;
    ck_assert(release_marks());
    expect_sent(":2\r\n");
}
END_TEST

/* The same where part of a large reply is sent, and its room is used again. */
START_TEST(a_mark_without_bytes_moves_with_what_is_sent)
{
    static char large[400000];
    struct buffer got = {0};
    uint64_t sent = 0;
    reply_bulk(&reply, slice_make(large, sizeof(large)));
    mark(0);
    mark(10);
    size_t size = reply.bytes.size;
    while (output_send(&output, &reply, sockets[0], &sent) == OUTPUT_BLOCKED) {
        (void)receive(&got);
    }
    (void)receive(&got);
    ck_assert_uint_eq(got.size, size);
    reply_ok(&reply);
    mark(20);
    durable_position = 10;
    ck_assert(!release_marks());
    expect_sent("");
    durable_position = 20;
    ck_assert(release_marks());
    expect_sent("+OK\r\n");
    buffer_deinit(&got);
}
END_TEST

START_TEST(a_failed_sync_holds_for_ever)
{
    reply_ok(&reply);
    mark(10);
    durable_position = 10;
    sync_has_failed = true;
    ck_assert(!release_marks());
    expect_sent("");
}
END_TEST

START_TEST(references_are_sent_in_their_place_and_released_once)
{
    reply_integer(&reply, 1);
    reply_bulk_reference(&reply, SLICE_LITERAL("first"), release, &released);
    reply_bulk_reference(&reply, SLICE_LITERAL(""), release, &released);
    mark(0);
    reply_bulk_reference(&reply, SLICE_LITERAL("held"), release, &released);
    mark(5);
    ck_assert(!release_marks());
    expect_sent(":1\r\n$5\r\nfirst\r\n$0\r\n\r\n");
    ck_assert_uint_eq(released, 2);
    ck_assert_uint_eq(output_pending(&output, &reply), 4 + 4 + 2);
}
END_TEST

START_TEST(what_was_not_sent_is_released_at_the_end)
{
    reply_bulk_reference(&reply, SLICE_LITERAL("a"), release, &released);
    mark(0);
    expect_sent("$1\r\na\r\n");
    reply_bulk_reference(&reply, SLICE_LITERAL("b"), release, &released);
    reply_bulk_reference(&reply, SLICE_LITERAL("c"), release, &released);
    mark(1);
    ck_assert_uint_eq(released, 1);
    output_deinit(&output, &reply);
    ck_assert_uint_eq(released, 3);
}
END_TEST

START_TEST(only_copies_of_what_is_referred_to_take_memory)
{
    size_t size = 100000;
    char *large = calloc(1, size);
    char *copy = calloc(1, size);
    ck_assert(large != NULL && copy != NULL);
    reply_bulk_reference(&reply, slice_make(large, size), release, &released);
    reply_bulk_reference(&reply, slice_make(large, size), release, &released);
    ck_assert_uint_gt(output_pending(&output, &reply), 2 * size);
    ck_assert_uint_lt(output_memory(&output, &reply), size);
    size_t before = output_memory(&output, &reply);
    reply_copy_reference(&reply, &reply.references[0], copy);
    ck_assert_uint_eq(released, 1);
    ck_assert(reply_is_copied(&reply.references[0]) && !reply_is_copied(&reply.references[1]));
    ck_assert_uint_eq(output_memory(&output, &reply), before + size);
    reply_rewind(&reply, (struct reply_mark){0});
    ck_assert_uint_eq(released, 2);
    ck_assert_uint_eq(output_memory(&output, &reply), before);
    free(large);
}
END_TEST

START_TEST(a_client_that_is_gone_is_noticed)
{
    uint64_t sent = 0;
    (void)close(sockets[1]);
    reply_ok(&reply);
    mark(0);
    ck_assert_int_eq(output_send(&output, &reply, sockets[0], &sent), OUTPUT_CLOSED);
    ck_assert_uint_eq(sent, 0);
}
END_TEST

/* What random replies rest on: nothing from `begin` on may leave before the position is durable. */
struct held {
    size_t begin;
    uint64_t position;
};

#define ROUNDS 6000
static struct held held[ROUNDS];
static size_t held_count;
static size_t marked; /* bytes that stand before the last mark */

static void mark_and_hold(uint64_t position, size_t written)
{
    mark(position);
    held[held_count++] = (struct held){.begin = marked, .position = position};
    marked = written;
}

static void expect_no_more_than_may_leave(uint64_t sent)
{
    size_t durable = 0;
    while (durable < held_count && held[durable].position <= durable_position) {
        durable++;
    }
    held_count -= durable;
    memmove(held, held + durable, held_count * sizeof(*held));
    ck_assert(held_count == 0 || sent <= held[0].begin);
}

/* A random reply, in one of `one_in_large` cases a large one, and the same into `expected`. */
static void write_random(struct test_random *random, uint64_t one_in_large, struct buffer *expected)
{
    static char large[300000];
    size_t size =
        test_random_below(random, test_random_one_in(random, one_in_large) ? sizeof(large) : 500);
    if (large[0] == '\0') {
        test_random_fill(random, large, sizeof(large));
        large[0] = 'a';
    }
    struct slice slice = slice_make(large, size);
    struct reply copy;
    reply_init(&copy);
    reply_bulk(&copy, slice);
    ck_assert_int_eq(buffer_append(expected, copy.bytes.data, copy.bytes.size), STATUS_OK);
    reply_deinit(&copy);
    if (test_random_one_in(random, 3)) {
        reply_bulk_reference(&reply, slice, release, &released);
    } else {
        reply_bulk(&reply, slice);
    }
}

/* Writes random replies, or none, sends and reads random amounts; all must arrive, in order, and
 * nothing of it before it may. */
START_TEST(random_replies_arrive_whole)
{
    struct test_random random;
    struct buffer expected = {0};
    struct buffer got = {0};
    uint64_t position = 0;
    uint64_t sent = 0;
    test_random_init(&random, test_seed("output_test"));
    held_count = marked = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        if (test_random_one_in(&random, 2)) {
            /* By turns the socket is full, or all is sent. */
            write_random(&random, round / 200 % 2 == 0 ? 20 : 1000, &expected);
        }
        if (test_random_one_in(&random, 2)) {
            position += test_random_below(&random, 3);
            mark_and_hold(test_random_one_in(&random, 2) ? position : 0, expected.size);
        }
        durable_position += test_random_below(&random, 2);
        (void)release_marks();
        ck_assert_int_ne(output_send(&output, &reply, sockets[0], &sent), OUTPUT_CLOSED);
        expect_no_more_than_may_leave(sent);
        if (!test_random_one_in(&random, 3)) {
            (void)receive(&got);
        }
    }
    mark(0);
    durable_position = UINT64_MAX;
    ck_assert(release_marks());
    while (got.size < expected.size) {
        ck_assert_int_ne(output_send(&output, &reply, sockets[0], &sent), OUTPUT_CLOSED);
        (void)receive(&got);
    }
    ck_assert(slice_equal(buffer_slice(&got), buffer_slice(&expected)));
    ck_assert(output_is_empty(&output, &reply));
    ck_assert_uint_eq(reply.referenced_bytes, 0);
    buffer_deinit(&expected);
    buffer_deinit(&got);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("output");
    tcase_add_checked_fixture(test, set_up, tear_down);
    tcase_set_timeout(test, 60);
    tcase_add_test(test, what_rests_on_nothing_leaves_at_once);
    tcase_add_test(test, replies_wait_for_their_position_and_for_those_before);
    tcase_add_test(test, what_was_read_waits_only_for_what_was_written_before);
    tcase_add_test(test, a_mark_without_bytes_holds_what_follows);
    tcase_add_test(test, a_mark_without_bytes_moves_with_what_is_sent);
    tcase_add_test(test, a_failed_sync_holds_for_ever);
    tcase_add_test(test, references_are_sent_in_their_place_and_released_once);
    tcase_add_test(test, what_was_not_sent_is_released_at_the_end);
    tcase_add_test(test, only_copies_of_what_is_referred_to_take_memory);
    tcase_add_test(test, a_client_that_is_gone_is_noticed);
    tcase_add_test(test, random_replies_arrive_whole);
    return test_run("output", test);
}
