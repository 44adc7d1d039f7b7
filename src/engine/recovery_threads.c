/* recovery_threads.c - see recovery_threads.h. */
#include "engine/recovery_threads.h"

#include "base/check.h"
#include "base/thread.h"

#include <pthread.h>

/* A few milliseconds of work; a thread is made in a hundredth of that. */
#define BYTES_MIN ((uint64_t)4 << 20)

bool recovery_threads_pay(const struct engine *engine, uint64_t bytes)
{
    return !engine->options.without_threads && bytes >= BYTES_MIN;
}

/* What thread_start() wants to know of a function with its argument. */
struct call {
    void (*function)(void *argument);
    void *argument;
};

static void *run(void *argument)
{
    const struct call *call = argument;
    call->function(call->argument);
    return NULL;
}

void recovery_threads_run(void (*first)(void *argument), void *first_argument,
                          void (*second)(void *argument), void *second_argument)
{
    struct call call = {.function = second, .argument = second_argument};
    pthread_t thread;
    bool has_thread = thread_start(&thread, run, &call) == 0;
    first(first_argument);
    if (has_thread) {
        CHECK(pthread_join(thread, NULL) == 0);
    } else {
        second(second_argument);
    }
}
