/*
 * save_points.h - the directive `save`: after so many seconds all is made durable, if so many keys
 * have changed since it last was.
 *
 * Only under `appendfsync no`: under the others nothing waits longer than a second for its sync.
 */
#ifndef SCDB_COMMANDS_SAVE_POINTS_H
#define SCDB_COMMANDS_SAVE_POINTS_H

#include "base/slice.h"
#include "server/server.h"

#include <stdbool.h>
#include <stdint.h>

/* Is a save due, by one of the points? `points` are pairs of seconds and changes, as the directive
 * has them. Pure. */
bool save_points_are_due(struct slice points, uint64_t changes, int64_t passed_ms);

/* Is there any? Lock held. */
bool save_points_exist(struct server *server);

/* Starts a save when one is due. executor.tick: lock not held. */
void save_points_tick(struct server *server);

#endif
