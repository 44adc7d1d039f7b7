/* standby.c - see standby.h. */
#include "base/standby.h"

#include "base/check.h"
#include "base/thread.h"

void standby_init(struct standby *standby)
{
    *standby = (struct standby){.stop = false};
    mutex_init(&standby->mutex);
    condition_init(&standby->wake);
}

void standby_deinit(struct standby *standby)
{
    condition_deinit(&standby->wake);
    mutex_deinit(&standby->mutex);
}

/* Sleeps until somebody asks, or for a while; false = stop. */
static bool wait_for_round(struct standby *standby)
{
    mutex_lock(&standby->mutex);
    if (!standby->woken && !standby->stop) {
        condition_wait(&standby->wake, &standby->mutex, standby->work.pause_ms);
    }
    standby->woken = false;
    bool stop = standby->stop;
    mutex_unlock(&standby->mutex);
    return !stop;
}

static void *standby_main(void *argument)
{
    struct standby *standby = argument;
    (void)pthread_setname_np(pthread_self(), standby->work.name);
    while (wait_for_round(standby)) {
        standby->work.round(standby->work.context);
    }
    return NULL;
}

enum status standby_start(struct standby *standby, const struct standby_work *work)
{
    standby->work = *work;
    standby->running = true;
    if (thread_start(&standby->thread, standby_main, standby) != 0) {
        standby->running = false;
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void standby_stop(struct standby *standby)
{
    if (!standby->running) {
        return;
    }
    mutex_lock(&standby->mutex);
    standby->stop = true;
    condition_wake_all(&standby->wake);
    mutex_unlock(&standby->mutex);
    CHECK(pthread_join(standby->thread, NULL) == 0);
    standby->running = false;
}

bool standby_is_running(const struct standby *standby)
{
    return standby->running;
}

void standby_set_pause(struct standby *standby, long pause_ms)
{
    standby->work.pause_ms = pause_ms;
}

void standby_wake(struct standby *standby)
{
    if (!standby->running) {
        return;
    }
    mutex_lock(&standby->mutex);
    standby->woken = true;
    condition_wake_one(&standby->wake);
    mutex_unlock(&standby->mutex);
}
