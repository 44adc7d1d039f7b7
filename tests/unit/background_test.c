/* background_test.c - work on the background thread: in order, all of it, and none after the end.
 */
#include "commands/background.h"

#include "support/test_run.h"

#include <check.h>
#include <pthread.h>
#include <unistd.h>

#define PIECES 1000

static size_t done[PIECES];
static size_t done_count; /* written by the background thread, read once that has ended */
static size_t numbers[PIECES];
static pthread_t worker;

static void note(void *context)
{
    if (done_count == 0) {
        worker = pthread_self();
        usleep(20000); /* so that the others pile up behind it */
    }
    done[done_count++] = *(size_t *)context;
}

START_TEST(does_all_in_order)
{
    for (size_t i = 0; i < PIECES; i++) {
        numbers[i] = i;
        ck_assert_int_eq(background_run(note, &numbers[i]), STATUS_OK);
    }
    background_stop();
    ck_assert_uint_eq(done_count, PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        ck_assert_uint_eq(done[i], i);
    }
    ck_assert(!pthread_equal(worker, pthread_self()));
    ck_assert_int_eq(background_run(note, &numbers[0]), STATUS_CLOSED);
    ck_assert_uint_eq(done_count, PIECES);
}
END_TEST

START_TEST(stops_without_ever_having_run)
{
    background_stop();
    ck_assert_int_eq(background_run(note, &numbers[0]), STATUS_CLOSED);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("background");
    tcase_add_test(tcase, does_all_in_order);
    tcase_add_test(tcase, stops_without_ever_having_run);
    return test_run("background", tcase);
}
