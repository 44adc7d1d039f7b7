/*
 * background.h - work that waits for the disk and must not hold up anyone: done on a thread of its
 * own, one piece after the other.
 *
 * The thread starts with the first piece of work. Any thread may call, with or without the
 * execution lock; the work itself runs without it.
 */
#ifndef SCDB_COMMANDS_BACKGROUND_H
#define SCDB_COMMANDS_BACKGROUND_H

#include "base/status.h"

/* Runs work(context) later. NO_MEMORY, or CLOSED after background_stop(): it will not run. */
enum status background_run(void (*work)(void *context), void *context) MUST_CHECK;

/* Finishes all work that was accepted and ends the thread. For the end of the server: when no
 * command runs any more, and before the engine is closed. */
void background_stop(void);

#endif
