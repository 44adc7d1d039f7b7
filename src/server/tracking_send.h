/*
 * tracking_send.h - invalidations on their way: to the client itself in RESP3, or to another one
 * that it has chosen, which in RESP2 gets them as messages of the channel __redis__:invalidate.
 *
 * Execution lock held.
 */
#ifndef SCDB_SERVER_TRACKING_SEND_H
#define SCDB_SERVER_TRACKING_SEND_H

#include "base/slice.h"

#include <stddef.h>

struct server;
struct session;

/* The session whose command runs. NULL: none, also while room is made for the next command. */
const struct session *tracking_caller(const struct server *server);

/* `session` tracks. These keys are out of date; NULL: all keys are. */
void tracking_send(struct server *server, struct session *session, const struct slice *keys,
                   size_t count);

#endif
