/* fault_guard.c - see fault_guard.h. */
#include "engine/fault_guard.h"

#include "base/check.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

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
    /* SA_NODEFER: the handler leaves by a jump that does not restore the signal mask, because
     * saving the mask would cost a system call for each read. */
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
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
    if (sigsetjmp(guard, 0) != 0) {
        return false;
    }
    guard_of_thread = &guard;
    body(context);
    guard_of_thread = NULL;
    return true;
}
