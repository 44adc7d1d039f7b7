/*
 * compare.h - the order of numbers, as qsort() and bsearch() want to be told it. Pure.
 */
#ifndef SCDB_BASE_COMPARE_H
#define SCDB_BASE_COMPARE_H

#include <stdint.h>

/* Negative: `left` comes first; 0: they are equal. */
static inline int compare_numbers(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

#endif
