/*
 * id_set.h - ids of sessions, in order: who tracks a key (tracking.c). All zero is an empty set,
 * and `ids` is for the owner to free. The lock of whoever has the set.
 */
#ifndef SCDB_SERVER_ID_SET_H
#define SCDB_SERVER_ID_SET_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_set {
    uint64_t *ids; /* owned, rising */
    size_t count;
    size_t capacity;
};

bool id_set_has(const struct id_set *set, uint64_t id);

/* The id is not there yet. NO_MEMORY: it was not added. */
enum status id_set_add(struct id_set *set, uint64_t id) MUST_CHECK;

/* The id is there (CHECKed). */
void id_set_remove(struct id_set *set, uint64_t id);

#endif
