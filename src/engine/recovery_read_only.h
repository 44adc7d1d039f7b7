/*
 * recovery_read_only.h - the end of a recovery that must not change anything.
 *
 * Used by one thread, while the store is being opened.
 */
#ifndef SCDB_ENGINE_RECOVERY_READ_ONLY_H
#define SCDB_ENGINE_RECOVERY_READ_ONLY_H

#include "engine/recovery_files.h"

/* The history is found and loaded. What follows its end stays in its file, and nobody reads it; the
 * log says so. IO, NO_MEMORY. */
enum status recovery_leave_as_it_is(const struct recovery_files *files) MUST_CHECK;

#endif
