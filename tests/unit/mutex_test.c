/* mutex_test.c - who locks patiently waits as long as it takes, and is alone then. */
#include "base/mutex.h"

#include "support/test_run.h"

#include <check.h>
#include <pthread.h>

#define ROUNDS 2000

struct shared {
    struct mutex mutex;
    int inside;
    int count;
};

static void enter(struct shared *shared) RELEASES(shared->mutex)
{
    ck_assert_int_eq(shared->inside++, 0);
    shared->count++;
    ck_assert_int_eq(--shared->inside, 0);
    mutex_unlock(&shared->mutex);
}

static void *patiently(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < ROUNDS; i++) {
        mutex_lock_patiently(&shared->mutex);
        enter(shared);
    }
    return NULL;
}

START_TEST(one_at_a_time)
{
    struct shared shared = {0};
    mutex_init(&shared.mutex);
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, patiently, &shared), 0);
    for (int i = 0; i < ROUNDS; i++) {
        mutex_lock(&shared.mutex);
        enter(&shared);
    }
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert_int_eq(shared.count, 2 * ROUNDS);
    mutex_deinit(&shared.mutex);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, one_at_a_time);
    return test_run("mutex", core);
}
