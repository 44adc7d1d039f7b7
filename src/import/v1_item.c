/* v1_item.c - see v1_item.h. */
#include "import/v1_item.h"

#include "base/compare.h"

#include <stdlib.h>

struct sort {
    struct v1_progress *progress;
    uint64_t comparisons;
};

/* Each of millions of entries is compared twenty times: more than a counter would be felt. */
static void count_comparison(struct sort *sort)
{
    v1_progress_at(sort->progress, ++sort->comparisons);
}

static int compare_places(const struct v1_item *a, const struct v1_item *b)
{
    int order = compare_numbers(a->offset, b->offset);
    return order != 0 ? order : compare_numbers(a->slot, b->slot);
}

static int by_offset(const void *left, const void *right, void *sort)
{
    count_comparison(sort);
    return compare_places(left, right);
}

static int by_hash(const void *left, const void *right, void *sort)
{
    const struct v1_item *a = left;
    const struct v1_item *b = right;
    count_comparison(sort);
    int order = compare_numbers(a->hash, b->hash);
    return order != 0 ? order : compare_places(a, b);
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
    struct sort sort = {.progress = progress};
    v1_progress_begin(progress, V1_SORTING, comparisons_max(count));
    if (count > 1) {
        qsort_r(items, count, sizeof(*items), order == V1_BY_HASH ? by_hash : by_offset, &sort);
    }
}
