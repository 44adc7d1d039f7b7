/*
 * fault_guard.h - reads through a mapping that survive a disk that fails under it.
 *
 * A page that the disk can't deliver raises SIGBUS in the thread that touches it. Within
 * fault_guard_run() that becomes a return value. Outside of it the handler that was there before
 * ours is called, so a program that embeds the engine keeps its own. Any thread; guards don't nest
 * (a body may not call fault_guard_run).
 */
#ifndef SCDB_ENGINE_FAULT_GUARD_H
#define SCDB_ENGINE_FAULT_GUARD_H

#include <stdbool.h>

/* Installs the handler, once for the process. */
void fault_guard_install(void);

/* Runs body(context); false when it touched a page that can't be read. The body is then left at
 * that point, so it must hold nothing that has to be released. */
bool fault_guard_run(void (*body)(void *context), void *context);

#endif
