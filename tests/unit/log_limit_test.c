/* log_limit_test.c - one line in an interval, whoever asks. */
#include "base/log_limit.h"

#include "support/test_run.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define THREADS   2
#define INTERVALS 10000

START_TEST(first_line_is_written_at_once)
{
    struct log_limit limit = {0};
    ck_assert(log_limit_try(&limit, 1000, 5000));
    ck_assert(!log_limit_try(&limit, 1000, 5000));
}
END_TEST

START_TEST(next_line_is_written_an_interval_later)
{
    struct log_limit limit = {0};
    ck_assert(log_limit_try(&limit, 1000, 5000));
    ck_assert(!log_limit_try(&limit, 1000, 5999));
    ck_assert(log_limit_try(&limit, 1000, 6000));
    ck_assert(!log_limit_try(&limit, 1000, 6999));
}
END_TEST

START_TEST(work_that_is_short_gets_no_line)
{
    struct log_limit limit;
    log_limit_begin(&limit, 5000);
    ck_assert(!log_limit_try(&limit, 1000, 5999));
    ck_assert(log_limit_try(&limit, 1000, 6000));
}
END_TEST

struct askers {
    struct log_limit limit;
    _Atomic int64_t started;
    _Atomic int64_t arrivals;
    _Atomic unsigned lines;
};

/* Two that share a processor never ask at the same time; the system would take its time to part
 * them. */
static void take_processor(int64_t thread)
{
    cpu_set_t allowed;
    cpu_set_t own;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    int64_t skipped = thread % CPU_COUNT(&allowed);
    size_t processor = 0;
    while (!CPU_ISSET(processor, &allowed) || skipped-- > 0) {
        processor++;
    }
    CPU_ZERO(&own);
    CPU_SET(processor, &own);
    ck_assert_int_eq(pthread_setaffinity_np(pthread_self(), sizeof(own), &own), 0);
}

/* Both ask at the beginning of each interval. Who arrives last goes on first; so each waits some
 * moments more, a number of its own, and now and then they ask at the same time. */
static void *ask(void *context)
{
    struct askers *askers = context;
    int64_t thread = atomic_fetch_add(&askers->started, 1);
    int64_t step = 1 + 2 * thread;
    take_processor(thread);
    for (int64_t i = 1; i <= INTERVALS; i++) {
        atomic_fetch_add(&askers->arrivals, 1);
        for (unsigned spins = 1; askers->arrivals < i * THREADS; spins++) {
            if (spins % 1000 == 0) {
                (void)sched_yield(); /* the other may wait for this processor */
            }
        }
        for (int64_t moments = i * step % 64; moments > 0; moments--) {
            (void)atomic_load(&askers->arrivals);
        }
        atomic_fetch_add(&askers->lines, log_limit_try(&askers->limit, 1000, i * 1000));
    }
    return NULL;
}

START_TEST(of_several_threads_one_writes)
{
    struct askers askers = {.lines = 0};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &askers), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(askers.lines, INTERVALS);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, first_line_is_written_at_once);
    tcase_add_test(core, next_line_is_written_an_interval_later);
    tcase_add_test(core, work_that_is_short_gets_no_line);
    tcase_add_test(core, of_several_threads_one_writes);
    return test_run("log_limit", core);
}
