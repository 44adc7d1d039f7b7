/* errands.c - see errands.h. */
#include "server/errands.h"

#include "base/check.h"

void errands_init(struct errands *errands, const char *name)
{
    *errands = (struct errands){.name = name};
    mutex_init(&errands->mutex);
    condition_init(&errands->wake);
    errands->last = &errands->first;
}

void errands_deinit(struct errands *errands)
{
    CHECK(errands->first == NULL); /* the thread has run them all */
    condition_deinit(&errands->wake);
    mutex_deinit(&errands->mutex);
}

/* --- the thread --------------------------------------------------------------------------- */

/* What *link points at leaves the queue. */
static struct errand *take_out(struct errands *errands, struct errand **link)
{
    struct errand *errand = *link;
    *link = errand->next;
    if (*link == NULL) {
        errands->last = link;
    }
    return errand;
}

/* The oldest; NULL = there is none left, and there will be none. */
static struct errand *take(struct errands *errands, bool *is_stopped)
{
    mutex_lock(&errands->mutex);
    while (errands->first == NULL && !errands->is_stopped) {
        condition_wait(&errands->wake, &errands->mutex, -1);
    }
    struct errand *errand = errands->first == NULL ? NULL : take_out(errands, &errands->first);
    *is_stopped = errands->is_stopped;
    mutex_unlock(&errands->mutex);
    return errand;
}

static void *run(void *context)
{
    struct errands *errands = context;
    bool is_stopped;
    struct errand *errand;
    (void)pthread_setname_np(pthread_self(), errands->name);
    while ((errand = take(errands, &is_stopped)) != NULL) {
        errand->run(errand->context, is_stopped);
    }
    return NULL;
}

void errands_stop(struct errands *errands)
{
    mutex_lock(&errands->mutex);
    bool is_running = errands->is_running;
    errands->is_stopped = true;
    condition_wake_one(&errands->wake);
    mutex_unlock(&errands->mutex);
    if (is_running) {
        CHECK(pthread_join(errands->thread, NULL) == 0);
    }
    mutex_lock(&errands->mutex);
    errands->is_running = false;
    mutex_unlock(&errands->mutex);
}

/* --- the queue ---------------------------------------------------------------------------- */

/* Starts the thread unless it runs. The mutex is held. */
static enum status start_thread(struct errands *errands)
{
    if (errands->is_stopped) {
        return STATUS_CLOSED;
    }
    if (!errands->is_running) {
        errands->is_running = pthread_create(&errands->thread, NULL, run, errands) == 0;
    }
    return errands->is_running ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status errands_add(struct errands *errands, struct errand *errand)
{
    mutex_lock(&errands->mutex);
    enum status status = start_thread(errands);
    if (status == STATUS_OK) {
        errand->next = NULL;
        *errands->last = errand;
        errands->last = &errand->next;
        condition_wake_one(&errands->wake);
    }
    mutex_unlock(&errands->mutex);
    return status;
}

struct errand *errands_withdraw(struct errands *errands,
                                bool (*is_it)(const struct errand *errand, const void *wanted),
                                const void *wanted)
{
    mutex_lock(&errands->mutex);
    struct errand **link = &errands->first;
    while (*link != NULL && !is_it(*link, wanted)) {
        link = &(*link)->next;
    }
    struct errand *errand = *link == NULL ? NULL : take_out(errands, link);
    mutex_unlock(&errands->mutex);
    return errand;
}
