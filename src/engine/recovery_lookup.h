/*
 * recovery_lookup.h - reading the records of a checkpoint's slots that may be of a key in the log.
 *
 * Used by one thread, which has a second one help it until the call returns, where there is much to
 * read. Nothing but the candidates is changed.
 */
#ifndef SCDB_ENGINE_RECOVERY_LOOKUP_H
#define SCDB_ENGINE_RECOVERY_LOOKUP_H

#include "engine/recovery_candidates.h"

/* Gives each candidate, which stand in the order of their records, its verdict. NO_MEMORY: some
 * have none. */
enum status recovery_lookup_all(const struct recovery_settlement *settlement,
                                struct recovery_candidates *candidates) MUST_CHECK;

#endif
