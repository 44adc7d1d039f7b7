/*
 * turn_parse.h - the first part of a turn: what was read becomes requests. No lock held.
 */
#ifndef SCDB_SERVER_TURN_PARSE_H
#define SCDB_SERVER_TURN_PARSE_H

#include "base/slice.h"

struct connection;
struct part;
struct worker;

/* Parses all whole requests of the source, which the turn then executes. The bytes stay until its
 * end. */
void turn_parse_part(struct worker *worker, struct connection *connection, struct slice source);

/* Notes how many of the connection's requests to parse in its next turn: when this one has left
 * some over, up to twice as many as it has executed and a few, so that parsing them again stays in
 * proportion. */
void turn_parse_note(const struct part *part);

/* The same as turn_parse_part() for what up to `connections_max` connections in LIST_RESUME have
 * read earlier, and no more requests than make a turn; the others keep their places. */
void turn_parse_resumed(struct worker *worker, size_t connections_max);

#endif
