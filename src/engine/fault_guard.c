/* fault_guard.c - see fault_guard.h. */
#include "engine/fault_guard.h"

#include "base/check.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

/* The handler leaves by a jump. With SA_NODEFER it runs with the mask that was in force, so there
 * is none to restore, which would cost a system call for each read. ThreadSanitizer's own handler,
 * which calls ours, blocks every signal: there the mask must be restored. */
#if defined(__SANITIZE_THREAD__)
#define RESTORES_MASK 1
#else
#define RESTORES_MASK 0
#endif

static _Thread_local sigjmp_buf *volatile guard_of_thread;
static struct sigaction previous_action;
static pthread_once_t installed = PTHREAD_ONCE_INIT;

/* Not ours: hands the signal to who had it before, or lets it kill the process as by default. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(number, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(number);
    } else {
        (void)signal(number, SIG_DFL); /* the access is repeated on return, and kills */
    }
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    sigjmp_buf *guard = guard_of_thread;
    if (guard == NULL) {
        pass_on(number, info, context);
        return;
    }
    guard_of_thread = NULL;
    siglongjmp(*guard, 1);
}

static void install(void)
{
    struct sigaction action = {0};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK; /* what it passes on may want that */
    CHECK(sigemptyset(&action.sa_mask) == 0);
    CHECK(sigaction(SIGBUS, &action, &previous_action) == 0);
}

void fault_guard_install(void)
{
    CHECK(pthread_once(&installed, install) == 0);
}

bool fault_guard_run(void (*body)(void *context), void *context)
{
    sigjmp_buf guard;
    if (sigsetjmp(guard, RESTORES_MASK) != 0) {
        return false;
    }
    guard_of_thread = &guard;
    body(context);
    guard_of_thread = NULL;
    return true;
}
