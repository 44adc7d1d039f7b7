/* background.c - see background.h. */
#include "commands/background.h"

#include "base/mutex.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct piece {
    void (*work)(void *context);
    void *context;
    struct piece *next;
};

/* There is one such thread in a process, as there is one log. */
static struct {
    pthread_once_t once;
    struct mutex mutex;
    struct condition wake;
    pthread_t thread;
    bool is_running;
    bool is_stopped;
    struct piece *first; /* owned, oldest first */
    struct piece **last; /* where the next one is hung */
} background = {.once = PTHREAD_ONCE_INIT};

static void init(void)
{
    mutex_init(&background.mutex);
    condition_init(&background.wake);
    background.last = &background.first;
}

/* The oldest piece, taken off the queue; NULL = there is none left, and there will be none. */
static struct piece *take(void)
{
    mutex_lock(&background.mutex);
    while (background.first == NULL && !background.is_stopped) {
        condition_wait(&background.wake, &background.mutex, -1);
    }
    struct piece *piece = background.first;
    if (piece != NULL) {
        background.first = piece->next;
        if (background.first == NULL) {
            background.last = &background.first;
        }
    }
    mutex_unlock(&background.mutex);
    return piece;
}

static void *run(void *unused)
{
    (void)unused;
    (void)pthread_setname_np(pthread_self(), "background");
    for (struct piece *piece = take(); piece != NULL; piece = take()) {
        piece->work(piece->context);
        free(piece);
    }
    return NULL;
}

static enum status start_thread(void)
{
    if (background.is_stopped) {
        return STATUS_CLOSED;
    }
    if (!background.is_running) {
        if (pthread_create(&background.thread, NULL, run, NULL) != 0) {
            return STATUS_NO_MEMORY;
        }
        background.is_running = true;
    }
    return STATUS_OK;
}

enum status background_run(void (*work)(void *context), void *context)
{
    pthread_once(&background.once, init);
    struct piece *piece = malloc(sizeof(*piece));
    if (piece == NULL) {
        return STATUS_NO_MEMORY;
    }
    *piece = (struct piece){.work = work, .context = context};
    mutex_lock(&background.mutex);
    enum status status = start_thread();
    if (status == STATUS_OK) {
        *background.last = piece;
        background.last = &piece->next;
        condition_wake_one(&background.wake);
    }
    mutex_unlock(&background.mutex);
    if (status != STATUS_OK) {
        free(piece);
    }
    return status;
}

void background_stop(void)
{
    pthread_once(&background.once, init);
    mutex_lock(&background.mutex);
    bool is_running = background.is_running;
    background.is_stopped = true;
    condition_wake_one(&background.wake);
    mutex_unlock(&background.mutex);
    if (is_running) {
        (void)pthread_join(background.thread, NULL);
    }
}
