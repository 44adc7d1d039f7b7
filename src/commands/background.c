/* background.c - see background.h. */
#include "commands/background.h"

#include "server/errands.h"

#include <pthread.h>
#include <stdlib.h>

struct piece {
    struct errand errand;
    void (*work)(void *context);
    void *context;
};

/* There is one such thread in a process, as there is one log. */
static struct {
    pthread_once_t once;
    struct errands errands;
} background = {.once = PTHREAD_ONCE_INIT};

static void init(void)
{
    errands_init(&background.errands, "background");
}

static void run(void *context, bool is_ending)
{
    struct piece *piece = context;
    (void)is_ending;
    piece->work(piece->context);
    free(piece);
}

enum status background_run(void (*work)(void *context), void *context)
{
    (void)pthread_once(&background.once, init);
    struct piece *piece = malloc(sizeof(*piece));
    if (piece == NULL) {
        return STATUS_NO_MEMORY;
    }
    *piece =
        (struct piece){.errand = {.run = run, .context = piece}, .work = work, .context = context};
    enum status status = errands_add(&background.errands, &piece->errand);
    if (status != STATUS_OK) {
        free(piece);
    }
    return status;
}

void background_stop(void)
{
    (void)pthread_once(&background.once, init);
    errands_stop(&background.errands);
}
