/*
 * stat.h - `scdb-check stat`: what a store holds, as lines "name:value". One thread.
 */
#ifndef SCDB_CHECK_STAT_H
#define SCDB_CHECK_STAT_H

#include "check/live.h"

void stat_print(const struct live *live, FILE *out);

#endif
