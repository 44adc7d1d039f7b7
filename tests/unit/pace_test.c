/* pace_test.c - when a worker waits a moment for more requests, and when it never does. */
#include "server/pace.h"

#include "support/test_run.h"

#include <check.h>

/* A turn that reads from so many clients; the first `fresh` of them for the first time in this
 * millisecond. */
static bool rests_after(struct pace *pace, size_t reads, size_t fresh, size_t requests, int64_t ms)
{
    for (size_t i = 0; i < reads; i++) {
        pace_note_read(pace, i < fresh);
    }
    pace_end_reads(pace, requests, ms);
    return pace_begin_turn(pace);
}

/* A millisecond with so many reads, one a turn, from so many clients; the next one begins. */
static struct pace after_ms(size_t reads, size_t clients)
{
    struct pace pace = {.ms = 100};
    for (size_t i = 0; i + 1 < reads; i++) {
        (void)rests_after(&pace, 1, i < clients, 1, 100);
    }
    /* The first read of the next millisecond is told by the clock after it. */
    (void)rests_after(&pace, 1, 0, 1, 101);
    return pace;
}

/* Does a turn with one request rest behind such a millisecond? */
static bool rests_with(size_t reads, size_t clients)
{
    struct pace pace = after_ms(reads, clients);
    return rests_after(&pace, 1, 1, 1, 101);
}

START_TEST(many_clients_with_a_request_now_and_then_are_served_together)
{
    struct pace pace = after_ms(80, 50);
    ck_assert(rests_after(&pace, 1, 1, 1, 101));
    ck_assert(rests_after(&pace, 6, 6, 6, 101));
    ck_assert(rests_after(&pace, 1, 0, 1, 101));
}
END_TEST

START_TEST(the_first_millisecond_only_counts)
{
    struct pace pace = {0};
    for (size_t i = 0; i < 50; i++) {
        ck_assert(!rests_after(&pace, 1, 1, 1, 100));
    }
}
END_TEST

START_TEST(few_clients_never_wait)
{
    ck_assert(!rests_with(80, 15));
    ck_assert(rests_with(80, 16));
}
END_TEST

START_TEST(clients_that_ask_now_and_then_never_wait)
{
    ck_assert(!rests_with(49, 45));
    ck_assert(rests_with(50, 45));
}
END_TEST

/* One client is no crowd, however often it asks. */
START_TEST(one_client_that_asks_often_never_waits)
{
    struct pace pace = {0};
    for (int64_t i = 0; i < 1000; i++) {
        ck_assert(!rests_after(&pace, 1, i % 50 == 0, 1, 100 + i / 50));
    }
}
END_TEST

START_TEST(clients_that_wait_for_the_worker_are_served_at_once)
{
    struct pace pace = after_ms(80, 50);
    ck_assert(!rests_after(&pace, 7, 7, 7, 101));
    ck_assert(!rests_after(&pace, 50, 43, 50, 101));
}
END_TEST

START_TEST(pipelines_are_worth_a_turn)
{
    struct pace pace = after_ms(80, 50);
    ck_assert(rests_after(&pace, 1, 1, 8, 101));
    ck_assert(!rests_after(&pace, 1, 1, 9, 101));
}
END_TEST

START_TEST(a_turn_without_reads_does_not_wait)
{
    struct pace pace = after_ms(80, 50);
    ck_assert(!rests_after(&pace, 0, 0, 0, 101));
}
END_TEST

START_TEST(a_pause_ends_it)
{
    struct pace pace = after_ms(80, 50);
    ck_assert(!rests_after(&pace, 1, 1, 1, 103));
    pace = after_ms(80, 50);
    ck_assert(!rests_after(&pace, 1, 1, 1, 50));
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("turns");
    tcase_add_test(test, many_clients_with_a_request_now_and_then_are_served_together);
    tcase_add_test(test, the_first_millisecond_only_counts);
    tcase_add_test(test, few_clients_never_wait);
    tcase_add_test(test, clients_that_ask_now_and_then_never_wait);
    tcase_add_test(test, one_client_that_asks_often_never_waits);
    tcase_add_test(test, clients_that_wait_for_the_worker_are_served_at_once);
    tcase_add_test(test, pipelines_are_worth_a_turn);
    tcase_add_test(test, a_turn_without_reads_does_not_wait);
    tcase_add_test(test, a_pause_ends_it);
    return test_run("pace", test);
}
