/*
 * debug_digest.h - DEBUG DIGEST and DIGEST-VALUE: whether two servers hold the same, in 40 digits.
 *
 * They are those of Redis 7.0 for the same data, so that a data set which was copied from a
 * redis-server, or to one, can be compared with it.
 */
#ifndef SCDB_COMMANDS_DEBUG_DIGEST_H
#define SCDB_COMMANDS_DEBUG_DIGEST_H

#include "server/command.h"

/* Of all databases. Reads and verifies every value, and nobody else is served meanwhile. A value
 * that can't be read is an error; a record whose key can't be is passed over, as by KEYS. */
void debug_digest(struct call *call);

/* Of the values of the keys from the third argument on; zeros for one that is not there. */
void debug_digest_value(struct call *call);

#endif
