/*
 * hyperloglog.h - what PFADD and its kin share with PFDEBUG.
 *
 * All functions want the execution lock.
 */
#ifndef SCDB_COMMANDS_HYPERLOGLOG_H
#define SCDB_COMMANDS_HYPERLOGLOG_H

#include "base/slice.h"
#include "commands/hll.h"
#include "commands/lookup.h"
#include "server/command.h"

#include <stdbool.h>
#include <stddef.h>

/* Checks that a string that was found is a HyperLogLog and loads it. LOOKUP_REPLIED: it isn't,
 * or the lookup had replied already. */
enum lookup hyperloglog_check(struct call *call, enum lookup found, struct value *value);

/* hll-sparse-max-bytes */
size_t hyperloglog_sparse_size_max(const struct call *call);

/* Stores it at `key`, whose value was `old`. is_change as in store.h; where nothing has changed
 * but that Redis has made the string raw, nothing is stored if it was. False: the error was
 * replied. */
bool hyperloglog_store(struct call *call, struct slice key, const struct value *old,
                       const struct hll *hll, bool is_change);

/* Replies with the words for what went wrong (HLL_CORRUPT, HLL_NO_MEMORY). */
void hyperloglog_reply_failure(const struct call *call, enum hll_outcome outcome);

/* PFDEBUG and PFSELFTEST, in hyperloglog_debug.c. */
void hyperloglog_run_debug(struct call *call);
void hyperloglog_run_self_test(struct call *call);

#endif
