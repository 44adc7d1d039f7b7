/* argument_list.c - see argument_list.h. */
#include "resp/argument_list.h"

#include <stdint.h>
#include <stdlib.h>

#define KEPT_CAPACITY_MAX 1024
#define CAPACITY_MIN      8

struct argument_scratch {
    struct argument_scratch *next;
    char bytes[];
};

static void scratch_free(struct argument_list *list)
{
    while (list->scratch != NULL) {
        struct argument_scratch *next = list->scratch->next;
        free(list->scratch);
        list->scratch = next;
    }
}

void argument_list_reset(struct argument_list *list)
{
    scratch_free(list);
    list->count = 0;
    if (list->capacity > KEPT_CAPACITY_MAX) {
        argument_list_deinit(list);
    }
}

void argument_list_deinit(struct argument_list *list)
{
    scratch_free(list);
    free(list->items);
    *list = (struct argument_list){0};
}

size_t argument_list_grown(size_t capacity, size_t wanted, size_t item_size)
{
    if (wanted > SIZE_MAX / 2 / item_size) {
        return 0;
    }
    size_t grown = capacity + capacity / 2;
    size_t least = wanted < CAPACITY_MIN ? CAPACITY_MIN : wanted;
    return grown > least ? grown : least;
}

bool argument_list_grow(struct argument_list *list, size_t extra)
{
    size_t capacity =
        argument_list_grown(list->capacity, list->count + extra, sizeof(*list->items));
    struct slice *items =
        capacity == 0 ? NULL : realloc(list->items, capacity * sizeof(*list->items));
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->capacity = capacity;
    return true;
}

char *argument_list_scratch(struct argument_list *list, size_t size)
{
    struct argument_scratch *scratch = malloc(sizeof(*scratch) + size);
    if (scratch == NULL) {
        return NULL;
    }
    scratch->next = list->scratch;
    list->scratch = scratch;
    return scratch->bytes;
}
