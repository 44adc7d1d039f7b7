/*
 * latency.h - the LATENCY commands: what their files share.
 *
 * The rows are in latency.c; latency_graph.c draws. Handlers want the execution lock.
 */
#ifndef SCDB_COMMANDS_LATENCY_H
#define SCDB_COMMANDS_LATENCY_H

#include "server/command.h"

/* Handlers. */
void latency_graph(struct call *call);
void latency_histogram(struct call *call);

#endif
