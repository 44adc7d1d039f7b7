/* slow_writers.c - see slow_writers.h. */
#include "server/slow_writers.h"

#include "base/check.h"
#include "base/clock.h"
#include "engine/engine.h"

#include <event2/event.h>

void slow_writers_note(struct worker *worker, struct connection *connection, uint64_t size)
{
    int64_t delay_us = engine_write_delay_us(worker->server->engine, size);
    if (delay_us > 0 && !connection->closing) {
        connection->slowed_until_us = clock_monotonic_us() + delay_us;
        worker_list_add(worker, LIST_SLOWED, connection);
    }
}

void slow_writers_release(struct worker *worker)
{
    struct connection_list *list = &worker->lists[LIST_SLOWED];
    if (list->count == 0) {
        return;
    }
    int64_t now_us = clock_monotonic_us();
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct connection *connection = list->items[i];
        if (connection->slowed_until_us > now_us) {
            list->items[kept++] = connection;
            continue;
        }
        connection->slowed_until_us = 0;
        worker_list_left(LIST_SLOWED, connection);
        worker_list_add(worker, LIST_RESUME, connection);
    }
    list->count = kept;
}

void slow_writers_arm(struct worker *worker)
{
    const struct connection_list *list = &worker->lists[LIST_SLOWED];
    if (list->count == 0) {
        return;
    }
    int64_t until_us = list->items[0]->slowed_until_us;
    for (size_t i = 1; i < list->count; i++) {
        int64_t other_us = list->items[i]->slowed_until_us;
        until_us = other_us < until_us ? other_us : until_us;
    }
    int64_t left_us = until_us - clock_monotonic_us();
    left_us = left_us < 1 ? 1 : left_us;
    struct timeval wait = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
    CHECK(event_add(worker->slow_event, &wait) == 0);
}
