/* v1_item.c - see v1_item.h. */
#include "import/v1_item.h"

#include "base/compare.h"

#include <stdlib.h>

struct sort {
    enum v1_order order;
    struct v1_progress *progress;
    uint64_t comparisons;
};

static int compare_items(const struct v1_item *a, const struct v1_item *b, enum v1_order order)
{
    int result = order == V1_BY_HASH ? compare_numbers(a->hash, b->hash) : 0;
    if (result == 0) {
        result = compare_numbers(a->offset, b->offset);
    }
    return result != 0 ? result : compare_numbers(a->slot, b->slot);
}

static int compare_and_tell(const void *left, const void *right, void *context)
{
    struct sort *sort = context;
    if (sort->comparisons < sort->progress->total) {
        v1_progress_at(sort->progress, ++sort->comparisons);
    }
    return compare_items(left, right, sort->order);
}

/* As many as merging halves may take, which is how the C library sorts where memory allows. */
static uint64_t comparisons_max(uint64_t count)
{
    uint64_t levels = 0;
    while ((uint64_t)1 << levels < count) {
        levels++;
    }
    return count * levels;
}

void v1_items_sort(struct v1_item *items, size_t count, enum v1_order order,
                   struct v1_progress *progress)
{
    struct sort sort = {.order = order, .progress = progress};
    v1_progress_begin(progress, V1_SORTING, comparisons_max(count));
    if (count > 1) {
        qsort_r(items, count, sizeof(*items), compare_and_tell, &sort);
    }
}
