/*
 * category.h - the names of the categories of commands (enum command_category), in the order in
 * which Redis lists them. Constant; any thread.
 */
#ifndef SCDB_SERVER_CATEGORY_H
#define SCDB_SERVER_CATEGORY_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CATEGORY_COUNT 21

struct category {
    uint32_t bit; /* enum command_category */
    const char *name;
};

extern const struct category category_table[CATEGORY_COUNT];

/* The category of that name ("hash", in any case). False: there is none. */
bool category_find(struct slice name, uint32_t *bit);

#endif
