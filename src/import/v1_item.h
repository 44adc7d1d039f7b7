/*
 * v1_item.h - an entry of an ancestor's file and a slot that leads to it, as a scan gathers them,
 * and the orders in which it needs them.
 *
 * Private to src/import/. One thread at a time.
 */
#ifndef SCDB_IMPORT_V1_ITEM_H
#define SCDB_IMPORT_V1_ITEM_H

#include "import/v1_progress.h"

#include <stddef.h>
#include <stdint.h>

#define V1_NO_SLOT UINT64_MAX

struct v1_item {
    uint64_t hash; /* of the key; 0 among slots whose entries were not read yet */
    uint64_t offset;
    uint64_t slot; /* V1_NO_SLOT: none leads to it */
};

enum v1_order {
    V1_BY_OFFSET, /* then by slot */
    V1_BY_HASH    /* then as above */
};

/* Sorts them in place, which is a stage of the scan. */
void v1_items_sort(struct v1_item *items, size_t count, enum v1_order order,
                   struct v1_progress *progress);

#endif
