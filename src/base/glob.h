/*
 * glob.h - Redis's patterns: * ? [a-z] [^a] \x. Pure, any thread.
 */
#ifndef SCDB_BASE_GLOB_H
#define SCDB_BASE_GLOB_H

#include "base/slice.h"

#include <stdbool.h>

/* Does the whole text match the pattern? Stars are matched without recursion, at the worst in
 * time proportional to pattern * text: no pattern of a client's hangs the server. As in Redis, one
 * with more than 1000 stars that have something behind them matches nothing. */
bool glob_match(struct slice pattern, struct slice text, bool ignore_case);

/* Is the pattern "*", which matches all? */
static inline bool glob_is_all(struct slice pattern)
{
    return pattern.size == 1 && pattern.data[0] == '*';
}

#endif
