/*
 * mutex.h - a pthread mutex that clang's -Wthread-safety understands.
 *
 * The order in which locks nest is in docs/threads.md.
 */
#ifndef SCDB_BASE_MUTEX_H
#define SCDB_BASE_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

#if defined(__clang__)
#define THREAD_ANNOTATION(x) __attribute__((x))
#else
#define THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(name) THREAD_ANNOTATION(capability(name))
/* For the reader: in C, clang can't resolve a sibling member in this place. */
#define GUARDED_BY(lock)
#define REQUIRES(...)             THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRES(...)             THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASES(...)             THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS THREAD_ANNOTATION(no_thread_safety_analysis)

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t native;
};

void mutex_init(struct mutex *mutex);
void mutex_deinit(struct mutex *mutex);
void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex);
/* The same for a thread that works in the background: while somebody holds it, it sleeps and tries
 * again, for half a millisecond in all, and only then waits like others. So the holder, who
 * releases the lock often and takes it again at once, does not pay for waking a thread that will
 * find it taken. */
void mutex_lock_patiently(struct mutex *mutex) ACQUIRES(*mutex);
/* False: somebody holds it. */
bool mutex_try_lock(struct mutex *mutex) THREAD_ANNOTATION(try_acquire_capability(true, *mutex));
void mutex_unlock(struct mutex *mutex) RELEASES(*mutex);

/* pthread_cond_wait and _timedwait on CLOCK_MONOTONIC; `timeout_ms` < 0 waits for ever. Wakes
 * spuriously like any condition: call in a loop. */
struct condition {
    pthread_cond_t native;
};

void condition_init(struct condition *condition);
void condition_deinit(struct condition *condition);
void condition_wait(struct condition *condition, struct mutex *mutex, long timeout_ms)
    REQUIRES(*mutex);
void condition_wake_one(struct condition *condition);
void condition_wake_all(struct condition *condition);

#endif
