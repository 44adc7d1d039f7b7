/*
 * salvage.h - `scdb-check repair`: what is alive and whole goes into a new store.
 *
 * One thread of its own; the new store's engine has its threads.
 */
#ifndef SCDB_CHECK_SALVAGE_H
#define SCDB_CHECK_SALVAGE_H

#include "check/live.h"

/*
 * Makes a store in the directory `path`, which must not exist or be empty, and puts every live
 * record into it. It is written as `path`.incomplete and renamed when all is durable, so that a
 * store at `path` is a whole one. EXISTS: something is there; IO, DISK_FULL, NO_MEMORY: `error`
 * tells, and nothing has come to be at `path`. *saved_keys counts.
 */
enum status salvage_into(struct live *live, const char *path, uint64_t *saved_keys,
                         struct error *error) MUST_CHECK;

#endif
