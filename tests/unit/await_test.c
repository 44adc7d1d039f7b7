/* await_test.c - the timer of clients that wait until the log is durable. */
#include "server/await.h"

#include "server/worker.h"
#include "support/test_run.h"

#include <check.h>

/* Who waits may go, and the timer that is left would wake the worker again and again. */
START_TEST(without_anybody_who_waits_there_is_no_timer)
{
    struct worker worker = {.await_until_ms = 1};
    await_settle(&worker, false);
    ck_assert_int_eq(worker.await_until_ms, INT64_MAX);
    worker.await_until_ms = 1;
    await_settle(&worker, true);
    ck_assert_int_eq(worker.await_until_ms, INT64_MAX);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("await");
    tcase_add_test(test, without_anybody_who_waits_there_is_no_timer);
    return test_run("await", test);
}
