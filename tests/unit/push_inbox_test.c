/* push_inbox_test.c - what weighs in an inbox, and until when. */
#include "server/push_inbox.h"

#include "server/push.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define MANY 1000

static struct push_inbox inbox;

static void set_up(void)
{
    memset(&inbox, 0, sizeof(inbox));
}

static void tear_down(void)
{
    push_inbox_deinit(&inbox);
}

/* A message of so many bytes to sessions 1 to `count`. */
static void put(size_t size, size_t count)
{
    static char bytes[1 << 20];
    struct push *push = push_create(slice_make(bytes, size), false);
    ck_assert_ptr_nonnull(push);
    for (size_t i = 0; i < count; i++) {
        ck_assert(push_inbox_put_locked(&inbox, i + 1, push));
    }
    push_release(push);
}

static void take_all(void)
{
    const struct delivery *delivery = push_inbox_first_locked(&inbox);
    while (delivery != NULL) {
        push_inbox_advance_locked(&inbox, 1);
        delivery = push_inbox_first_locked(&inbox);
    }
}

START_TEST(receivers_come_out_in_the_order_in_which_they_went_in)
{
    put(10, 3);
    put(20, 1);
    const struct delivery *delivery = push_inbox_first_locked(&inbox);
    ck_assert_uint_eq(delivery->push->size, 10);
    ck_assert_uint_eq(delivery->count, 3);
    push_inbox_advance_locked(&inbox, 2);
    delivery = push_inbox_first_locked(&inbox);
    ck_assert_uint_eq(delivery->push->size, 10);
    ck_assert_uint_eq(delivery->sessions[delivery->done], 3);
    push_inbox_advance_locked(&inbox, 1);
    ck_assert_uint_eq(push_inbox_first_locked(&inbox)->push->size, 20);
    ck_assert(!push_inbox_is_empty(&inbox));
    push_inbox_advance_locked(&inbox, 1);
    ck_assert_ptr_null(push_inbox_first_locked(&inbox));
    ck_assert(push_inbox_is_empty(&inbox));
}
END_TEST

START_TEST(it_is_full_until_what_was_taken_out_is_sent)
{
    put(600000, 3);
    ck_assert(!push_inbox_is_full_locked(&inbox));
    ck_assert(!push_inbox_has_room_locked(&inbox));
    put(600000, 1);
    ck_assert(push_inbox_is_full_locked(&inbox));
    take_all();
    ck_assert(push_inbox_is_full_locked(&inbox));
    ck_assert(push_inbox_is_much(push_inbox_unsent(&inbox)));
    push_inbox_note_sent(&inbox, false); /* to clients that lag */
    ck_assert_uint_eq(push_inbox_unsent(&inbox), 0);
    ck_assert(!push_inbox_is_settled(&inbox));
    ck_assert(push_inbox_is_full_locked(&inbox));
    push_inbox_note_sent(&inbox, true);
    ck_assert(push_inbox_is_settled(&inbox));
    ck_assert(push_inbox_has_room_locked(&inbox));
}
END_TEST

START_TEST(small_messages_to_many_are_gathered)
{
    for (size_t i = 0; i < 500; i++) {
        put(50, MANY);
        ck_assert(!push_inbox_is_full_locked(&inbox));
    }
    for (size_t i = 0; i < 60; i++) {
        put(50, MANY);
    }
    ck_assert(push_inbox_is_full_locked(&inbox));
    take_all();
    push_inbox_note_sent(&inbox, true);
    ck_assert_uint_eq(inbox.put_weight, inbox.taken_weight);
    ck_assert(push_inbox_has_room_locked(&inbox));
}
END_TEST

START_TEST(it_is_full_while_its_owner_is_behind)
{
    put(10, 1);
    inbox.is_behind = true;
    ck_assert(push_inbox_is_full_locked(&inbox));
    ck_assert(!push_inbox_has_room_locked(&inbox));
    ck_assert(push_inbox_await_locked(&inbox, 7));
    ck_assert(atomic_load(&inbox.is_awaited));
    ck_assert_uint_eq(inbox.waiter_count, 1);
    ck_assert_uint_eq(inbox.waiters[0], 7);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("push inbox");
    tcase_add_checked_fixture(test, set_up, tear_down);
    tcase_add_test(test, receivers_come_out_in_the_order_in_which_they_went_in);
    tcase_add_test(test, it_is_full_until_what_was_taken_out_is_sent);
    tcase_add_test(test, small_messages_to_many_are_gathered);
    tcase_add_test(test, it_is_full_while_its_owner_is_behind);
    return test_run("push inbox", test);
}
