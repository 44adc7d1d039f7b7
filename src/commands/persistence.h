/*
 * persistence.h - saves in the background, for BGSAVE and for save_points.h. Any thread.
 */
#ifndef SCDB_COMMANDS_PERSISTENCE_H
#define SCDB_COMMANDS_PERSISTENCE_H

#include "base/status.h"
#include "server/server.h"

/* Starts to make all durable. EXISTS: that is under way already. NO_MEMORY, CLOSED: it will not
 * be done. */
enum status persistence_begin_save(struct server *server) MUST_CHECK;

#endif
