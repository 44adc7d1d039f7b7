/* background_test.c - work on the background thread: in order, all of it, and none after the end.
 */
#include "commands/background.h"

#include "support/test_run.h"
#include "support/test_server.h"

#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
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

/* --- MEMORY PURGE --- */

static atomic_uint trim_count;
static atomic_bool may_go_on;

/* In the C library's place. */
int malloc_trim(size_t pad)
{
    (void)pad;
    atomic_fetch_add(&trim_count, 1);
    return 0;
}

static void hold_up(void *unused)
{
    (void)unused;
    while (!atomic_load(&may_go_on)) {
        usleep(1000);
    }
}

/* Work for the disk, or the server's end, would wait for all of them. */
START_TEST(purges_do_not_pile_up)
{
    struct test_server *server = test_server_start("threads 1");
    int client = test_server_connect(server);
    ck_assert_int_eq(background_run(hold_up, NULL), STATUS_OK);
    for (int i = 0; i < 100; i++) {
        test_expect(client, "MEMORY PURGE", "+OK\r\n");
    }
    unsigned before = atomic_load(&trim_count);
    atomic_store(&may_go_on, true);
    test_expect(client, "SAVE", "+OK\r\n"); /* behind them */
    ck_assert_uint_eq(atomic_load(&trim_count), before + 1);
    test_expect(client, "MEMORY PURGE", "+OK\r\n");
    test_expect(client, "SAVE", "+OK\r\n");
    ck_assert_uint_eq(atomic_load(&trim_count), before + 2);
    (void)close(client);
    test_server_stop(server);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("background");
    tcase_add_test(tcase, does_all_in_order);
    tcase_add_test(tcase, stops_without_ever_having_run);
    tcase_add_test(tcase, purges_do_not_pile_up);
    return test_run("background", tcase);
}
