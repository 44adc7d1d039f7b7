/*
 * client.h - the CLIENT commands: what their files share.
 *
 * The rows are in client.c, the handlers by theme: client.c (what a connection says of itself),
 * client_list.c, client_kill.c, client_pause.c (PAUSE, UNPAUSE, UNBLOCK), client_tracking.c. All
 * functions want the execution lock, except the pure ones.
 */
#ifndef SCDB_COMMANDS_CLIENT_H
#define SCDB_COMMANDS_CLIENT_H

#include "base/slice.h"
#include "server/command.h"
#include "server/session.h"

#include <stdbool.h>

/* Sets the name of the connection, "" takes it away. False: the name has a character that would
 * break CLIENT LIST's lines, and the error is written; nothing has changed. */
bool client_set_name(const struct call *call, struct slice name);

/* Is each character printable and no blank? Pure. */
bool client_is_valid_attribute(struct slice value);

struct text;

/* A session's line of CLIENT LIST, without its end. The call is the one that is executed. */
void client_write_info(struct text *text, const struct session *session, const struct call *call);

/* Handlers. */
void client_info(struct call *call);
void client_list(struct call *call);
void client_kill(struct call *call);
void client_pause(struct call *call);
void client_unpause(struct call *call);
void client_unblock(struct call *call);
void client_tracking(struct call *call);
void client_caching(struct call *call);
void client_tracking_info(struct call *call);
void client_redirection(struct call *call);

#endif
