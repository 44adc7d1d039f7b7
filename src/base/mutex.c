/* mutex.c - see mutex.h. */
#include "base/mutex.h"

#include "base/check.h"
#include "base/clock.h"

#include <errno.h>
#include <time.h>

/* A sleep takes its time and what the kernel adds: at most about twice as long in all. */
#define PATIENT_TRIES    10
#define PATIENT_SLEEP_US 50

void mutex_init(struct mutex *mutex)
{
    CHECK(pthread_mutex_init(&mutex->native, NULL) == 0);
}

void mutex_deinit(struct mutex *mutex)
{
    CHECK(pthread_mutex_destroy(&mutex->native) == 0);
}

void mutex_lock(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    CHECK(pthread_mutex_lock(&mutex->native) == 0);
}

void mutex_lock_patiently(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    for (int i = 0; i < PATIENT_TRIES; i++) {
        if (mutex_try_lock(mutex)) {
            return;
        }
        clock_sleep_us(PATIENT_SLEEP_US);
    }
    mutex_lock(mutex);
}

bool mutex_try_lock(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    int result = pthread_mutex_trylock(&mutex->native);
    CHECK(result == 0 || result == EBUSY);
    return result == 0;
}

void mutex_unlock(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    CHECK(pthread_mutex_unlock(&mutex->native) == 0);
}

void condition_init(struct condition *condition)
{
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&condition->native, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
}

void condition_deinit(struct condition *condition)
{
    CHECK(pthread_cond_destroy(&condition->native) == 0);
}

void condition_wait(struct condition *condition, struct mutex *mutex, long timeout_ms)
{
    if (timeout_ms < 0) {
        CHECK(pthread_cond_wait(&condition->native, &mutex->native) == 0);
        return;
    }
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int result = pthread_cond_timedwait(&condition->native, &mutex->native, &until);
    CHECK(result == 0 || result == ETIMEDOUT);
}

void condition_wake_one(struct condition *condition)
{
    CHECK(pthread_cond_signal(&condition->native) == 0);
}

void condition_wake_all(struct condition *condition)
{
    CHECK(pthread_cond_broadcast(&condition->native) == 0);
}
