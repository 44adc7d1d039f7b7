/*
 * glob.h - Redis's patterns: * ? [a-z] [^a] \x. Pure, any thread.
 */
#ifndef SCDB_COMMANDS_GLOB_H
#define SCDB_COMMANDS_GLOB_H

#include "base/slice.h"

#include <stdbool.h>

/* Does the whole text match the pattern? Takes time linear in the text for each '*' at worst
 * bounded as Redis 7 bounds it: patterns that a client made up can't hang the server. */
bool glob_match(struct slice pattern, struct slice text, bool ignore_case);

/* Is the pattern "*", which matches all? */
static inline bool glob_is_all(struct slice pattern)
{
    return pattern.size == 1 && pattern.data[0] == '*';
}

#endif
