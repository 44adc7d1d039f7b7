/*
 * word_split.h - a command as one would type it, in words.
 */
#ifndef SCDB_TESTS_SUPPORT_WORD_SPLIT_H
#define SCDB_TESTS_SUPPORT_WORD_SPLIT_H

#include "base/slice.h"

#include <stddef.h>

#define WORD_SPLIT_MAX 64

/* Splits "ex 10 nx" at its blanks into `words`, which borrow from the text; returns how many there
 * are. Aborts (CHECK) when they are more than WORD_SPLIT_MAX. */
size_t word_split(const char *text, struct slice words[WORD_SPLIT_MAX]);

#endif
