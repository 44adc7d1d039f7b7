/*
 * daemon.h - the process among others: background, pid file, service manager, limits. Main thread,
 * before other threads run (except daemon_notify).
 */
#ifndef SCDB_SERVER_DAEMON_H
#define SCDB_SERVER_DAEMON_H

#include "base/status.h"
#include "server/config_special.h"

#include <stdbool.h>
#include <stdint.h>

/* The standard streams that we were started without become /dev/null: else the first files and
 * connections would be these streams, and get what is written for people. First of all. */
void daemon_open_standard_streams(void);

/* Makes the directory when it is missing (one level) and `may_make`, and goes there; `path` becomes
 * absolute. IO: `error` names it. */
enum status daemon_enter_directory(const char *directory, bool may_make, char *path,
                                   unsigned path_size, struct error *error) MUST_CHECK;

/* Continues in a child of its own session, without a terminal; the parent exits. */
enum status daemon_detach(struct error *error) MUST_CHECK;

/* Failure is logged: a server without its pid file still serves. */
void daemon_write_pid_file(const char *path);
void daemon_remove_pid_file(const char *path);

/* Sends a line ("READY=1", "STOPPING=1") to the service manager that NOTIFY_SOCKET names, if there
 * is one. */
void daemon_notify(const char *line);

/* Who of those that `supervised` allows (`mode`) has started us and waits to be told that we serve:
 * SYSTEMD (NOTIFY_SOCKET is there), UPSTART (UPSTART_JOB is; it waits for a SIGSTOP), or NO. Any
 * thread. */
enum supervised daemon_supervisor(enum supervised mode) MUST_CHECK;

/* Raises the limit of open files as far as the hard limit goes, and that to `wanted` if it is less
 * and we may; returns the limit in force. */
uint64_t daemon_raise_file_limit(uint64_t wanted);

#endif
