/*
 * get_later.h - a GET of a large value, which is verified before it is answered.
 *
 * Execution lock held; the thread that verifies is the stager's (server/stager.h).
 */
#ifndef SCDB_COMMANDS_GET_LATER_H
#define SCDB_COMMANDS_GET_LATER_H

#include <stdbool.h>

struct call;
struct value;

/* True: the value is large, so the client waits while a thread verifies it, and gets its answer
 * then: the value that the key has by then. False: it is to be answered now. */
bool get_later(struct call *call, const struct value *value);

#endif
