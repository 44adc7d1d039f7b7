/*
 * store_name.h - the names that files of a store have in its directory.
 *
 * All of them are known here, so that recovery knows its own files from strangers', and nobody else
 * is given such a name. Pure functions, any thread.
 */
#ifndef SCDB_ENGINE_STORE_NAME_H
#define SCDB_ENGINE_STORE_NAME_H

#include <stdbool.h>
#include <stdint.h>

/* Behind a segment's name: what recovery has set aside of it. */
#define STORE_NAME_CUT_ENDING ".cut"

/* Lies there while an import has not come to its end (import_mark.h). */
#define STORE_NAME_IMPORT_MARK "IMPORT.unfinished"

/* Is this the name of a segment? */
bool store_name_is_segment(const char *name, uint64_t *number);

/* Is this the name of a segment, or of a checkpoint? */
bool store_name_is_numbered(const char *name, uint64_t *number);

/* Is this the name of something that was cut off a segment? */
bool store_name_is_cut(const char *name);

/* Has the store a file of this name, or may it come to make one? */
bool store_name_is_ours(const char *name);

#endif
