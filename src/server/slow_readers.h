/*
 * slow_readers.h - clients that do not read the large values that they have asked for.
 *
 * Such values are sent from where they lie, and until that is done their segments' files keep their
 * room on the disk, whatever compaction has removed meanwhile: a file for a value, in the worst
 * case. So values that wait in files of the past are copied into memory, share by share, so that
 * others do not wait. Larger ones than a share stay: of their files they are no small part. What is
 * beyond client-output-buffer-pause stays, too: one reply can name one value a million times.
 */
#ifndef SCDB_SERVER_SLOW_READERS_H
#define SCDB_SERVER_SLOW_READERS_H

#include <stddef.h>

struct connection;

/* Bytes that a worker copies at a time. */
#define SLOW_READERS_SHARE ((size_t)4 << 20)

/* To be called now and then, by the connection's worker. At most `budget` bytes are copied; returns
 * what is left of it. What there is no memory for stays where it is. */
size_t slow_readers_let_go(struct connection *connection, size_t budget);

#endif
