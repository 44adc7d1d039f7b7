/* turn_ahead.c - see turn_ahead.h. */
#include "server/turn_ahead.h"

#include "server/worker.h"

#include <stdint.h>

/* Moves on to a request that is there, of a connection that is not to be closed; false: none. */
static bool find_request(const struct worker *worker, struct turn_cursor *cursor)
{
    while (cursor->part < worker->part_count) {
        const struct part *part = &worker->parts[cursor->part];
        if (!part->connection->closing && cursor->request < part->request_count) {
            return true;
        }
        cursor->part++;
        cursor->request = 0;
    }
    return false;
}

/* Begins a group with the requests at the cursor. */
static void gather_locked(struct worker *worker, struct turn_ahead *ahead)
{
    struct turn_cursor *cursor = &ahead->cursor;
    ahead->group.count = 0;
    ahead->group_first = SIZE_MAX;
    for (size_t i = 0; i < PREFETCH_GROUP_SIZE && !prefetch_is_full(&ahead->group) &&
                       find_request(worker, cursor);
         i++) {
        const struct part *part = &worker->parts[cursor->part];
        size_t number = part->first_request + cursor->request++;
        const struct request *request = &worker->requests[number];
        if (i == 0) {
            ahead->group_first = number;
        }
        if (request->error == NULL) {
            struct request_words words = request_words(worker, request);
            worker->server->executor->foresee(worker->server, &part->connection->session, &words,
                                              &ahead->group);
        }
    }
}

void turn_ahead_seek(const struct worker *worker, struct turn_ahead *ahead, const struct part *part)
{
    size_t number = part->first_request + part->executed;
    if (number != ahead->next) {
        ahead->cursor =
            (struct turn_cursor){.part = (size_t)(part - worker->parts), .request = part->executed};
        ahead->group.count = 0;
        ahead->group_first = number;
        ahead->due = number;
    }
}

void turn_ahead_locked(struct worker *worker, struct turn_ahead *ahead, size_t next)
{
    if (worker->request_count < 2) {
        ahead->due = SIZE_MAX; /* nothing to overlap it with */
    }
    while (turn_ahead_is_due(ahead, next)) {
        prefetch_records_locked(worker->server->engine, &ahead->group);
        ahead->due = ahead->group_first;
        gather_locked(worker, ahead);
        prefetch_index_locked(worker->server->engine, &ahead->group);
    }
}
