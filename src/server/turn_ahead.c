/* turn_ahead.c - see turn_ahead.h. */
#include "server/turn_ahead.h"

#include "server/worker.h"

#include <stdint.h>

/* With fewer words a lone request has so few keys that there is nothing to overlap. */
#define LONE_WORDS_LEAST 8

void turn_ahead_init(struct turn_ahead *ahead)
{
    ahead->cursor = (struct turn_cursor){.part = 0};
    ahead->group.count = 0;
    ahead->group.left_out = 0;
    ahead->group_first = 0;
    ahead->due = 0;
    ahead->next = 0;
    ahead->asked = 0;
    ahead->running = 0;
    ahead->running_from_us = 0;
}

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

/* What a part's request with this number will look up. */
static void foresee_locked(const struct worker *worker, const struct part *part, size_t number,
                           struct prefetch_group *group)
{
    const struct request *request = &worker->requests[number];
    if (request->error == NULL) {
        struct request_words words = request_words(worker, request);
        worker->server->executor->foresee(worker->server, &part->connection->session, &words,
                                          group);
    }
}

/* Begins a group with the requests at the cursor. */
static void gather_locked(struct worker *worker, struct turn_ahead *ahead)
{
    const struct engine *engine = worker->server->engine;
    struct prefetch_group *group = &ahead->group;
    struct turn_cursor *cursor = &ahead->cursor;
    size_t requests_max = prefetch_group_size_locked(engine);
    group->count = 0;
    group->left_out = 0;
    ahead->group_first = SIZE_MAX;
    size_t requests = 0;
    while (requests < requests_max && group->count < requests_max && find_request(worker, cursor)) {
        const struct part *part = &worker->parts[cursor->part];
        size_t number = part->first_request + cursor->request;
        size_t end = part->first_request + part->request_count;
        if (requests == 0) {
            ahead->group_first = number;
        }
        while (number < end && requests < requests_max && group->count < requests_max) {
            foresee_locked(worker, part, number, group);
            number++;
            requests++;
        }
        cursor->request = number - part->first_request;
    }
}

void turn_ahead_seek(const struct worker *worker, struct turn_ahead *ahead, const struct part *part)
{
    size_t number = part->first_request + part->executed;
    if (number != ahead->next) {
        ahead->cursor =
            (struct turn_cursor){.part = (size_t)(part - worker->parts), .request = part->executed};
        ahead->group.count = 0;
        ahead->group.left_out = 0;
        ahead->group_first = number;
        ahead->due = number;
        ahead->asked = 0;
        ahead->running = 0;
    }
}

static bool is_worthwhile(const struct worker *worker)
{
    return worker->request_count > 1 || worker->requests[0].argument_count >= LONE_WORDS_LEAST;
}

/* The group that ran has ended. */
static void note_locked(struct worker *worker, struct turn_ahead *ahead)
{
    int64_t now_us = statistics_hold_us_locked(worker->server->statistics);
    if (ahead->running > 0) {
        prefetch_note_locked(worker->server->engine, ahead->running,
                             now_us - ahead->running_from_us);
    }
    ahead->running = 0;
    ahead->running_from_us = now_us;
}

void turn_ahead_locked(struct worker *worker, struct turn_ahead *ahead, size_t next)
{
    struct engine *engine = worker->server->engine;
    if (!is_worthwhile(worker)) {
        ahead->due = SIZE_MAX;
        return;
    }
    note_locked(worker, ahead);
    while (turn_ahead_is_due(ahead, next)) {
        prefetch_records_locked(engine, &ahead->group);
        ahead->running = ahead->asked;
        ahead->asked = ahead->group.count + ahead->group.left_out;
        ahead->due = ahead->group_first;
        gather_locked(worker, ahead);
        prefetch_index_locked(engine, &ahead->group);
    }
}

void turn_ahead_end_hold_locked(struct worker *worker, struct turn_ahead *ahead)
{
    note_locked(worker, ahead);
    ahead->running_from_us = 0;
}
