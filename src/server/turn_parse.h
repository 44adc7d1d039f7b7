/*
 * turn_parse.h - the first part of a turn: what was read becomes requests. No lock held.
 */
#ifndef SCDB_SERVER_TURN_PARSE_H
#define SCDB_SERVER_TURN_PARSE_H

#include "base/slice.h"

struct connection;
struct worker;

/* Parses all whole requests of the source, which the turn then executes. The bytes stay until its
 * end. */
void turn_parse_part(struct worker *worker, struct connection *connection, struct slice source);

/* The same for what connections in LIST_RESUME have read earlier: as many as make a turn, besides
 * what was read in it; the others keep their places. */
void turn_parse_resumed(struct worker *worker);

#endif
