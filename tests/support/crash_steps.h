/*
 * crash_steps.h - what a run of the crash tests does to its store: random commands, ticks, syncs
 * and compactions, each on the engine and on the model.
 *
 * See crash_run.h. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_CRASH_STEPS_H
#define SCDB_TESTS_SUPPORT_CRASH_STEPS_H

#include "support/crash_run.h"

/* Makes one random step. */
void crash_steps_make(struct crash_run *run);

/* Lock held. Carries out one change on the engine (for a put, with a value that it fills in); the
 * model is the caller's business. */
enum status crash_steps_change(struct crash_run *run, struct store_change *change) MUST_CHECK;

#endif
