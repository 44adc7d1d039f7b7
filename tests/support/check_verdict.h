/*
 * check_verdict.h - what scdb-check says of a store on any disk, the simulated one too.
 */
#ifndef SCDB_TESTS_SUPPORT_CHECK_VERDICT_H
#define SCDB_TESTS_SUPPORT_CHECK_VERDICT_H

#include "engine/file.h"

#include <stdint.h>

/* How many places are damaged. */
struct check_verdict {
    uint64_t verified; /* by `verify` */
    uint64_t read;     /* by what `repair` and `dump` have in common */
};

/* Looks into the store. What is said of it is in *said, for the caller to free. Aborts (CHECK)
 * where the commands would end with "could not be done". One thread; nothing on the disk is
 * changed. */
struct check_verdict check_verdict(struct file_system *fs, char **said);

#endif
