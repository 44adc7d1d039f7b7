/*
 * foresee.h - what a call is going to put, told before it runs: for the rows' foresees_value.
 *
 * What is told is only a guess: the call may put something else, or nothing. A wrong one costs
 * time, no more (engine/staged.h). Where the key decides (NX, XX, KEEPTTL) it is looked at, under
 * the execution lock, so that a call which will find that it has nothing to put is not told of.
 */
#ifndef SCDB_COMMANDS_FORESEE_H
#define SCDB_COMMANDS_FORESEE_H

#include "base/status.h"

#include <stdbool.h>

struct call;
struct value;
struct foreseen;

/* What the call's first argument, a key, holds now: no use of it, as the command will look, too. */
enum status foresee_look(const struct call *call, struct value *out) MUST_CHECK;

/* SET key value [options]. */
bool foresee_set(const struct call *call, struct foreseen *out);

/* SETNX key value. */
bool foresee_setnx(const struct call *call, struct foreseen *out);

/* GETSET key value. */
bool foresee_getset(const struct call *call, struct foreseen *out);

/* SETEX and PSETEX key time value. */
bool foresee_setex(const struct call *call, struct foreseen *out);

/* MSET and MSETNX key value [key value ...]. */
bool foresee_mset(const struct call *call, struct foreseen *out);
bool foresee_msetnx(const struct call *call, struct foreseen *out);

#endif
