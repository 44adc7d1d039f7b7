/*
 * listening_socket.h - one socket that listens: what the system has to be asked for it, and what an
 * error says to whoever runs the server. Any thread; the configuration is read, so the execution
 * lock is held once threads run.
 */
#ifndef SCDB_SERVER_LISTENING_SOCKET_H
#define SCDB_SERVER_LISTENING_SOCKET_H

#include "server/config.h"

/* Takes one address of `bind` (not empty) at `port`, which nobody else listens on; clients are
 * refused until listening_socket_begin. *out: the caller's descriptor, or -1 where an address that
 * may be missing ("-::1") is, or its protocol, which the log is told. IO: `error` says why. */
enum status listening_socket_tcp(const struct config *config, struct slice address, int *out,
                                 struct error *error) MUST_CHECK;

/* Listens from now on. IO: another does since, and `error` says so. */
enum status listening_socket_begin(const struct config *config, int descriptor,
                                   struct error *error) MUST_CHECK;

/* Listens at `unixsocket` (not empty), in the place of a socket that nobody serves any more. IO,
 * INVALID: `error` says why, and there is no socket of ours. */
enum status listening_socket_unix(const struct config *config, int *out,
                                  struct error *error) MUST_CHECK;

#endif
