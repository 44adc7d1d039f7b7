/* id_set.c - see id_set.h. */
#include "server/id_set.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

/* Where the id stands, or should. */
static size_t find(const struct id_set *set, uint64_t id)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool id_set_has(const struct id_set *set, uint64_t id)
{
    size_t at = find(set, id);
    return at < set->count && set->ids[at] == id;
}

enum status id_set_add(struct id_set *set, uint64_t id)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 1 : set->capacity * 2;
        uint64_t *ids = realloc(set->ids, capacity * sizeof(*ids));
        if (ids == NULL) {
            return STATUS_NO_MEMORY;
        }
        set->ids = ids;
        set->capacity = capacity;
    }
    size_t at = find(set, id);
    memmove(set->ids + at + 1, set->ids + at, (set->count - at) * sizeof(*set->ids));
    set->ids[at] = id;
    set->count++;
    return STATUS_OK;
}

void id_set_remove(struct id_set *set, uint64_t id)
{
    size_t at = find(set, id);
    CHECK(at < set->count && set->ids[at] == id);
    set->count--;
    memmove(set->ids + at, set->ids + at + 1, (set->count - at) * sizeof(*set->ids));
}
