/*
 * debug_protocol.h - DEBUG PROTOCOL: an example of each type of reply, for those who write clients.
 * Pure except for the reply; any thread.
 */
#ifndef SCDB_COMMANDS_DEBUG_PROTOCOL_H
#define SCDB_COMMANDS_DEBUG_PROTOCOL_H

#include "base/slice.h"
#include "resp/reply.h"

/* Replies with the example that Redis has for the type, or an error that names all types. */
void debug_protocol_reply(struct reply *reply, struct slice type);

#endif
