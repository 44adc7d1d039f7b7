/* thread.c - see thread.h. */
#include "base/thread.h"

#include "base/check.h"

#include <signal.h>
#include <stddef.h>

/* What a thread does wrong is delivered to itself, and undefined where that is blocked. */
static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

int thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
    sigset_t blocked;
    sigset_t before;
    CHECK(sigfillset(&blocked) == 0);
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        CHECK(sigdelset(&blocked, faults[i]) == 0);
    }
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
    int failure = pthread_create(thread, NULL, run, context);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return failure;
}
