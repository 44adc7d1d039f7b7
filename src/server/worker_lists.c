/* worker_lists.c - the lists of a worker's connections. See worker.h. */
#include "server/worker.h"

#include "base/check.h"
#include "server/connection.h"

#include <stdlib.h>

void worker_list_add(struct worker *worker, enum worker_list list, struct connection *connection)
{
    uint8_t bit = (uint8_t)(1U << list);
    if ((connection->lists & bit) == 0) {
        CHECK(worker->lists[list].count < worker->list_capacity);
        connection->lists |= bit;
        worker->lists[list].items[worker->lists[list].count++] = connection;
    }
}

void worker_list_left(enum worker_list list, struct connection *connection)
{
    connection->lists &= (uint8_t) ~(1U << list);
}

bool worker_lists_reserve(struct worker *worker)
{
    if (worker->connection_count < worker->list_capacity) {
        return true;
    }
    size_t capacity = worker->list_capacity == 0 ? 64 : worker->list_capacity * 2;
    for (size_t i = 0; i < LIST_COUNT; i++) {
        struct connection **items = realloc(worker->lists[i].items, capacity * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        worker->lists[i].items = items;
    }
    worker->list_capacity = capacity;
    return true;
}
