/*
 * argument_list.h - the arguments of requests: a growing array that several requests of a batch
 * share.
 *
 * All zeros is a valid, empty list. An item is valid until the list is reset, and while the bytes
 * it was parsed from stay where they are. One owner at a time; no locks.
 */
#ifndef SCDB_RESP_ARGUMENT_LIST_H
#define SCDB_RESP_ARGUMENT_LIST_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct argument_scratch; /* bytes of unquoted inline arguments */

struct argument_list {
    struct slice *items; /* owned */
    size_t count;
    size_t capacity;
    struct argument_scratch *scratch; /* owned: what unquoted items point to */
};

/* Forgets all items and what was unquoted for them, at the end of a batch; keeps the array, unless
 * a request made it very large. */
void argument_list_reset(struct argument_list *list);
void argument_list_deinit(struct argument_list *list);

/* --- for the parser; false and NULL: out of memory, and nothing has changed ------------------- */

bool argument_list_grow(struct argument_list *list, size_t extra);

static inline bool argument_list_reserve(struct argument_list *list, size_t extra)
{
    return extra <= list->capacity - list->count || argument_list_grow(list, extra);
}

static inline bool argument_list_push(struct argument_list *list, struct slice argument)
{
    if (!argument_list_reserve(list, 1)) {
        return false;
    }
    list->items[list->count++] = argument;
    return true;
}

/* Memory that stays where it is until the list is reset. */
char *argument_list_scratch(struct argument_list *list, size_t size);

/* The capacity to give an array that must hold `wanted` items; 0: more than memory can be. */
size_t argument_list_grown(size_t capacity, size_t wanted, size_t item_size);

#endif
