/* recovery_threads.c - see recovery_threads.h. */
#include "engine/recovery_threads.h"

#include "base/check.h"

#include <pthread.h>

/* A few milliseconds of work; a thread is made in a hundredth of that. */
#define BYTES_MIN ((uint64_t)4 << 20)

bool recovery_threads_pay(const struct engine *engine, uint64_t bytes)
{
    return !engine->options.without_threads && bytes >= BYTES_MIN;
}

void recovery_threads_run(void *(*function)(void *), void *first, void *second)
{
    pthread_t thread;
    bool has_thread = pthread_create(&thread, NULL, function, second) == 0;
    (void)function(first);
    if (has_thread) {
        CHECK(pthread_join(thread, NULL) == 0);
    } else {
        (void)function(second);
    }
}
