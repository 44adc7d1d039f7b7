/*
 * crash_sweep.h - a crash at every single step of a history.
 *
 * The history runs once. Before each call that changes the disk, and so behind the one before it,
 * copies of the disk are taken and crashed: the process is killed (with a part of the write that
 * was under way); the power goes and takes all of what was not synced, none of it, only names, only
 * bytes, one name, one sector of each file, or what chance says, sector by sector. On each copy the
 * store is opened and compared with the model: it must be in the state after a prefix of whole
 * commands that has what was reported durable (after a kill: written), and its accounting must be
 * what a recount gives. Some of the recoveries are swept in the same way themselves, and so are
 * some of the recoveries from those crashes; some find the disk full, some of the stores live on
 * for a while, compact, crash once more and are looked at again.
 *
 * Copies cost little: they share all that neither side changes (sim_inode.h). One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_CRASH_SWEEP_H
#define SCDB_TESTS_SUPPORT_CRASH_SWEEP_H

#include "support/crash_phase.h"

#include <stdatomic.h>
#include <stdint.h>

/* Shared by those who sweep at the same time. */
struct crash_sweep_counts {
    _Atomic uint64_t points[CRASH_PHASE_COUNT]; /* crashes that were recovered from and looked at */
    _Atomic uint64_t kills;                     /* of these, those that only the process died of */
    _Atomic uint64_t steps;                     /* calls before which there were crashes */
    _Atomic uint64_t full_opened;  /* recoveries on a full disk, and those that had no room */
    _Atomic uint64_t full_refused; /* and were repeated with some */
    _Atomic uint64_t later_lives;
    _Atomic uint64_t histories;
};

uint64_t crash_sweep_points(const struct crash_sweep_counts *counts);

/* Is this a phase that has to be met, and no crash has hit it yet? */
bool crash_sweep_is_unmet(const struct crash_sweep_counts *counts, enum crash_phase phase);

/* Runs the history of a seed and sweeps it, until the counts have `most` points; from then on only
 * phases that are unmet. What is found wrong goes to crash_run_fail(). */
void crash_sweep_history(uint64_t seed, struct crash_sweep_counts *counts, uint64_t most);

#endif
