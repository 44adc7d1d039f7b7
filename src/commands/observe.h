/*
 * observe.h - what is noted of each call once it has been executed: counters, its latency, the slow
 * log, the clients that MONITOR. All functions want the execution lock.
 */
#ifndef SCDB_COMMANDS_OBSERVE_H
#define SCDB_COMMANDS_OBSERVE_H

#include "server/command.h"

#include <stdint.h>

/* Notes the call, which began then (statistics_begin_command_locked). The reply of one that blocks
 * is still to come: how long that takes is not noted. */
void observe_call(const struct call *call, int64_t begin_us);

/* Shows the call to those who MONITOR. observe_call() does so by itself; this is for an EXEC that
 * was refused, which Redis shows all the same: the MULTI in front of it was. */
void observe_show(const struct call *call);

/* What is shown in place of a secret argument, such as a password. */
#define OBSERVE_REDACTED "(redacted)"

#endif
