/*
 * presence.h - is the store on the disk still ours, and its files where we left them?
 *
 * Nobody but the engine has any business in the directory; but somebody may remove, move, replace
 * or cut files there while they are in use. What the engine has open works on as before, so nothing
 * would show until the next start, which would miss what was acknowledged meanwhile. So the
 * directory is looked at now and then, and what is found amiss is said, with what can still be
 * done: a file that is open outlives its name.
 *
 * - The lock file is gone or another: it is made and locked again (file.h). Where somebody else was
 *   quicker, two write to the store, and this one stops writing for good (sync.h).
 * - The file of the log is gone, another, or shorter: the same, for what would be written there is
 *   lost at the end of the process.
 * - A sealed segment is: said, once.
 */
#ifndef SCDB_ENGINE_PRESENCE_H
#define SCDB_ENGINE_PRESENCE_H

#include <stddef.h>

struct engine;

/* How long between two looks. */
#define PRESENCE_INTERVAL_MS 1000

/* The maintenance thread's own. */
struct presence {
    size_t handle; /* of the table: the sealed segment that is next to be looked at */
};

/* One look, at the lock, the active segment and a few of the sealed ones; no lock held. */
void presence_look(struct engine *engine);

#endif
