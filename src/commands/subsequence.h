/*
 * subsequence.h - the longest common subsequence of two strings, for LCS.
 *
 * The textbook's table of lengths (Wagner and Fischer 1974): time and memory grow with the product
 * of the lengths, so callers bound that first. Pure except for memory; any thread.
 */
#ifndef SCDB_COMMANDS_SUBSEQUENCE_H
#define SCDB_COMMANDS_SUBSEQUENCE_H

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct subsequence {
    struct slice a; /* borrowed */
    struct slice b;
    uint32_t *lengths; /* owned: of the LCS of a's first i and b's first j bytes, row by row */
};

/* The longest string that it takes. */
#define SUBSEQUENCE_SIZE_MAX ((size_t)UINT32_MAX - 2)

/* Bytes that subsequence_init will ask for; sizes are at most SUBSEQUENCE_SIZE_MAX. */
uint64_t subsequence_memory(size_t a_size, size_t b_size);

/* NO_MEMORY: there is nothing to deinit. */
enum status subsequence_init(struct subsequence *subsequence, struct slice a,
                             struct slice b) MUST_CHECK;
void subsequence_deinit(struct subsequence *subsequence);

size_t subsequence_length(const struct subsequence *subsequence);

/* A run of bytes that the strings share: a[a_first..a_last] = b[b_first..b_last]. */
struct subsequence_match {
    size_t a_first;
    size_t a_last;
    size_t b_first;
    size_t b_last;
};

/* Visits the runs from the last to the first, of which of several equally long subsequences Redis
 * would find. */
void subsequence_each(const struct subsequence *subsequence,
                      void (*visit)(void *context, const struct subsequence_match *match),
                      void *context);

#endif
