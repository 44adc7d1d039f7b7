/*
 * advice.h - what to do about damage: the end of every message that refuses a store.
 */
#ifndef SCDB_ENGINE_ADVICE_H
#define SCDB_ENGINE_ADVICE_H

/* DIR is left for the reader to fill in: the engine knows no paths (file.h). */
#define ADVICE_DAMAGED                                                                             \
    "Run `scdb-check verify DIR` to see all that is damaged, `scdb-check repair DIR NEWDIR` to "   \
    "save the rest into a new directory, or restore a backup"

#endif
