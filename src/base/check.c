/* check.c - see check.h. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "scdb: invariant broken at %s:%d: %s\n", file, line, condition);
    abort();
}
